//! Colours and the style sheet.
//!
//! Plots are drawn in colours that stand for roles; the style sheet gives every role its colour for
//! light and dark.

use std::fmt::Write;

use maud::{Markup, html};
use plotters::style::RGBColor;

/// Text of plots.
pub const INK: RGBColor = RGBColor(1, 0, 0);
/// Axes and guides.
pub const MUTED: RGBColor = RGBColor(2, 0, 0);
/// Lines of the grid.
pub const GRID: RGBColor = RGBColor(3, 0, 0);

/// How many series have colours of their own; more start again.
const SERIES: usize = 6;

/// The colour that stands for a series.
pub fn series(index: usize) -> RGBColor {
    RGBColor(16 + (index % SERIES) as u8, 0, 0)
}

/// A mark in the colour of a series.
pub fn swatch(index: usize) -> Markup {
    html! { i.swatch style=(format!("background:var(--s{})", index % SERIES)) {} }
}

/// The style sheet of the page.
pub fn css() -> String {
    let mut css = include_str!("style.css").to_owned();
    let mut role = |color: RGBColor, variable: &str| {
        let RGBColor(r, g, b) = color;
        for property in ["fill", "stroke"] {
            let _ = write!(
                css,
                "svg [{property}=\"#{r:02X}{g:02X}{b:02X}\"]{{{property}:var(--{variable})}}"
            );
        }
    };
    role(INK, "ink");
    role(MUTED, "muted");
    role(GRID, "grid");
    for index in 0..SERIES {
        role(series(index), &format!("s{index}"));
    }
    css
}

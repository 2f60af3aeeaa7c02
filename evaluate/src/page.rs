//! Pages of HTML that need nothing else: no network, no script, no other file.

pub mod plot;
pub mod theme;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use theme::swatch;

/// Forbids the page to load anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A page.
pub struct Page<'a> {
    /// The heading.
    pub title: &'a str,
    /// The command that made it, such as `pfp eval`.
    pub command: &'a str,
    /// Lines below the heading.
    pub lines: &'a [String],
    /// What is on it.
    pub sections: &'a [Markup],
    /// The version of what made it.
    pub version: &'a str,
}

impl Page<'_> {
    /// The page as text.
    pub fn text(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (self.title) " - " (self.command) }
                    style { (PreEscaped(theme::css())) }
                }
                body {
                    header {
                        h1 { (self.title) }
                        @for line in self.lines { p.muted { (line) } }
                    }
                    main { @for section in self.sections { (section) } }
                    footer.muted { "pfp " (self.version) }
                }
            }
        };
        page.into_string()
    }
}

/// A part of a page with a heading.
pub fn section(title: &str, note: &str, body: Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if !note.is_empty() { p.muted { (note) } }
            (body)
        }
    }
}

/// A plot with its title and what its colours mean.
pub fn figure(title: &str, legend: &Markup, svg: &str) -> Markup {
    html! {
        figure {
            figcaption { (title) }
            (legend)
            (PreEscaped(svg))
        }
    }
}

/// The names of the series of a plot, the first in this colour.
pub fn legend(first: usize, series: &[&str]) -> Markup {
    html! {
        @if series.len() > 1 {
            p.legend {
                @for (index, name) in series.iter().enumerate() {
                    span { (swatch(first + index)) (name) }
                }
            }
        }
    }
}

/// A table whose first `texts` columns are text.
pub fn table(caption: &str, texts: usize, head: &[&str], rows: &[Vec<Markup>]) -> Markup {
    let label = if caption.is_empty() { "table" } else { caption };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                @if !caption.is_empty() { caption { (caption) } }
                thead { tr { @for (column, name) in head.iter().enumerate() {
                    th.text[column < texts] scope="col" { (name) }
                } } }
                tbody { @for row in rows { tr { @for cell in row { (cell) } } } }
            }
        }
    }
}

/// A cell of text.
pub fn text(text: &str) -> Markup {
    html! { td.text { (text) } }
}

/// A cell with a bar, so much of its width, from 0 to 1.
pub fn bar(width: f64) -> Markup {
    html! { td.bar { i style=(format!("width:{:.1}%", 100.0 * width)) {} } }
}

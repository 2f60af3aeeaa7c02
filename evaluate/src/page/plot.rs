//! What plots are made of.

use pfp_compiler::error::Error;
use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};

use super::theme::{GRID, INK, MUTED, series};

/// Width and height of a plot.
const SIZE: (u32, u32) = (420, 320);

/// The size of the text of axes.
pub const TEXT: i32 = 17;

/// What is drawn on.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// How drawing ends.
pub type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A plot as SVG.
///
/// # Errors
///
/// Where drawing fails.
pub fn svg(draw: impl FnOnce(&Canvas) -> Drawn) -> Result<String, Error> {
    let mut text = String::new();
    {
        let canvas = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("plot: {error}"));
        draw(&canvas).map_err(|error| failed(&error))?;
        canvas.present().map_err(|error| failed(&error))?;
    }
    Ok(text)
}

/// Axes with a grid.
///
/// # Errors
///
/// Where drawing fails.
pub fn axes<'a, 'b, X, Y>(
    canvas: &'b Canvas<'a>,
    (x, y): (X, Y),
    (x_name, y_name): (&str, &str),
    x_label: &dyn Fn(&f64) -> String,
) -> Result<Chart<'a, 'b, X, Y>, Box<dyn std::error::Error>>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(canvas)
        .margin(10)
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(MUTED)
        .label_style(("sans-serif", TEXT).into_font().color(&INK))
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(x_label)
        .y_label_formatter(&|y| number(*y))
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()?;
    Ok(chart)
}

/// Axes to draw within.
pub type Chart<'a, 'b, X, Y> = ChartContext<
    'b,
    SVGBackend<'a>,
    Cartesian2d<<X as AsRangedCoord>::CoordDescType, <Y as AsRangedCoord>::CoordDescType>,
>;

/// A number with as many digits as a tick needs.
pub fn number(x: f64) -> String {
    let text = format!("{x:.4}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "" | "-0" => "0".into(),
        text => text.into(),
    }
}

/// A line in the colour of a series.
pub fn line(index: usize) -> ShapeStyle {
    series(index).stroke_width(2)
}

/// The least and the largest of some numbers.
pub fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// Points, and the line on which both numbers of a point are equal.
///
/// # Errors
///
/// Where drawing fails.
pub fn scatter((x_name, y_name): (&str, &str), points: &[(f64, f64)]) -> Result<String, Error> {
    let (_, high) = extent(points.iter().flat_map(|(x, y)| [*x, *y]));
    if !high.is_finite() {
        return svg(|_| Ok(()));
    }
    let most = if high > 0.0 { 1.05 * high } else { 1.0 };
    svg(|canvas| {
        let mut chart = axes(canvas, (0.0..most, 0.0..most), (x_name, y_name), &|x| number(*x))?;
        chart.draw_series(LineSeries::new([(0.0, 0.0), (most, most)], line(1)))?;
        let point = |place: &(f64, f64)| Circle::new(*place, 2, series(0).filled());
        chart.draw_series(points.iter().map(point))?;
        Ok(())
    })
}

/// Curves over numbers that count from 1, one colour for each. A curve of one number is a point.
///
/// # Errors
///
/// Where drawing fails.
pub fn curves((x_name, y_name): (&str, &str), curves: &[Vec<(f64, f64)>]) -> Result<String, Error> {
    let points = || curves.iter().flatten().filter(|(_, y)| y.is_finite());
    let (first, last) = extent(points().map(|(x, _)| *x));
    let (low, high) = extent(points().map(|(_, y)| *y));
    if first > last {
        return svg(|_| Ok(()));
    }
    let room = match 0.06 * (high - low) {
        0.0 => (0.1 * high.abs()).max(1e-6),
        room => room,
    };
    let last = if last > first { last } else { first + 1.0 };
    svg(|canvas| {
        let ranges = (first..last, low - room..high + room);
        let mut chart = axes(canvas, ranges, (x_name, y_name), &|x| number(*x))?;
        for (index, curve) in curves.iter().enumerate() {
            let shown = || curve.iter().copied().filter(|(_, y)| y.is_finite());
            chart.draw_series(LineSeries::new(shown(), line(index)))?;
            if curve.len() == 1 {
                let point = |place| Circle::new(place, 4, series(index).filled());
                chart.draw_series(shown().map(point))?;
            }
        }
        Ok(())
    })
}

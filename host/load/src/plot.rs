//! A report as a picture (SVG): the throughput over time, and below it the latencies of each operation.
//!
//! Drawn by `plotters` without its font features: widths of texts are then estimated, and the picture names a font rather than
//! holding one.

use std::error::Error;
use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{PathElement, Text};
use plotters::prelude::{Cartesian2d, IntoLogRange as _, Ranged};
use plotters::series::LineSeries;
use plotters::style::{Color as _, RGBColor, WHITE};

use crate::report::Report;
use crate::series::{INTERVAL, Point};
use crate::table::latency;

const WIDTH: u32 = 900;
const CHART_HEIGHT: u32 = 320;
const TITLE_HEIGHT: u32 = 36;
const FONT: &str = "sans-serif";

/// Room for the names of the lines, beside the chart: inside they would hide lines.
const LEGEND_WIDTH: u32 = 84;

/// Colours that are told apart by those who see red as green, too (Okabe and Ito 2008).
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
];

/// A line of latencies: its name, and which it is.
type Percentile = (&'static str, fn(&Point) -> u64);

const PERCENTILES: [Percentile; 5] = [
    ("p50", |point| point.latency.p50_us),
    ("p90", |point| point.latency.p90_us),
    ("p99", |point| point.latency.p99_us),
    ("p99.9", |point| point.latency.p999_us),
    ("max", |point| point.latency.max_us),
];

/// A named line through places.
struct Line {
    name: &'static str,
    places: Vec<(f64, f64)>,
}

/// Draws a report that has at least one point.
///
/// # Errors
/// What is missing, in a sentence.
pub(crate) fn draw(report: &Report) -> Result<String, String> {
    let Some(end) = report.points.last().map(|point| point.at_seconds) else {
        return Err("the run was too short for a plot; it takes a second or more".to_owned());
    };
    let drawn = report.operations.iter().filter(|operation| operation.count > 0).map(|operation| operation.name);
    let operations: Vec<_> = drawn.collect();
    let mut picture = String::new();
    render(&mut picture, report, &operations, end).map_err(|error| error.to_string())?;
    Ok(picture)
}

fn render(picture: &mut String, report: &Report, operations: &[&'static str], end: f64) -> Result<(), Box<dyn Error>> {
    let height = TITLE_HEIGHT + CHART_HEIGHT * (1 + operations.len() as u32);
    let root = SVGBackend::with_string(picture, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(&report.settings.workload, (FONT, 20))?;
    let areas = root.split_evenly((1 + operations.len(), 1));
    let of = |name: &'static str| report.points.iter().filter(move |point| point.operation == name);
    let rates = operations
        .iter()
        .map(|name| Line { name, places: of(name).map(|point| (middle(point), point.per_second)).collect() });
    throughput(&areas[0], &rates.collect::<Vec<_>>(), end)?;
    for (area, name) in areas[1..].iter().zip(operations) {
        let line = |(percentile, value): &Percentile| {
            let happened = of(name).filter(|point| point.count > 0);
            let places = happened.map(|point| (middle(point), value(point).max(1) as f64)).collect();
            Line { name: percentile, places }
        };
        let lines: Vec<_> = PERCENTILES.iter().map(line).collect();
        latencies(area, &format!("{name}: latency in ms"), &lines, end)?;
    }
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn throughput(area: &Area<'_>, lines: &[Line], end: f64) -> Result<(), Box<dyn Error>> {
    let (_, highest) = extent(lines);
    let (area, legend) = area.split_horizontally(WIDTH - LEGEND_WIDTH);
    draw_legend(&legend, lines)?;
    let mut builder = chart_of(&area, "answers per second");
    let mut chart = builder.build_cartesian_2d(0.0..end, 0.0..highest.max(1.0) * 1.1)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).label_style((FONT, 12)).x_desc("seconds").y_labels(6);
    mesh.y_label_formatter(&|rate| format!("{rate:.0}")).draw()?;
    draw_lines(&mut chart, lines)
}

fn latencies(area: &Area<'_>, title: &str, lines: &[Line], end: f64) -> Result<(), Box<dyn Error>> {
    let Range { start, end: top } = decades(extent(lines));
    let (area, legend) = area.split_horizontally(WIDTH - LEGEND_WIDTH);
    draw_legend(&legend, lines)?;
    let mut builder = chart_of(&area, title);
    let mut chart = builder.build_cartesian_2d(0.0..end, (start..top).log_scale())?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).label_style((FONT, 12)).x_desc("seconds").y_labels(8);
    mesh.y_label_formatter(&|us| latency(*us).trim_end_matches('0').trim_end_matches('.').to_owned()).draw()?;
    draw_lines(&mut chart, lines)
}

fn chart_of<'a, 'b>(area: &'b Area<'a>, title: &str) -> ChartBuilder<'b, 'b, SVGBackend<'a>>
where
    'a: 'b,
{
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, (FONT, 15)).margin(8).margin_right(16).x_label_area_size(34).y_label_area_size(64);
    builder
}

fn draw_lines<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    lines: &[Line],
) -> Result<(), Box<dyn Error>>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let series = LineSeries::new(line.places.iter().copied(), colour.filled().stroke_width(2)).point_size(2);
        chart.draw_series(series)?;
    }
    Ok(())
}

/// The names of the lines, one below the other.
fn draw_legend(area: &Area<'_>, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    for ((line, colour), y) in lines.iter().zip(COLOURS.iter().cycle()).zip((48..).step_by(18)) {
        area.draw(&PathElement::new([(0, y), (18, y)], colour.stroke_width(2)))?;
        area.draw(&Text::new(line.name, (24, y - 6), (FONT, 12)))?;
    }
    Ok(())
}

/// The middle of the time that a point stands for.
fn middle(point: &Point) -> f64 {
    (point.at_seconds - INTERVAL.as_secs_f64() / 2.0).max(0.0)
}

/// The lowest and the highest place.
fn extent(lines: &[Line]) -> (f64, f64) {
    let heights = lines.iter().flat_map(|line| &line.places).map(|(_, height)| *height);
    heights.fold((f64::INFINITY, 0.0), |(low, high), height| (low.min(height), high.max(height)))
}

/// Whole powers of ten around an extent, at least one apart: a logarithmic axis has no zero and no single place.
fn decades((low, high): (f64, f64)) -> Range<f64> {
    if high < 1.0 {
        return 1.0..10.0;
    }
    let (first, last) = (low.max(1.0).log10().floor(), high.log10().ceil());
    10_f64.powf(first)..10_f64.powf(last.max(first + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::report;

    #[test]
    fn a_picture_has_a_chart_for_throughput_and_one_for_each_operation_that_happened() {
        let picture = draw(&report()).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
        for text in ["answers per second", "put: latency in ms", "p99.9", "put, random keys"] {
            assert!(picture.contains(text), "{text}");
        }
        assert!(!picture.contains("conflict"));
    }

    #[test]
    fn one_second_without_any_answer_can_be_drawn() {
        let mut report = report();
        report.points.truncate(1);
        report.points[0].count = 0;
        report.points[0].per_second = 0.0;
        assert!(draw(&report).is_ok());
    }

    #[test]
    fn a_run_without_a_point_cannot_be_drawn() {
        let mut report = report();
        report.points.clear();
        assert!(draw(&report).unwrap_err().contains("too short"));
    }

    #[test]
    fn an_axis_has_at_least_one_decade() {
        assert_eq!(decades((100.0, 100.0)), 100.0..1000.0);
        assert_eq!(decades((0.0, 0.5)), 1.0..10.0);
        assert_eq!(decades((f64::INFINITY, 0.0)), 1.0..10.0);
        assert_eq!(decades((150.0, 2_000_000.0)), 100.0..10_000_000.0);
    }
}

//! The table: for a terminal, and as a page.

use std::fmt::Write as _;

use crate::row::{Goal, Measured, Unit};

const HEADINGS: [&str; 6] = ["work", "Strongroom", "etcd", "ratio", "goal", "met"];

/// Columns of even width.
pub(crate) fn text(rows: &[Measured]) -> String {
    let lines: Vec<_> = [HEADINGS.map(str::to_owned)].into_iter().chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for cells in &lines {
        let [title, others @ ..] = cells;
        _ = write!(text, "{title:<0$}", widths[0]);
        for (cell, width) in others.iter().zip(&widths[1..]) {
            _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

/// A page of Markdown.
pub(crate) fn page(date: &str, heading: &str, rows: &[Measured], notes: &[String]) -> String {
    let mut page = format!("# Strongroom and etcd side by side, {date}\n\n{heading}\n\n");
    for (number, cells) in [HEADINGS.map(str::to_owned)].into_iter().chain(rows.iter().map(cells)).enumerate() {
        _ = writeln!(page, "| {} |", cells.join(" | "));
        if number == 0 {
            page.push_str("|---|---:|---:|---:|---:|---|\n");
        }
    }
    page.push_str("\n![Ratios](ratios.svg)\n");
    if !notes.is_empty() {
        page.push_str("\nWhat failed:\n\n");
        notes.iter().for_each(|note| _ = writeln!(page, "- {note}"));
    }
    page
}

fn cells(measured: &Measured) -> [String; 6] {
    let Measured { row, strongroom, etcd } = measured;
    let none = || "-".to_owned();
    let goal = match row.goal {
        Goal::AtLeast(least) | Goal::AloneAtLeast(least) => format!("at least {least}x"),
        Goal::AtMost(most) | Goal::AloneAtMost(most) => format!("at most {most}x"),
        Goal::None => none(),
    };
    [
        row.title.to_owned(),
        figure(*strongroom, row.unit),
        etcd.map_or_else(none, |etcd| figure(etcd, row.unit)),
        measured.ratio().map_or_else(none, |ratio| figure(ratio, Unit::Times)),
        goal,
        measured.met().map_or_else(none, |met| if met { "yes" } else { "no" }.to_owned()),
    ]
}

/// A figure with its unit and about three digits that mean something.
fn figure(value: f64, unit: Unit) -> String {
    let decimals = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    let unit = match unit {
        Unit::PerSecond => "/s",
        Unit::Milliseconds => " ms",
        Unit::Microseconds => " us",
        Unit::Seconds => " s",
        Unit::Bytes => " B",
        Unit::Mebibytes => " MiB",
        Unit::Times => "x",
    };
    format!("{value:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    fn rows() -> [Measured; 2] {
        let row = |title, unit, goal, strongroom, etcd| Measured { row: Row::new(title, unit, goal), strongroom, etcd };
        [
            row("put: throughput", Unit::PerSecond, Goal::AtLeast(2.0), 30_000.4, Some(20_000.0)),
            row("sealing", Unit::Times, Goal::AloneAtLeast(0.97), 0.98, None),
        ]
    }

    #[test]
    fn each_row_has_both_figures_the_ratio_and_the_goal() {
        let page = page("2026-01-02", "Somewhere.", &rows(), &["etcd, put: 1 calls failed".to_owned()]);
        assert!(page.contains("| put: throughput | 30000/s | 20000/s | 1.50x | at least 2x | no |"), "{page}");
        assert!(page.contains("| sealing | 0.980x | - | 0.980x | at least 0.97x | yes |"), "{page}");
        assert!(page.contains("- etcd, put: 1 calls failed"), "{page}");
    }

    #[test]
    fn columns_line_up() {
        let text = text(&rows());
        let ends: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
        assert!(ends.len() == 3 && ends.iter().all(|end| *end == ends[0]), "{text}");
    }
}

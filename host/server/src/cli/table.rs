//! What a client command prints: an aligned table for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;
use time::OffsetDateTime;

/// `-o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// Rows under headings.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// A table of one row, each cell under its heading.
    pub(crate) fn single<const COLUMNS: usize>(cells: [(&'static str, String); COLUMNS]) -> Self {
        let (headings, cells): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        let mut table = Self::new(&headings);
        table.row(cells);
        table
    }

    /// Adds a row with one cell for each heading.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.headings.len(), "a row has a cell for each heading");
        self.rows.push(cells.into_iter().map(printable).collect());
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let widths: Vec<usize> = (0..self.headings.len()).map(|column| self.width(column)).collect();
        write_row(out, &widths, self.headings.iter().copied())?;
        self.rows.iter().try_for_each(|row| write_row(out, &widths, row.iter().map(String::as_str)))
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells.chain([self.headings[column].len()]).max().unwrap_or(0)
    }
}

/// Prints in the chosen form. A reader that went away (`| head`) is not an error.
pub(crate) fn print(format: Format, document: &impl Serialize, table: &Table) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = match format {
        Format::Table => table.write(&mut out),
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from).and_then(|()| writeln!(out))
        }
        Format::Yaml => {
            let text = serde_saphyr::to_string(document).map_err(io::Error::other)?;
            out.write_all(text.as_bytes())
        }
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn write_row<'a>(out: &mut impl Write, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let line: String = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
    writeln!(out, "{}", line.trim_end())
}

/// Names and prefixes come from others: they must not move the cursor of a terminal.
pub(crate) fn printable(text: String) -> String {
    if !text.chars().any(char::is_control) {
        return text;
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// RFC 3339 in UTC; a time out of its range is printed as the number it is.
pub(crate) fn timestamp(unix_seconds: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(unix_seconds) else { return unix_seconds.to_string() };
    let (hour, minute, second) = at.to_hms();
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", at.year(), u8::from(at.month()), at.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_772_323_199), "2026-02-28T23:59:59Z");
        assert_eq!(timestamp(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn columns_are_aligned_and_control_characters_shown() {
        let mut table = Table::new(&["NAME", "ID"]);
        table.row(vec!["a-long-name".into(), "1".into()]);
        table.row(vec!["b\u{1b}[2J".into(), "22".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let expected = "NAME         ID\na-long-name  1\nb\\u{1b}[2J   22\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

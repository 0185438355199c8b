//! A report for people.

use std::io::{self, Write};

use crate::report::{Report, Settings};

/// Writes the settings, a row for each operation, and what went wrong.
pub(crate) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Settings { workload, endpoints, connections, clients, keys, key_bytes, value_bytes, rate, seed } =
        &report.settings;
    writeln!(out, "{workload}")?;
    let (endpoints, clients, connections) =
        (endpoints.join(","), many(*clients as u64, "client"), many(*connections as u64, "connection"));
    writeln!(out, "{endpoints}: {clients} over {connections}, seed {seed}")?;
    if *keys > 0 {
        let keys = many(*keys, "key");
        writeln!(out, "{keys} of {key_bytes} bytes, values of {value_bytes} bytes")?;
    }
    let asked = rate.map(|rate| format!(", {rate} requests per second asked for")).unwrap_or_default();
    writeln!(out, "measured for {:.2} s{asked}; latencies in ms", report.elapsed_seconds)?;
    writeln!(out)?;
    write_operations(out, report)?;
    write_faults(out, report)
}

fn write_operations(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let headings = ["per second", "mean", "p50", "p90", "p99", "p99.9", "max"];
    write!(out, "{:<10} {:>11}", "operation", "count")?;
    headings.iter().try_for_each(|heading| write!(out, " {heading:>10}"))?;
    writeln!(out)?;
    for (place, operation) in report.operations.iter().enumerate() {
        // A conflict that did not happen, say.
        if operation.count == 0 && place > 0 {
            continue;
        }
        let of = &operation.latency;
        let columns = [of.p50_us, of.p90_us, of.p99_us, of.p999_us, of.max_us].map(|us| latency(us as f64));
        write!(out, "{:<10} {:>11} {:>10.1}", operation.name, operation.count, operation.per_second)?;
        write!(out, " {:>10}", latency(of.mean_us))?;
        columns.iter().try_for_each(|column| write!(out, " {column:>10}"))?;
        writeln!(out)?;
    }
    Ok(())
}

fn write_faults(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut lines = Vec::new();
    for (code, failure) in &report.failures {
        lines.push(format!("{} with {code}, first: {}", many(failure.count, "call failed"), failure.example));
    }
    let faults = [
        (report.unsent, "requests were due and not sent before the end: the rate was not held"),
        (report.missed, "reads found nothing; --prepare writes the keys first"),
        (report.lost, "events were lost"),
        (report.excess, "events came that nobody had caused"),
        (report.disordered, "events came twice or out of order"),
    ];
    lines.extend(faults.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    lines.extend(report.remarks.iter().cloned());
    if !lines.is_empty() {
        writeln!(out)?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "{}", printable(line)))
}

/// Microseconds as milliseconds, with the digits that mean something.
pub(crate) fn latency(us: f64) -> String {
    let ms = us / 1000.0;
    let decimals = if ms < 10.0 {
        3
    } else if ms < 100.0 {
        2
    } else {
        1
    };
    format!("{ms:.decimals$}")
}

/// A number and what is counted, of which the first word is a noun.
pub(crate) fn many(count: u64, what: &str) -> String {
    let (noun, rest) = what.split_once(' ').map_or((what, String::new()), |(noun, rest)| (noun, format!(" {rest}")));
    format!("{count} {noun}{}{rest}", if count == 1 { "" } else { "s" })
}

/// Messages come from the server: they must not move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

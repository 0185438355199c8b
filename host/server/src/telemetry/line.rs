//! One event as one line, with the fields that etcd's log has: `level`, `ts`, `caller`, `msg`, then the event's own.

use std::fmt;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;

/// Writes events in one of the two forms.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) format: LogFormat,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = Line {
            level: level(*event.metadata().level()),
            time: timestamp(OffsetDateTime::now_utc()),
            caller: fields.caller.take().unwrap_or_else(|| caller(event.metadata())),
            message: fields.message,
            fields: fields.others,
        };
        match self.format {
            LogFormat::Json => writeln!(writer, "{}", line.json()),
            LogFormat::Console => writeln!(writer, "{}", line.console()),
        }
    }
}

/// The parts of a line.
struct Line {
    level: &'static str,
    time: String,
    caller: String,
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    /// `serde_json` escapes what could end the line or move a terminal's cursor.
    fn json(&self) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let mut line = format!(
            "{{\"level\":{},\"ts\":{},\"caller\":{},\"msg\":{}",
            text(self.level),
            text(&self.time),
            text(&self.caller),
            text(&self.message)
        );
        for (name, value) in &self.fields {
            line.push_str(&format!(",{}:{value}", text(name)));
        }
        line.push('}');
        line
    }

    /// Columns between tabs, and the fields as JSON, as etcd's console has them.
    fn console(&self) -> String {
        let message = self.message.escape_debug();
        let line = format!("{}\t{}\t{}\t{message}", self.time, self.level, self.caller);
        if self.fields.is_empty() { line } else { format!("{line}\t{}", Value::from(self.fields.clone())) }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        // etcd has nothing below `debug`.
        Level::DEBUG | Level::TRACE => "debug",
    }
}

/// As etcd prints it: with microseconds, in UTC.
fn timestamp(now: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second(),
        now.microsecond()
    )
}

fn caller(metadata: &Metadata<'_>) -> String {
    match (metadata.file(), metadata.line()) {
        (Some(file), Some(line)) => format!("{}:{line}", short(file)),
        _ => metadata.target().to_owned(),
    }
}

/// The last two parts of a path, as etcd has them; every crate has a `src`, which says nothing.
fn short(file: &str) -> String {
    let mut parts = file.rsplit(['/', '\\']).filter(|part| *part != "src");
    let name = parts.next().unwrap_or(file);
    parts.next().map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"))
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    /// Where it was said, when the event came through the `log` crate.
    caller: Option<String>,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("log.file", Value::String(file)) => self.caller = Some(short(&file)),
            ("log.line", line) => {
                if let Some(caller) = &mut self.caller {
                    caller.push_str(&format!(":{line}"));
                }
            }
            ("log.target" | "log.module_path", _) => {}
            (name, value) => _ = self.others.insert(name.trim_start_matches("r#").to_owned(), value),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, of_debug(format!("{value:?}")));
    }
}

/// A list of texts looks like JSON in Rust's form as well, and is one in etcd's log.
fn of_debug(text: String) -> Value {
    match serde_json::from_str::<Vec<String>>(&text) {
        Ok(list) => list.into(),
        Err(_) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let fields = [("address".to_owned(), "127.0.0.1:1".into()), ("urls".to_owned(), of_debug("[\"a\"]".into()))];
        Line {
            level: level(Level::WARN),
            time: timestamp(OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(7)),
            caller: short("/a/registry/serve-1.0/src/door.rs"),
            message: "line\nbreak".to_owned(),
            fields: fields.into_iter().collect(),
        }
    }

    #[test]
    fn json_has_etcds_fields_in_etcds_order() {
        assert_eq!(
            line().json(),
            r#"{"level":"warn","ts":"1970-01-01T00:00:00.000007Z","caller":"serve-1.0/door.rs","msg":"line\nbreak","address":"127.0.0.1:1","urls":["a"]}"#
        );
    }

    #[test]
    fn the_console_has_columns_and_stays_on_one_line() {
        assert_eq!(
            line().console(),
            "1970-01-01T00:00:00.000007Z\twarn\tserve-1.0/door.rs\tline\\nbreak\t{\"address\":\"127.0.0.1:1\",\"urls\":[\"a\"]}"
        );
    }

    #[test]
    fn paths_are_cut_to_folder_and_file() {
        assert_eq!(short("host/server/src/run.rs"), "server/run.rs");
        assert_eq!(short("host/api/src/watch/mod.rs"), "watch/mod.rs");
        assert_eq!(short("build.rs"), "build.rs");
    }
}

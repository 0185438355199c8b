//! `strongroom plugin test`: writes with the verdicts that they should get, as YAML.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use admission::{AdmissionError, Cause, Decision, Engine, PluginMode, Sample, Told, Trial};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::cli::client::{ClientError, read};
use crate::cli::table::{Format, Table, print};

/// `plugin test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Folder of the plugin: its cases are in `cases/*.yaml`
    folder: PathBuf,
    /// The component [default: the one file in the folder that ends in .wasm]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// One file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseFile {
    /// The settings that the plugin has meanwhile.
    #[serde(default)]
    settings: String,
    /// A part of the reason for which it is to refuse these settings; there are no cases then.
    settings_refused: Option<String>,
    /// What the store holds meanwhile; the plugin may read all of it.
    #[serde(default)]
    state: Vec<Entry>,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    name: String,
    request: Write,
    /// More of what the store holds.
    #[serde(default)]
    state: Vec<Entry>,
    expect: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    key: String,
    value: Option<String>,
    value_base64: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Write {
    #[serde(default)]
    operation: Operation,
    key: String,
    range_end: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
    #[serde(default)]
    value_withheld: bool,
    lease: Option<i64>,
    #[serde(default)]
    in_txn: bool,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    caller: Caller,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Operation {
    #[default]
    Put,
    Delete,
}

/// What becomes of a verdict.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Enforce,
    Warn,
    Observe,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Caller {
    common_name: Option<String>,
    user: Option<String>,
    #[serde(default)]
    uris: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expected {
    decision: Wanted,
    /// The code of a denial.
    code: Option<String>,
    /// A part of the message of a denial, or of why there is no verdict.
    message: Option<String>,
    /// The value that is put instead.
    value: Option<String>,
    value_base64: Option<String>,
    /// All warnings, in their order.
    warnings: Option<Vec<String>>,
    /// All notes for auditors, in their order.
    notes: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    Allow,
    Deny,
    Mutate,
    /// It comes to no verdict.
    Fail,
}

#[derive(Serialize)]
struct Row {
    case: String,
    passed: bool,
    verdict: String,
    problem: String,
}

impl Test {
    /// Has the plugin review every case and prints what it makes of them.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: also when some case fails.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let component = read(&self.component.map_or_else(|| only_component(&self.folder), Ok)?)?;
        let engine = Engine::new()?;
        let mut rows = Vec::new();
        for path in files(&self.folder.join("cases"), "yaml")? {
            let text = String::from_utf8(read(&path)?).map_err(|error| unusable(&path, error))?;
            let file: CaseFile = serde_saphyr::from_str(&text).map_err(|error| unusable(&path, error))?;
            if file.settings_refused.is_some() != file.cases.is_empty() {
                return Err(unusable(&path, "a file has cases, or settings-refused"));
            }
            if let Some(reason) = &file.settings_refused {
                rows.push(refusal(&path, reason, engine.try_out(&component, Some(&file.settings)))?);
                continue;
            }
            let trial = engine.try_out(&component, Some(file.settings.as_str()))?;
            for case in file.cases {
                let state = state(file.state.iter().chain(&case.state));
                let sample = state.and_then(|state| case.request.sample(state));
                let sample = sample.map_err(|error| unusable(&path, format!("{}: {error}", case.name)))?;
                rows.push(case.expect.judge(case.name, trial.review(&sample), &path)?);
            }
        }
        if rows.is_empty() {
            return Err(unusable(&self.folder.join("cases"), "there is no case in any *.yaml file"));
        }
        let mut table = Table::new(&["CASE", "VERDICT", "RESULT"]);
        for row in &rows {
            let result = if row.passed { "ok".to_owned() } else { format!("FAILED: {}", row.problem) };
            table.row(vec![row.case.clone(), row.verdict.clone(), result]);
        }
        print(self.output, &rows, &table)?;
        match rows.iter().filter(|row| !row.passed).count() {
            0 => Ok(()),
            failed => Err(ClientError::CasesFailed { failed, count: rows.len() }),
        }
    }
}

impl Write {
    fn sample(self, state: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Sample, String> {
        let value = bytes(self.value, self.value_base64.as_deref())?;
        Ok(Sample {
            delete: self.operation == Operation::Delete,
            key: self.key.into_bytes(),
            range_end: self.range_end.map(String::into_bytes),
            lease: self.lease.or((self.operation == Operation::Put).then_some(0)),
            value: value.map(Into::into),
            value_withheld: self.value_withheld,
            in_txn: self.in_txn,
            mode: match self.mode {
                Mode::Enforce => PluginMode::Enforce,
                Mode::Warn => PluginMode::Warn,
                Mode::Observe => PluginMode::Observe,
            },
            common_name: self.caller.common_name,
            user: self.caller.user,
            uris: self.caller.uris,
            state,
        })
    }
}

impl Expected {
    fn judge(&self, case: String, told: Result<Told, Cause>, path: &Path) -> Result<Row, ClientError> {
        let wanted = bytes(self.value.clone(), self.value_base64.as_deref());
        let wanted = wanted.map_err(|error| unusable(path, format!("{case}: {error}")))?;
        let has_more = self.code.is_some() || wanted.is_some() || self.warnings.is_some() || self.notes.is_some();
        if self.decision == Wanted::Fail && has_more {
            return Err(unusable(path, format!("{case}: a plugin that fails has a message and nothing else")));
        }
        let verdict = match &told {
            Ok(Told { decision: Decision::Allow, .. }) => "allow".to_owned(),
            Ok(Told { decision: Decision::Deny { code, message }, .. }) => format!("deny {code}: {message}"),
            Ok(Told { decision: Decision::Mutate(value), .. }) => format!("mutate ({} bytes)", value.len()),
            Err(cause) => format!("failed: {cause}"),
        };
        let problem = match told {
            Ok(told) => self.problem(&told, wanted.as_deref()),
            Err(_) if self.decision != Wanted::Fail => Some(format!("expected {}", self.decision.name())),
            Err(cause) => self.other_message(&cause.to_string()),
        };
        Ok(Row { case, passed: problem.is_none(), verdict, problem: problem.unwrap_or_default() })
    }

    fn problem(&self, told: &Told, wanted: Option<&[u8]>) -> Option<String> {
        let differs = match (&told.decision, self.decision) {
            (Decision::Allow, Wanted::Allow) => None,
            (Decision::Deny { code, message }, Wanted::Deny) => {
                let other_code = self.code.as_ref().filter(|wanted| *wanted != code);
                let code = other_code.map(|wanted| format!("expected code {wanted}"));
                code.or_else(|| self.other_message(message))
            }
            (Decision::Mutate(value), Wanted::Mutate) => wanted
                .filter(|wanted| *wanted != value.expose())
                .map(|wanted| format!("expected another value, of {} bytes", wanted.len())),
            (_, wanted) => Some(format!("expected {}", wanted.name())),
        };
        differs
            .or_else(|| others("warnings", self.warnings.as_ref(), &told.warnings))
            .or_else(|| others("notes", self.notes.as_ref(), &told.notes))
    }

    fn other_message(&self, message: &str) -> Option<String> {
        let wanted = self.message.as_ref().filter(|wanted| !message.contains(*wanted));
        wanted.map(|wanted| format!("expected a message with {wanted:?}"))
    }
}

fn others(what: &str, wanted: Option<&Vec<String>>, told: &[String]) -> Option<String> {
    let wanted = wanted.filter(|wanted| *wanted != told);
    wanted.map(|wanted| format!("expected {what} {wanted:?}, got {told:?}"))
}

/// Whether settings are refused for a reason.
fn refusal(path: &Path, reason: &str, tried: Result<Trial, AdmissionError>) -> Result<Row, ClientError> {
    let case = format!("settings of {}", path.file_name().unwrap_or_default().display());
    let (verdict, problem) = match tried {
        Ok(_) => ("taken".to_owned(), Some("expected that it refuses them".to_owned())),
        Err(refused @ AdmissionError::BadSettings { .. }) => {
            let said = refused.to_string();
            let problem = (!said.contains(reason)).then(|| format!("expected a reason with {reason:?}"));
            (format!("refused: {said}"), problem)
        }
        Err(other) => return Err(other.into()),
    };
    Ok(Row { case, passed: problem.is_none(), verdict, problem: problem.unwrap_or_default() })
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Mutate => "mutate",
            Self::Fail => "that it comes to no verdict",
        }
    }
}

fn state<'a>(entries: impl Iterator<Item = &'a Entry>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, String> {
    let read = |entry: &Entry| {
        let value = bytes(entry.value.clone(), entry.value_base64.as_deref())?;
        Ok((entry.key.clone().into_bytes(), value.unwrap_or_default()))
    };
    entries.map(read).collect()
}

fn bytes(text: Option<String>, base64: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err("give value or value-base64, not both".to_owned()),
        (Some(text), None) => Ok(Some(text.into_bytes())),
        (None, Some(base64)) => {
            BASE64_STANDARD.decode(base64).map(Some).map_err(|error| format!("value-base64 is no base64: {error}"))
        }
        (None, None) => Ok(None),
    }
}

fn only_component(folder: &Path) -> Result<PathBuf, ClientError> {
    match &files(folder, "wasm")?[..] {
        [only] => Ok(only.clone()),
        [] => Err(unusable(folder, "there is no *.wasm file; name the component with --component")),
        _ => Err(unusable(folder, "there are several *.wasm files; name the component with --component")),
    }
}

/// The files in a folder with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, ClientError> {
    let failed = |source| ClientError::File { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    Ok(paths)
}

fn unusable(path: &Path, reason: impl std::fmt::Display) -> ClientError {
    ClientError::Unusable { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
#[path = "cases_tests.rs"]
mod tests;

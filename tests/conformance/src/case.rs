//! Cases as data. `cases/README.md` says how one is written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{expect, wire};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Steps with a name, for anchors.
    #[serde(default, rename = "setups")]
    _setups: Value,
    cases: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    tls: bool,
    #[serde(default)]
    differs: Vec<Difference>,
    /// Rows of a table; the case is played once for each, with its values in the place of `$names`.
    #[serde(default, rename = "for")]
    rows: Vec<Map<String, Value>>,
    steps: Value,
}

/// A version of etcd that does not answer as the newest does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    /// `<3.6`: every version before.
    pub(crate) version: String,
    /// What differs.
    pub(crate) reason: String,
}

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its file and its name.
    pub(crate) name: String,
    /// Flags for both servers.
    pub(crate) flags: Vec<String>,
    /// Whether clients show certificates.
    pub(crate) tls: bool,
    /// Versions that differ.
    pub(crate) differs: Vec<Difference>,
    /// What happens.
    pub(crate) steps: Vec<Step>,
}

/// One thing that a client does, and what it expects.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// What it does: `KV/Put`, `open`, `restart` ...
    pub(crate) action: String,
    /// With what.
    pub(crate) argument: Value,
    /// The rest.
    pub(crate) options: Options,
}

/// How a step is done and what is expected of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Options {
    /// Part of the answer.
    #[serde(default, deserialize_with = "present")]
    pub(crate) expect: Option<Value>,
    /// The error: a name of `errors.yaml`, or its code and message.
    pub(crate) error: Option<Value>,
    /// Whatever comes is right, if it is the same on both sides.
    #[serde(default)]
    pub(crate) any: bool,
    /// Repeats the call until the expectation is met.
    #[serde(default)]
    pub(crate) eventually: bool,
    /// The token's name.
    #[serde(rename = "as")]
    pub(crate) token: Option<String>,
    /// More metadata.
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, Value>,
    /// Whose certificate is shown.
    pub(crate) certificate: Option<String>,
    /// Of an HTTP request.
    pub(crate) body: Option<Value>,
    /// Lines after which an answer without an end is left.
    pub(crate) lines: Option<usize>,
    /// What `etcdctl` reads.
    pub(crate) input: Option<String>,
    /// Where Strongroom is meant to differ.
    pub(crate) deliberate: Option<Deliberate>,
}

/// What Strongroom does better, and why.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deliberate {
    /// Why.
    pub(crate) reason: String,
    /// Part of its answer.
    #[serde(default, deserialize_with = "present")]
    pub(crate) expect: Option<Value>,
    /// Its error.
    pub(crate) error: Option<Value>,
}

/// An expectation of `null` is one, too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

const OPTIONS: [&str; 11] =
    ["expect", "error", "any", "eventually", "as", "metadata", "certificate", "body", "lines", "input", "deliberate"];

/// What can be done besides calling a method.
const ACTIONS: [&str; 16] = [
    "open", "send", "receive", "created", "gather", "progress", "silent", "finish", "start", "pending", "cancel",
    "join", "http", "etcdctl", "restart", "wait",
];

/// Reads every case below a folder.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for file in files(folder)? {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let relative = file.strip_prefix(folder).unwrap_or(&file).with_extension("");
        cases.extend(
            read(&relative.display().to_string(), &text).map_err(|error| format!("{}: {error}", file.display()))?,
        );
    }
    Ok(cases)
}

/// Every file below a folder that holds cases, in order. Those at the top hold what all cases share.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>, String> {
        let listed = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut paths: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        Ok(paths)
    };
    let mut found = Vec::new();
    for group in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        found.extend(entries(&group)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")));
    }
    Ok(found)
}

/// Reads the cases of one file.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Case>, String> {
    let parsed: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let mut cases = Vec::new();
    for written in parsed.cases {
        let rows = if written.rows.is_empty() { vec![Map::new()] } else { written.rows.clone() };
        for row in rows {
            cases.push(case(file, &written, row).map_err(|error| format!("{}: {error}", written.name))?);
        }
    }
    Ok(cases)
}

fn case(file: &str, written: &Written, row: Map<String, Value>) -> Result<Case, String> {
    let values: Vec<_> = row.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let table = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(", ")) };
    let steps = steps(&replace(&written.steps, &row))?;
    let expectations = steps.iter().filter(|step| step.options.expect.is_some() || step.options.error.is_some());
    if expectations.count() == 0 && !steps.iter().any(|step| step.action == "receive" && step.argument != Value::Null) {
        return Err("it expects nothing, so it holds when both servers are wrong".to_owned());
    }
    Ok(Case {
        name: format!("{file}: {}{table}", written.name),
        flags: written.flags.clone(),
        tls: written.tls,
        differs: written.differs.clone(),
        steps,
    })
}

/// Puts a row's values in the place of their names. Other names stay.
fn replace(value: &Value, row: &Map<String, Value>) -> Value {
    match value {
        Value::String(name) => row.get(name.strip_prefix('$').unwrap_or_default()).unwrap_or(value).clone(),
        Value::Array(items) => items.iter().map(|item| replace(item, row)).collect(),
        Value::Object(fields) => {
            let named = |name: &String| match row.get(name.strip_prefix('$').unwrap_or_default()) {
                Some(Value::String(text)) => text.clone(),
                _ => name.clone(),
            };
            Value::Object(fields.iter().map(|(name, value)| (named(name), replace(value, row))).collect())
        }
        other => other.clone(),
    }
}

/// Reads steps. A list among them, such as an anchor's, is as if its steps stood there.
pub(crate) fn steps(value: &Value) -> Result<Vec<Step>, String> {
    match value {
        Value::Array(items) => {
            let parts: Vec<Vec<Step>> = items.iter().map(steps).collect::<Result<_, _>>()?;
            Ok(parts.concat())
        }
        Value::Object(fields) => step(fields).map(|step| vec![step]),
        other => Err(format!("{other} is no step")),
    }
}

fn step(fields: &Map<String, Value>) -> Result<Step, String> {
    let mut actions = fields.iter().filter(|(name, _)| !OPTIONS.contains(&name.as_str()));
    let (Some((action, argument)), None) = (actions.next(), actions.next()) else {
        return Err(format!("a step does one thing: {}", Value::Object(fields.clone())));
    };
    if !ACTIONS.contains(&action.as_str()) {
        wire::method(action)?;
    }
    let options = fields.iter().filter(|(name, _)| OPTIONS.contains(&name.as_str()));
    let options = options.map(|(name, value)| (name.clone(), value.clone())).collect();
    let options = serde_json::from_value(Value::Object(options)).map_err(|error| format!("{action}: {error}"))?;
    Ok(Step { action: action.clone(), argument: argument.clone(), options })
}

impl Step {
    /// The one entry of an argument such as `{stream: request}`.
    pub(crate) fn named(&self) -> Result<(&str, &Value), String> {
        let entry =
            self.argument.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
        let (name, value) = entry.ok_or_else(|| format!("{} wants a name and what belongs to it", self.action))?;
        Ok((name, value))
    }

    /// The same with what the names stand for.
    pub(crate) fn filled(&self, names: &expect::Names) -> Result<Self, String> {
        // What a receiver expects may bind names, so it is left as it is.
        let argument =
            if self.action == "receive" { self.argument.clone() } else { expect::fill(&self.argument, names)? };
        let mut options = self.options.clone();
        options.body = options.body.map(|body| expect::fill(&body, names)).transpose()?;
        for value in options.metadata.values_mut() {
            *value = expect::fill(value, names)?;
        }
        Ok(Self { action: self.action.clone(), argument, options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
setups:
  keys: &keys
    - KV/Put: {key: a, value: 1}
    - KV/Put: {key: b}
cases:
  - name: sorted
    for:
      - {order: ASCEND, first: a}
      - {order: DESCEND, first: b}
    steps:
      - *keys
      - KV/Range: {key: a, range_end: c, sort_order: $order}
        expect: {kvs: [{key: $first}, {}]}
      - wait: 5
";

    #[test]
    fn a_case_is_made_of_each_row() {
        let cases = read("kv/sort", TEXT).unwrap();
        assert_eq!(cases.len(), 2);
        assert_eq!(cases[1].name, "kv/sort: sorted [first \"b\", order \"DESCEND\"]");
        let actions: Vec<_> = cases[0].steps.iter().map(|step| step.action.as_str()).collect();
        assert_eq!(actions, ["KV/Put", "KV/Put", "KV/Range", "wait"]);
        assert_eq!(cases[1].steps[2].argument["sort_order"], "DESCEND");
        assert_eq!(cases[1].steps[2].options.expect.as_ref().unwrap()["kvs"][0]["key"], "b");
    }

    #[test]
    fn what_is_no_case_is_refused() {
        for wrong in [
            "cases: [{name: a, steps: [{KV/Put: {}}]}]",
            "cases: [{name: a, steps: [{KV/Fetch: {}, expect: {}}]}]",
            "cases: [{name: a, steps: [{KV/Put: {}, KV/Range: {}, expect: {}}]}]",
            "cases: [{name: a, steps: [{KV/Put: {}, expects: {}}]}]",
            "cases: [{name: a, colour: red, steps: [{KV/Put: {}, expect: {}}]}]",
        ] {
            assert!(read("x", wrong).is_err(), "{wrong}");
        }
    }
}

//! What is printed of installed plugins.

use proto::admin::{FailurePolicy, Plugin as Installed, PluginMode, PluginResponse, Replaced};
use serde::Serialize;

use super::Answer;
use crate::cli::client::ClientError;
use crate::cli::table::{Table, print};

/// Characters of a digest that a table shows: enough to tell versions apart.
const DIGEST_SHOWN: usize = 12;

#[derive(Serialize)]
struct Document {
    plugins: Vec<Row>,
    policy_epoch: u64,
}

#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    digest: String,
    component_bytes: u64,
    signed: bool,
    enabled: bool,
    policy_epoch: u64,
    mode: &'static str,
    prefixes: Vec<String>,
    operations: Vec<String>,
    users: Vec<String>,
    exempt: Vec<String>,
    may_read: Vec<String>,
    sees_sealed: bool,
    may_mutate: bool,
    failure_policy: &'static str,
    order: i32,
    timeout_ms: u32,
    memory_mib: u32,
    reuse_instances: bool,
    settings: String,
    /// Version and digest of what would be rolled back to.
    replaced_version: Option<String>,
    replaced_digest: Option<String>,
}

/// Prints what became of one plugin.
///
/// # Errors
///
/// [`ClientError::Output`].
pub(super) fn show(answer: &Answer, response: PluginResponse) -> Result<(), ClientError> {
    show_all(answer, response.plugin.into_iter().collect(), response.policy_epoch)
}

/// Prints plugins, one in a row.
///
/// # Errors
///
/// [`ClientError::Output`].
pub(super) fn show_all(answer: &Answer, plugins: Vec<Installed>, policy_epoch: u64) -> Result<(), ClientError> {
    let rows: Vec<Row> = plugins.into_iter().map(Row::from).collect();
    let mut table = Table::new(&["NAME", "VERSION", "PREFIXES", "OPERATIONS", "MODE", "ON FAILURE", "EPOCH", "DIGEST"]);
    for row in &rows {
        table.row(vec![
            row.name.clone(),
            row.version.clone(),
            row.prefixes.join(","),
            row.operations.join(","),
            if row.enabled { row.mode.to_owned() } else { "disabled".to_owned() },
            row.failure_policy.to_owned(),
            row.policy_epoch.to_string(),
            row.digest.chars().take(DIGEST_SHOWN).collect(),
        ]);
    }
    Ok(print(answer.output, &Document { plugins: rows, policy_epoch }, &table)?)
}

/// Prints all of one plugin.
///
/// # Errors
///
/// [`ClientError::Output`].
pub(super) fn show_one(answer: &Answer, plugin: Installed) -> Result<(), ClientError> {
    let row = Row::from(plugin);
    let mut table = Table::new(&["FIELD", "VALUE"]);
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(&row) else { unreachable!("a row has fields") };
    for (field, value) in fields {
        let shown = match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(texts) => {
                texts.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        table.row(vec![field, shown]);
    }
    Ok(print(answer.output, &row, &table)?)
}

/// Prefixes are bytes; they are shown as text.
fn texts(prefixes: &[impl AsRef<[u8]>]) -> Vec<String> {
    prefixes.iter().map(|prefix| String::from_utf8_lossy(prefix.as_ref()).into_owned()).collect()
}

impl From<Installed> for Row {
    fn from(plugin: Installed) -> Self {
        let binding = plugin.binding.unwrap_or_default();
        let failure_policy = match binding.failure_policy() {
            FailurePolicy::Fail => "deny",
            FailurePolicy::Ignore => "ignore",
        };
        let mode = match binding.mode() {
            PluginMode::Enforce => "enforce",
            PluginMode::Warn => "warn",
            PluginMode::Observe => "observe",
        };
        let (replaced_version, replaced_digest) = match plugin.previous {
            Some(Replaced { version, digest }) => (Some(version), Some(digest)),
            None => (None, None),
        };
        Self {
            name: plugin.name,
            version: plugin.version,
            digest: plugin.digest,
            component_bytes: plugin.component_bytes,
            signed: plugin.signed,
            enabled: !plugin.disabled,
            policy_epoch: plugin.policy_epoch,
            mode,
            prefixes: texts(&binding.prefixes),
            may_read: texts(&binding.reads),
            operations: binding.operations,
            users: binding.users,
            exempt: binding.exempt,
            sees_sealed: binding.sees_sealed,
            may_mutate: binding.may_mutate,
            failure_policy,
            order: binding.order,
            timeout_ms: binding.timeout_ms,
            memory_mib: binding.memory_mib,
            reuse_instances: binding.reuse_instances,
            settings: binding.settings,
            replaced_version,
            replaced_digest,
        }
    }
}

//! The reviews of one request by one plugin, for as long as the calling thread has time for them.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use store::PluginMode;
use types::{DeleteRange, Plain, Put, PutLease, PutValue};

use crate::contract::policy;
use crate::description::is_name;
use crate::engine::Code;
use crate::journal::Journal;
use crate::limits::{MESSAGE_BYTES_MAX, REMARK_BYTES_MAX, REMARKS_MAX};
use crate::plugin::Plugin;
use crate::reading::Reading;
use crate::sandbox::{self, Deadline};
use crate::{AdmissionError, Cause, Remarks};

/// Stands for a code that breaks the contract.
const CODE_UNSPECIFIED: &str = "unspecified";
/// Why a value may not be changed.
pub(crate) const NOT_SHOWN: &str = "that it was not shown";
/// Stands for a message that could quote a sealed value.
const MESSAGE_WITHHELD: &str = "its reason is withheld because it has seen a sealed value";

/// One write as a plugin is shown it, owned, so that it can go to another thread. Buffers are shared, not copied.
pub(crate) struct Write {
    operation: policy::Operation,
    key: Bytes,
    range_end: Option<Bytes>,
    value: Option<Plain>,
    value_withheld: bool,
    /// The plugin is shown a value that is sealed everywhere else.
    value_sealed: bool,
    lease: Option<i64>,
    in_txn: bool,
}

impl Write {
    /// `is_sealed`: the key lies under a sealed prefix. `sees_sealed`: the plugin may see such values.
    pub(crate) fn put(put: &Put, in_txn: bool, is_sealed: bool, sees_sealed: bool) -> Self {
        let value = match &put.value {
            PutValue::Set(value) => Some(value),
            PutValue::Keep => None,
        };
        let withheld = is_sealed && !sees_sealed;
        Self {
            operation: policy::Operation::Put,
            key: put.key.clone(),
            range_end: None,
            value: value.filter(|_| !withheld).cloned(),
            value_withheld: withheld && value.is_some(),
            value_sealed: is_sealed && !withheld && value.is_some(),
            lease: match put.lease {
                PutLease::Set(id) => Some(id),
                PutLease::Keep => None,
            },
            in_txn,
        }
    }

    pub(crate) fn delete(delete: &DeleteRange, in_txn: bool) -> Self {
        Self {
            operation: policy::Operation::Delete,
            key: delete.range.start.clone(),
            range_end: (!delete.range.is_single()).then(|| delete.range.wire_end()),
            value: None,
            value_withheld: false,
            value_sealed: false,
            lease: None,
            in_txn,
        }
    }

    fn request<'a>(&'a self, caller: policy::Caller<'a>, mode: policy::Mode) -> policy::Request<'a> {
        policy::Request {
            operation: self.operation,
            key: &self.key,
            range_end: self.range_end.as_deref(),
            value: self.value.as_ref().map(Plain::expose),
            value_withheld: self.value_withheld,
            lease: self.lease,
            in_txn: self.in_txn,
            caller,
            mode,
        }
    }
}

/// What a plugin makes of the writes of one request that concern it.
#[derive(Default)]
pub(crate) struct Findings {
    /// For each write, the value that it is to have instead.
    pub(crate) values: Vec<Option<Plain>>,
    pub(crate) remarks: Remarks,
}

impl Findings {
    /// Bytes of the values that the writes are to have instead.
    pub(crate) fn mutated_bytes(&self) -> usize {
        self.values.iter().flatten().map(Plain::len).sum()
    }
}

/// What came of the reviews of one request.
pub(crate) struct Reviewed<'a> {
    plugin: &'a Plugin,
    outcome: Result<Findings, AdmissionError>,
    /// What the plugin logged.
    said: Journal,
}

impl Reviewed<'_> {
    /// The outcome, which counts: what the plugin logged goes into its log.
    pub(crate) fn told(self) -> Result<Findings, AdmissionError> {
        self.plugin.journal.append(self.said);
        self.outcome
    }

    /// Whether the guest was ended at its deadline.
    pub(crate) fn was_late(&self) -> bool {
        matches!(self.outcome, Err(AdmissionError::PluginFailed { cause: Cause::Deadline { .. }, .. }))
    }
}

/// One plugin at work on one request.
pub(crate) struct Reviewer {
    plugin: Arc<Plugin>,
    code: Code,
    reading: Option<Arc<Reading>>,
    common_name: Option<String>,
    user: Option<String>,
    uris: Vec<String>,
}

impl Reviewer {
    pub(crate) fn new(plugin: Arc<Plugin>, code: Code, permit: &auth::Permit, reading: Option<Arc<Reading>>) -> Self {
        let identity = permit.caller().identity();
        let user = match permit.actor() {
            auth::Actor::User(name) => Some(name),
            auth::Actor::Nobody | auth::Actor::Root => None,
        };
        Self {
            plugin,
            code,
            reading,
            common_name: identity.and_then(|identity| identity.common_name()).map(str::to_owned),
            user,
            uris: identity.map(|identity| identity.uris().to_vec()).unwrap_or_default(),
        }
    }

    /// The same for writes whose author is not known any more.
    pub(crate) fn of_the_past(plugin: Arc<Plugin>, code: Code, reading: Arc<Reading>) -> Self {
        Self { plugin, code, reading: Some(reading), common_name: None, user: None, uris: Vec::new() }
    }

    /// Passes the first denial or failure on. The deadline is for all the writes together.
    pub(crate) fn review(&self, writes: &[Write], deadline: Deadline) -> Reviewed<'_> {
        let (plugin, mut findings, said) = (self.plugin.as_ref(), Findings::default(), Journal::default());
        for write in writes {
            let begun = Instant::now();
            let reviewed = self.review_one(write, deadline, &mut findings.remarks, &said);
            self.plugin.quickness.add(begun.elapsed());
            match reviewed {
                Ok(value) => findings.values.push(value),
                Err(error) => return Reviewed { plugin, outcome: Err(error.after(findings.remarks)), said },
            }
        }
        Reviewed { plugin, outcome: Ok(findings), said }
    }

    fn review_one(
        &self,
        write: &Write,
        deadline: Deadline,
        remarks: &mut Remarks,
        said: &Journal,
    ) -> Result<Option<Plain>, AdmissionError> {
        let uris: Vec<&str> = self.uris.iter().map(String::as_str).collect();
        let caller =
            policy::Caller { common_name: self.common_name.as_deref(), user: self.user.as_deref(), uris: &uris };
        let request = write.request(caller, mode(self.plugin.mode));
        let (instances, reading) = (&self.code.instances, self.reading.as_ref());
        let (idle, grant) = (self.plugin.idle.as_ref(), &self.plugin.grant);
        let (verdict, traces) = sandbox::run_in(idle, instances, grant, reading, deadline, |plugin, store| {
            plugin.strongroom_admission_policy().call_review(store, request.clone())
        });
        self.plugin.metrics.took_memory(traces.memory_bytes);
        // What was said about a sealed value could quote it.
        let saw_sealed = write.value_sealed || traces.saw_sealed;
        if !saw_sealed {
            said.add(traces.lines);
        }
        let verdict = verdict.map_err(|cause| self.plugin.failed(cause))?;
        if !saw_sealed {
            remarks.warnings.extend(self.remarks(&verdict.warnings));
            remarks.notes.extend(self.remarks(&verdict.notes));
        }
        match verdict.decision {
            policy::Decision::Allow => Ok(None),
            policy::Decision::Deny(denial) => Err(self.denied(denial, saw_sealed)),
            policy::Decision::Mutate(value) => {
                let changed = self.changed(write, value, traces.saw_sealed);
                changed.map(Some).map_err(|reason| self.plugin.failed(Cause::Mutation { reason }))
            }
        }
    }

    /// The warnings or notes of a verdict, fit to be shown, with whose they are.
    fn remarks(&self, lines: &[String]) -> impl Iterator<Item = String> {
        let of = |line: &String| format!("{}: {}", self.plugin.name, one_line(line, REMARK_BYTES_MAX));
        lines.iter().take(REMARKS_MAX).map(of)
    }

    fn changed(&self, write: &Write, value: Vec<u8>, read_sealed: bool) -> Result<Plain, &'static str> {
        let value = Plain::from(value);
        if !self.plugin.grant.may_mutate {
            return Err("and may not: it was not granted to");
        }
        if write.value.is_none() {
            return Err(NOT_SHOWN);
        }
        if read_sealed && !write.value_sealed {
            return Err("that is not sealed, having read one that is");
        }
        Ok(value)
    }

    fn denied(&self, denial: policy::Denial, saw_sealed: bool) -> AdmissionError {
        let code = if is_name(&denial.code) { denial.code } else { CODE_UNSPECIFIED.to_owned() };
        let message =
            if saw_sealed { MESSAGE_WITHHELD.to_owned() } else { one_line(&denial.message, MESSAGE_BYTES_MAX) };
        AdmissionError::Denied { plugin: self.plugin.name.clone(), code, message, remarks: Box::default() }
    }
}

pub(crate) fn mode(mode: PluginMode) -> policy::Mode {
    match mode {
        PluginMode::Enforce => policy::Mode::Enforce,
        PluginMode::Warn => policy::Mode::Warn,
        PluginMode::Observe => policy::Mode::Observe,
    }
}

/// A stranger's text, fit for one line of a terminal or a status: control characters become spaces, and it is cut at so many
/// bytes.
pub(crate) fn one_line(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max);
    text[..end].chars().map(|each| if each.is_control() { ' ' } else { each }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_becomes_one_short_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m\u{85}c", MESSAGE_BYTES_MAX), "a b [31m c");
        // Three bytes each, so the bound falls within a character.
        let cut = one_line(&"\u{20ac}".repeat(MESSAGE_BYTES_MAX), MESSAGE_BYTES_MAX);
        assert_eq!(cut.len(), MESSAGE_BYTES_MAX - MESSAGE_BYTES_MAX % 3);
    }
}

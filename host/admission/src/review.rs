//! The reviews of one request by one plugin, on a thread that may block.

use std::time::Duration;

use bytes::Bytes;
use types::{DeleteRange, Plain, Put, PutLease, PutValue};

use crate::contract::policy;
use crate::description::is_name;
use crate::engine::Code;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::sandbox::{self, Deadline};
use crate::{AdmissionError, Cause};

/// Stands for a code that breaks the contract.
const CODE_UNSPECIFIED: &str = "unspecified";
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

    fn request<'a>(&'a self, caller: policy::Caller<'a>) -> policy::Request<'a> {
        policy::Request {
            operation: self.operation,
            key: &self.key,
            range_end: self.range_end.as_deref(),
            value: self.value.as_ref().map(Plain::expose),
            value_withheld: self.value_withheld,
            lease: self.lease,
            in_txn: self.in_txn,
            caller,
        }
    }
}

/// One plugin at work on one request.
pub(crate) struct Reviewer {
    plugin: String,
    code: Code,
    timeout: Duration,
    common_name: Option<String>,
    uris: Vec<String>,
}

impl Reviewer {
    pub(crate) fn new(plugin: &str, code: Code, timeout: Duration, caller: &auth::Caller) -> Self {
        let identity = caller.identity();
        Self {
            plugin: plugin.to_owned(),
            code,
            timeout,
            common_name: identity.and_then(|identity| identity.common_name()).map(str::to_owned),
            uris: identity.map(|identity| identity.uris().to_vec()).unwrap_or_default(),
        }
    }

    /// Passes the first denial or failure on. The time limit is for all the writes together.
    pub(crate) fn review(&self, writes: &[Write]) -> Result<(), AdmissionError> {
        let deadline = Deadline::after(self.timeout);
        writes.iter().try_for_each(|write| self.review_one(write, deadline))
    }

    fn review_one(&self, write: &Write, deadline: Deadline) -> Result<(), AdmissionError> {
        let uris: Vec<&str> = self.uris.iter().map(String::as_str).collect();
        let caller = policy::Caller { common_name: self.common_name.as_deref(), uris: &uris };
        let request = write.request(caller);
        let verdict = sandbox::run(&self.code.instances, deadline, |plugin, store| {
            plugin.strongroom_admission_policy().call_review(store, request)
        });
        match verdict.map_err(|cause| self.failed(cause))? {
            policy::Verdict::Allow => Ok(()),
            policy::Verdict::Deny(denial) => Err(self.denied(denial, write.value_sealed)),
        }
    }

    fn denied(&self, denial: policy::Denial, saw_sealed: bool) -> AdmissionError {
        let code = if is_name(&denial.code) { denial.code } else { CODE_UNSPECIFIED.to_owned() };
        let message = if saw_sealed { MESSAGE_WITHHELD.to_owned() } else { one_line(&denial.message) };
        AdmissionError::Denied { plugin: self.plugin.clone(), code, message }
    }

    fn failed(&self, cause: Cause) -> AdmissionError {
        AdmissionError::PluginFailed { plugin: self.plugin.clone(), cause }
    }
}

/// A stranger's text, fit for one line of a terminal or a status: control characters become spaces, and it is cut at
/// [`MESSAGE_BYTES_MAX`].
pub(crate) fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(MESSAGE_BYTES_MAX);
    text[..end].chars().map(|each| if each.is_control() { ' ' } else { each }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_becomes_one_short_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m\u{85}c"), "a b [31m c");
        // Three bytes each, so the bound falls within a character.
        let cut = one_line(&"\u{20ac}".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(cut.len(), MESSAGE_BYTES_MAX - MESSAGE_BYTES_MAX % 3);
    }
}

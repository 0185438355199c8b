//! What a plugin would have made of the writes of the past, for who is about to enforce it.

use std::sync::Arc;

use seal::{Keyring, Sealed};
use store::PluginRecord;
use types::{DeleteRange, Event, EventKind, KeyRange, Plain, Put, PutLease, PutValue};

use crate::engine::Code;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::plugin::Plugin;
use crate::reading::Reading;
use crate::review::{Reviewer, Write};
use crate::sandbox::Deadline;
use crate::{AdmissionError, Cause, Engine, State};

/// A plugin that is not in force. What it logs, and what is counted of it, goes with it.
pub struct Candidate {
    plugin: Arc<Plugin>,
    code: Code,
    state: Arc<dyn State>,
}

/// What would have become of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindsight {
    /// It would have passed.
    Passed {
        /// With another value.
        changed: bool,
        /// With these words to whoever wrote it.
        warnings: Vec<String>,
    },
    /// It would have been denied.
    Denied {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// The plugin would have failed.
    Failed(Cause),
}

impl Engine {
    /// Makes a component ready to be shown the past of `state`, as if it were bound as `record` says. Whose writes it reviews is
    /// not asked: the past does not say who wrote.
    ///
    /// # Errors
    /// Why the component cannot be run.
    pub fn candidate(
        &self,
        component: &[u8],
        record: &PluginRecord,
        state: Arc<dyn State>,
    ) -> Result<Candidate, AdmissionError> {
        let code = self.code(component)?;
        let metrics = Metrics::new().of(&record.name);
        let plugin = Plugin::new(record, Ok(code.clone()), Arc::new(Journal::default()), metrics);
        Ok(Candidate { plugin: Arc::new(plugin), code, state })
    }
}

impl Candidate {
    /// Whether it may want to review what happened to this key.
    #[must_use]
    pub fn may_review(&self, key: &[u8], kind: EventKind) -> bool {
        self.plugin.concerns(key, kind == EventKind::Delete)
    }

    /// Has it review one event of the past, given with what it replaced; `None` if it would not have been asked. It reads the store
    /// as it was before. The keyring is at least as new as the event was read.
    ///
    /// Blocks for as long as a review takes.
    #[must_use]
    pub fn review(&self, event: &Event<Sealed>, keyring: &Arc<Keyring>) -> Option<Hindsight> {
        let write = match self.write(event, keyring)? {
            Ok(write) => write,
            Err(cause) => return Some(Hindsight::Failed(cause)),
        };
        let before = event.kv.mod_revision - 1;
        let reading = Arc::new(Reading::at(before, Arc::clone(&self.state), Arc::clone(keyring)));
        let reviewer = Reviewer::of_the_past(Arc::clone(&self.plugin), self.code.clone(), reading);
        Some(match reviewer.review(&[write], Deadline::after(self.plugin.timeout)).told() {
            Ok(findings) => Hindsight::Passed {
                changed: findings.values.iter().any(Option::is_some),
                warnings: findings.remarks.warnings,
            },
            Err(AdmissionError::Denied { code, message, .. }) => Hindsight::Denied { code, message },
            Err(AdmissionError::PluginFailed { cause, .. }) => Hindsight::Failed(cause),
            Err(other) => Hindsight::Failed((&other).into()),
        })
    }

    /// The event as the write that it was, as far as can be told: not whether it was part of a transaction. A delete of a range has
    /// become one of each key; that of a key under a lease may have been nobody's.
    fn write(&self, event: &Event<Sealed>, keyring: &Keyring) -> Option<Result<Write, Cause>> {
        let key = event.kv.key.clone();
        if event.kind == EventKind::Delete {
            if event.prev.as_ref().is_some_and(|prev| prev.lease != 0) {
                return None;
            }
            let range = KeyRange::single(key);
            let reviewed = self.plugin.reviews_delete_of(&range);
            return reviewed.then(|| Ok(Write::delete(&DeleteRange { range, prev_kv: false }, false)));
        }
        let is_sealed = event.kv.value.is_sealed() || keyring.covers(&key);
        let value = if is_sealed && !self.plugin.sees_sealed {
            // It is told that there is one, and no more.
            Ok(Plain::from(Vec::new()))
        } else {
            keyring.open_value(&key, event.kv.value.clone())
        };
        let put =
            |value| Put { key, value: PutValue::Set(value), lease: PutLease::Set(event.kv.lease), prev_kv: false };
        match value.map(put) {
            Ok(put) => {
                let reviewed = self.plugin.reviews_put_of(&put);
                reviewed.then(|| Ok(Write::put(&put, false, is_sealed, self.plugin.sees_sealed)))
            }
            Err(error) => Some(Err(Cause::State { reason: error.to_string() })),
        }
    }
}

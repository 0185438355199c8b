//! A policy epoch, and the evidence that a write was reviewed under it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use auth::Permit;
use seal::{Keyring, SealError};
use store::PluginMode;
use store::command::{Premise, Stamp};
use store::users::Author;
use types::Operation;

use crate::limits::MUTATED_BYTES_MAX;
use crate::reading::Reading;
use crate::{AdmissionError, PluginSet, Remarks, SealedWrite, State, writes};

/// Everything that decides how a write is reviewed and sealed, as of one policy epoch. Never changes.
pub struct Policy {
    epoch: u64,
    plugins: PluginSet,
    keyring: Arc<Keyring>,
    state: Arc<dyn State>,
}

impl Policy {
    /// The policy of `epoch`, whose plugins read in `state`. The other three must have been read from one state.
    #[must_use]
    pub fn new(epoch: u64, plugins: PluginSet, keyring: Arc<Keyring>, state: Arc<dyn State>) -> Self {
        Self { epoch, plugins, keyring, state }
    }

    /// The policy epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The plugins in force.
    #[must_use]
    pub fn plugins(&self) -> &PluginSet {
        &self.plugins
    }

    /// The data keys in force.
    #[must_use]
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Whether some plugin in force may read of the store: what it denies may be so only because this member is behind.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.reads())
    }

    /// Shows every plugin the writes that concern it, those of both branches of a transaction included.
    ///
    /// One plugin after the other, in their order, up to the first that denies or fails; each sees what the ones before it
    /// made of the values. A request that concerns no plugin takes no thread and no lane.
    ///
    /// # Errors
    /// [`AdmissionError::Denied`], or [`AdmissionError::PluginFailed`] of a plugin that is set to fail closed.
    pub async fn review<'a>(
        self: &Arc<Self>,
        permit: Permit,
        original: &'a Operation,
    ) -> Result<Admitted<'a>, AdmissionError> {
        // A plugin changes values only, so whom the keys concern stays the same.
        let (mut operation, mut mutable_bytes) = (Cow::Borrowed(original), MUTATED_BYTES_MAX);
        let mut remarks = Remarks::default();
        let (mut reading, mut premises) = (None, Vec::new());
        for plugin in self.plugins.concerned_by(original).filter(|plugin| plugin.reviews_writes_of(&permit)) {
            let writes = writes::concerning(plugin, &self.keyring, &operation);
            if writes.is_empty() {
                continue;
            }
            let reads = plugin.reads().then(|| {
                let begin = || Arc::new(Reading::new(Arc::clone(&self.state), Arc::clone(&self.keyring)));
                Arc::clone(reading.get_or_insert_with(begin))
            });
            let reviewed = plugin.review(&permit, writes, reads, mutable_bytes).await;
            let findings = reviewed.map_err(|error| error.after(std::mem::take(&mut remarks)))?;
            let read = reading.as_ref().map(|reading| reading.take_premises()).unwrap_or_default();
            if plugin.mode == PluginMode::Enforce {
                premises.extend(read);
            }
            mutable_bytes = mutable_bytes.saturating_sub(findings.mutated_bytes());
            remarks.append(findings.remarks);
            if findings.values.iter().any(Option::is_some) {
                writes::replace(plugin, operation.to_mut(), findings.values);
            }
        }
        Ok(Admitted { operation, remarks: remarks.bounded(), premises, permit, policy: Arc::clone(self) })
    }
}

/// Evidence that every plugin in force passed an operation. Only [`Policy::review`] makes one.
pub struct Admitted<'a> {
    operation: Cow<'a, Operation>,
    remarks: Remarks,
    premises: Vec<Premise>,
    permit: Permit,
    policy: Arc<Policy>,
}

impl Admitted<'_> {
    /// What the plugins have to say to whoever wrote; at most [`crate::limits::REMARKS_MAX`] lines.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.remarks.warnings
    }

    /// What the plugins have to say to auditors; at most [`crate::limits::REMARKS_MAX`] lines.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.remarks.notes
    }

    /// Seals the values under the policy that reviewed them.
    ///
    /// # Errors
    /// [`SealError`]: no root key here, or a compare that a sealed prefix cannot answer.
    pub fn seal(&self) -> Result<SealedWrite, SealError> {
        let (auth_revision, author) = (self.permit.auth_revision(), Author::of(self.permit.actor()));
        let stamp = Stamp { policy_epoch: self.policy.epoch, auth_revision, author, premises: self.premises.clone() };
        SealedWrite::of(&self.operation, &self.policy.keyring, stamp)
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a write admitted under policy epoch {}", self.policy.epoch)
    }
}

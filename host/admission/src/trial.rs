//! Reviews without a cluster: for a plugin's author, who wants to see what the real engine makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use seal::{Keyring, Sealed};
use store::{Piece, PieceLimits, PluginMode, ReadError};
use types::{KeyRange, KeyValue, Plain};

use crate::contract::policy;
use crate::engine::Code;
use crate::idle::Idle;
use crate::limits::MEMORY_BYTES_MAX;
use crate::reading::Reading;
use crate::review::{NOT_SHOWN, mode};
use crate::sandbox::{self, Deadline, Grant};
use crate::{Cause, Description, State};

/// A plugin that is tried out. Each review is bounded as on a member.
pub struct Trial {
    code: Code,
    /// What it says of itself.
    pub description: Description,
    grant: Grant,
    idle: Option<Idle>,
}

/// A write to show to it.
#[derive(Default)]
pub struct Sample {
    /// Whether it is a delete, rather than a put.
    pub delete: bool,
    /// The key.
    pub key: Vec<u8>,
    /// For a delete of a range, its end.
    pub range_end: Option<Vec<u8>>,
    /// What is put.
    pub value: Option<Plain>,
    /// Whether a value is put that the plugin may not see.
    pub value_withheld: bool,
    /// The lease that is put on the key.
    pub lease: Option<i64>,
    /// Whether it is part of a transaction.
    pub in_txn: bool,
    /// The common name of the writer's certificate.
    pub common_name: Option<String>,
    /// The writer's user name.
    pub user: Option<String>,
    /// The URIs of the writer's certificate.
    pub uris: Vec<String>,
    /// What becomes of a verdict, which the plugin is told.
    pub mode: PluginMode,
    /// What the store holds, which the plugin may read all of.
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A store of a few keys, each put once.
struct Sketch(BTreeMap<Vec<u8>, Vec<u8>>);

impl State for Sketch {
    fn piece(&self, range: &KeyRange, _: i64, limits: PieceLimits) -> Result<Piece, ReadError> {
        let mut found = self.0.iter().filter(|(key, _)| range.contains(key));
        let mut kvs = Vec::new();
        for (key, value) in found.by_ref().take(limits.keys) {
            let value = Sealed::from_state(Sealed::empty().form(), Bytes::copy_from_slice(value));
            let value = value.map_err(store::StoreError::from)?;
            let key = Bytes::copy_from_slice(key);
            kvs.push(KeyValue { key, create_revision: 1, mod_revision: 1, version: 1, lease: 0, value });
        }
        Ok(Piece { more: found.next().is_some(), kvs, revision: 1 })
    }
}

/// What the plugin made of a write, as it said it: on a member it would be cut and tidied.
pub struct Told {
    /// What becomes of the write.
    pub decision: Decision,
    /// For whoever wrote.
    pub warnings: Vec<String>,
    /// For auditors.
    pub notes: Vec<String>,
    /// Bytes of linear memory that it had at the end.
    pub memory_bytes: usize,
}

/// What becomes of a write.
pub enum Decision {
    /// It passes.
    Allow,
    /// It is refused.
    Deny {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// It passes with this value.
    Mutate(Plain),
}

impl Trial {
    pub(crate) fn new(code: Code, description: Description, settings: &str) -> Self {
        let grant = Grant {
            settings: settings.into(),
            memory_bytes_max: MEMORY_BYTES_MAX,
            may_mutate: true,
            reads: [Bytes::new()].into(),
            sees_sealed: true,
        };
        Self { code, description, grant, idle: None }
    }

    /// The same, with instances that are reused.
    #[must_use]
    pub fn reusing(self) -> Self {
        Self { idle: Some(Idle::default()), ..self }
    }

    /// Interfaces of the contract that it imports.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.code.imports()
    }

    /// Has one write reviewed, in an instance of its own unless they are reused.
    ///
    /// # Errors
    /// How the plugin failed.
    pub fn review(&self, sample: &Sample) -> Result<Told, Cause> {
        let uris: Vec<&str> = sample.uris.iter().map(String::as_str).collect();
        let caller =
            policy::Caller { common_name: sample.common_name.as_deref(), user: sample.user.as_deref(), uris: &uris };
        let request = policy::Request {
            operation: if sample.delete { policy::Operation::Delete } else { policy::Operation::Put },
            key: &sample.key,
            range_end: sample.range_end.as_deref(),
            value: sample.value.as_ref().map(Plain::expose),
            value_withheld: sample.value_withheld,
            lease: sample.lease,
            in_txn: sample.in_txn,
            caller,
            mode: mode(sample.mode),
        };
        let state = Arc::new(Sketch(sample.state.clone()));
        let reading = Arc::new(Reading::new(state, Arc::new(Keyring::empty(0))));
        let (instances, deadline) = (&self.code.instances, Deadline::default());
        let idle = self.idle.as_ref();
        let (verdict, traces) =
            sandbox::run_in(idle, instances, &self.grant, Some(&reading), deadline, |plugin, store| {
                plugin.strongroom_admission_policy().call_review(store, request.clone())
            });
        let policy::Verdict { decision, warnings, notes } = verdict?;
        let decision = match decision {
            policy::Decision::Allow => Decision::Allow,
            policy::Decision::Deny(denial) => Decision::Deny { code: denial.code, message: denial.message },
            policy::Decision::Mutate(_) if sample.value.is_none() => {
                return Err(Cause::Mutation { reason: NOT_SHOWN });
            }
            policy::Decision::Mutate(value) => Decision::Mutate(value.into()),
        };
        Ok(Told { decision, warnings, notes, memory_bytes: traces.memory_bytes })
    }
}

//! Reviews without a cluster: for a plugin's author, who wants to see what the real engine makes of it.

use types::Plain;

use crate::contract::policy;
use crate::engine::Code;
use crate::limits::MEMORY_BYTES_MAX;
use crate::sandbox::{self, Deadline, Grant};
use crate::{Cause, Description};

/// A plugin that is tried out. Each review is bounded as on a member.
pub struct Trial {
    code: Code,
    /// What it says of itself.
    pub description: Description,
    grant: Grant,
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
}

/// What the plugin made of a write, as it said it: on a member it would be cut and tidied.
pub struct Told {
    /// What becomes of the write.
    pub decision: Decision,
    /// For whoever wrote.
    pub warnings: Vec<String>,
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
        let grant = Grant { settings: settings.into(), memory_bytes_max: MEMORY_BYTES_MAX, may_mutate: true };
        Self { code, description, grant }
    }

    /// Interfaces of the contract that it imports.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.code.imports()
    }

    /// Has one write reviewed, in an instance of its own.
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
            mode: policy::Mode::Enforce,
        };
        let (verdict, traces) =
            sandbox::run(&self.code.instances, &self.grant, Deadline::default(), |plugin, store| {
                plugin.strongroom_admission_policy().call_review(store, request)
            });
        let policy::Verdict { decision, warnings, .. } = verdict?;
        let decision = match decision {
            policy::Decision::Allow => Decision::Allow,
            policy::Decision::Deny(denial) => Decision::Deny { code: denial.code, message: denial.message },
            policy::Decision::Mutate(value) => Decision::Mutate(value.into()),
        };
        Ok(Told { decision, warnings, memory_bytes: traces.memory_bytes })
    }
}

//! How a plugin is bound to writes.

use admission::{
    Description, Operations,
    limits::{MEMORY_BYTES_MAX, PREFIX_BYTES_MAX, PREFIXES_MAX, WRITERS_MAX},
};
use auth::WriterRule;
use bytes::Bytes;
use ring::digest;
use store::{PluginMode, PluginRecord};

use super::{Upload, refuse};
use crate::FlowError;

/// How a plugin is bound to writes.
#[derive(Clone, Default)]
pub struct Binding {
    /// Prefixes it reviews; empty for those it asks for itself.
    pub prefixes: Vec<Bytes>,
    /// Which operations it reviews; `None` for those it asks for itself.
    pub operations: Option<Operations>,
    /// Whose writes it reviews, as rules of [`WriterRule`]; empty for everybody's.
    pub users: Vec<String>,
    /// Whose writes it does not review.
    pub exempt: Vec<String>,
    /// Prefixes of the keys that it may read.
    pub reads: Vec<Bytes>,
    /// Whether it may see the values of sealed prefixes.
    pub sees_sealed: bool,
    /// Whether a write passes when the plugin fails.
    pub fail_open: bool,
    /// Time limit in milliseconds of all its reviews of one client request, zero for the default.
    pub timeout_ms: u32,
    /// What it is told of its task, in a form of its own.
    pub settings: String,
    /// What becomes of its verdicts.
    pub mode: PluginMode,
    /// Those with a smaller number review first.
    pub order: i32,
    /// Whether it may change what is written.
    pub may_mutate: bool,
    /// Bound on the memory of one review in MiB, zero for the default.
    pub memory_mib: u32,
    /// Whether an instance reviews again and again, with what it remembers.
    pub reuse_instances: bool,
}

impl Binding {
    /// The binding of an installed plugin.
    #[must_use]
    pub fn of(record: &PluginRecord) -> Self {
        Self {
            prefixes: record.prefixes.clone(),
            operations: Some(Operations { put: record.on_put, delete: record.on_delete }),
            users: record.users.clone(),
            exempt: record.exempt.clone(),
            reads: record.reads.clone(),
            sees_sealed: record.sees_sealed,
            fail_open: record.fail_open,
            timeout_ms: record.timeout_ms,
            settings: record.settings.clone(),
            mode: record.mode(),
            order: record.order,
            may_mutate: record.may_mutate,
            memory_mib: record.memory_mib,
            reuse_instances: record.reuse_instances,
        }
    }

    pub(super) fn check(&self) -> Result<(), FlowError> {
        let fits = |prefix: &Bytes| !prefix.is_empty() && prefix.len() <= PREFIX_BYTES_MAX;
        for prefixes in [&self.prefixes, &self.reads] {
            if prefixes.len() > PREFIXES_MAX || !prefixes.iter().all(fits) {
                return refuse(format!("give at most {PREFIXES_MAX} prefixes of 1 to {PREFIX_BYTES_MAX} bytes each"));
            }
        }
        if self.operations.is_some_and(|operations| !operations.put && !operations.delete) {
            return refuse("a plugin that reviews no operation does nothing: name put, delete or both".to_owned());
        }
        if self.reuse_instances && self.sees_sealed {
            return refuse(
                "a plugin that is shown sealed values may not remember them: its instances cannot be reused".to_owned(),
            );
        }
        if self.memory_mib as usize > MEMORY_BYTES_MAX >> 20 {
            return refuse(format!("a plugin may be given at most {} MiB of memory", MEMORY_BYTES_MAX >> 20));
        }
        if self.users.len() > WRITERS_MAX || self.exempt.len() > WRITERS_MAX {
            return refuse(format!("name at most {WRITERS_MAX} writers to include and as many to exempt"));
        }
        for rule in self.users.iter().chain(&self.exempt) {
            if rule.parse::<WriterRule>().is_err() {
                return refuse(format!(
                    "{rule:?} names no writer: use USER:name, CN:name, DNS:name or URI:scheme://name"
                ));
            }
        }
        Ok(())
    }

    /// What `record` becomes with this binding and this code.
    pub(super) fn record(self, record: PluginRecord, described: Description, code: &Upload) -> PluginRecord {
        let Description { version, prefixes, operations, .. } = described;
        let prefixes = match self.prefixes.is_empty() {
            true => prefixes.into_iter().map(Bytes::from).collect(),
            false => self.prefixes,
        };
        let operations = self.operations.unwrap_or(operations);
        PluginRecord {
            name: record.name,
            version,
            digest: Bytes::copy_from_slice(digest::digest(&digest::SHA256, &code.component).as_ref()),
            prefixes,
            on_put: operations.put,
            on_delete: operations.delete,
            sees_sealed: self.sees_sealed,
            fail_open: self.fail_open,
            timeout_ms: self.timeout_ms,
            policy_epoch: 0,
            settings: self.settings,
            mode: self.mode.into(),
            order: self.order,
            may_mutate: self.may_mutate,
            memory_mib: self.memory_mib,
            reuse_instances: self.reuse_instances,
            reads: self.reads,
            users: self.users,
            exempt: self.exempt,
            disabled: record.disabled,
            component_bytes: code.component.len() as u64,
            previous: None,
            base_epoch: record.policy_epoch,
            signature: code.signature.clone(),
        }
    }
}

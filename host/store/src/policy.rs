//! What the replicated state holds of the policy: the plugins, and how commands change them.

use std::ops::ControlFlow;

use bytes::Bytes;
use prost::Message;

use crate::users::Author;
use crate::{
    ReadError, Refusal, StoreError, apply::Outcome, command::Keys, family::Family, range, read::Read, stage::Stage,
};

/// Most plugins at once.
pub const PLUGINS_MAX: usize = 64;

/// An installed plugin: which code it has, and how it is bound to writes.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct PluginRecord {
    /// Unique name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The version that the plugin says of itself.
    #[prost(string, tag = "2")]
    pub version: String,
    /// SHA-256 of the component.
    #[prost(bytes = "bytes", tag = "3")]
    pub digest: Bytes,
    /// Prefixes whose writes it reviews.
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub prefixes: Vec<Bytes>,
    /// Whether it reviews puts.
    #[prost(bool, tag = "6")]
    pub on_put: bool,
    /// Whether it reviews deletes.
    #[prost(bool, tag = "7")]
    pub on_delete: bool,
    /// Whether it may see the values of sealed prefixes.
    #[prost(bool, tag = "8")]
    pub sees_sealed: bool,
    /// Whether a write passes when the plugin fails; the default is that it does not.
    #[prost(bool, tag = "9")]
    pub fail_open: bool,
    /// Time limit in milliseconds of all its reviews of one client request; zero for the default.
    #[prost(uint32, tag = "10")]
    pub timeout_ms: u32,
    /// The policy epoch in which it came into force.
    #[prost(uint64, tag = "11")]
    pub policy_epoch: u64,
    /// The administrator's settings for it, in a form of its own.
    #[prost(string, tag = "12")]
    pub settings: String,
    /// What becomes of its verdicts.
    #[prost(enumeration = "PluginMode", tag = "13")]
    pub mode: i32,
    /// Those with a smaller number review first; those of one number in the order of their names.
    #[prost(int32, tag = "14")]
    pub order: i32,
    /// Whether it may change what is written.
    #[prost(bool, tag = "15")]
    pub may_mutate: bool,
    /// Bound on the memory of one review in MiB; zero for the default.
    #[prost(uint32, tag = "16")]
    pub memory_mib: u32,
    /// Prefixes of the keys that it may read.
    #[prost(bytes = "bytes", repeated, tag = "17")]
    pub reads: Vec<Bytes>,
    /// Whose writes it reviews, as rules of [`auth::WriterRule`]; none for everybody's.
    #[prost(string, repeated, tag = "18")]
    pub users: Vec<String>,
    /// Whose writes it does not review.
    #[prost(string, repeated, tag = "19")]
    pub exempt: Vec<String>,
    /// Whether it is turned off: installed, and not in force.
    #[prost(bool, tag = "20")]
    pub disabled: bool,
    /// Size of the component.
    #[prost(uint64, tag = "21")]
    pub component_bytes: u64,
    /// What it replaced, which can be put back; without what that replaced.
    #[prost(message, optional, boxed, tag = "22")]
    pub previous: Option<Box<PluginRecord>>,
    /// In a command: the policy epoch of the record that this one was made from, which must still be there. Zero for none.
    #[prost(uint64, tag = "23")]
    pub base_epoch: u64,
    /// The Ed25519 signature of the component that it was installed with; empty for none.
    #[prost(bytes = "bytes", tag = "24")]
    pub signature: Bytes,
    /// Whether an instance reviews again and again, with what it remembers.
    #[prost(bool, tag = "25")]
    pub reuse_instances: bool,
}

/// What becomes of a plugin's verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum PluginMode {
    /// They hold.
    Enforce = 0,
    /// A denial becomes a warning to whoever wrote.
    Warn = 1,
    /// They are counted and logged.
    Observe = 2,
}

impl PluginRecord {
    /// Whether the plugin has the component of this digest, or could go back to it.
    #[must_use]
    pub fn keeps(&self, digest: &[u8]) -> bool {
        self.digest == digest || self.previous.as_ref().is_some_and(|previous| previous.digest == digest)
    }
}

impl std::fmt::Debug for PluginRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugin {} {}", self.name, self.version)
    }
}

/// Removes a plugin.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RemovePlugin {
    /// The plugin's name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Keeps a component that a plugin is about to have, so that every member can compile it before that plugin is in force. The next
/// change of plugins removes it if none has it by then.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct PutComponent {
    /// SHA-256 of the component.
    #[prost(bytes = "bytes", tag = "1")]
    pub digest: Bytes,
    /// The WebAssembly component.
    #[prost(bytes = "bytes", tag = "2")]
    pub component: Bytes,
}

/// Turns a plugin off or on, or puts back what it replaced.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ChangePlugin {
    /// The plugin's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What becomes of it.
    #[prost(enumeration = "PluginChange", tag = "2")]
    pub change: i32,
    /// The policy epoch of the record that it was decided for, which must still be there. Zero for whatever is there.
    #[prost(uint64, tag = "3")]
    pub base_epoch: u64,
}

/// What becomes of an installed plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum PluginChange {
    /// It is in force.
    Enable = 0,
    /// It stays installed, and is not in force.
    Disable = 1,
    /// What it replaced is in its place again, and it in that one's. Whether it is in force stays as it is: that is no part of what was
    /// replaced.
    RollBack = 2,
}

/// Under which policy a client's write was reviewed and sealed, and whose permissions allowed it.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Stamp {
    /// The policy epoch.
    #[prost(uint64, tag = "1")]
    pub policy_epoch: u64,
    /// The revision of users and roles.
    #[prost(uint64, tag = "2")]
    pub auth_revision: u64,
    /// Whose write it is; without it nobody in particular.
    #[prost(message, optional, tag = "3")]
    pub author: Option<Author>,
    /// What plugins have read to pass it.
    #[prost(message, repeated, tag = "4")]
    pub premises: Vec<Premise>,
}

/// What a plugin has read to pass a write, which holds only while that is so: the keys of a range, told by how many there are
/// and when one of them was last put. A key that is put gets a higher revision than all others, and one that is deleted is
/// missing from their number.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Premise {
    /// Which keys.
    #[prost(message, optional, tag = "1")]
    pub keys: Option<Keys>,
    /// How many there were.
    #[prost(uint64, tag = "2")]
    pub count: u64,
    /// The newest revision in which one of them was put, zero for none.
    #[prost(int64, tag = "3")]
    pub newest: i64,
}

/// Every plugin, by name.
pub(crate) fn plugins(read: &dyn Read) -> Result<Vec<PluginRecord>, StoreError> {
    let mut found = Vec::new();
    read.scan(Family::Policy, &[], None, &mut |_, value| {
        found.push(decode(value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The component of this digest.
pub(crate) fn component(read: &dyn Read, digest: &[u8]) -> Result<Option<Bytes>, StoreError> {
    read.get(Family::Component, digest)
}

pub(crate) fn put_component(stage: &mut Stage<'_>, put: &PutComponent) -> Outcome {
    stage.put(Family::Component, put.digest.clone(), put.component.clone());
    Outcome::ComponentPut
}

pub(crate) fn put(stage: &mut Stage<'_>, plugin: &PluginRecord) -> Result<Outcome, ReadError> {
    let replaced = find(stage, &plugin.name)?;
    if plugin.base_epoch != 0 && replaced.as_ref().map(|replaced| replaced.policy_epoch) != Some(plugin.base_epoch) {
        return Err(Refusal::PluginChanged.into());
    }
    if component(stage, &plugin.digest)?.is_none() {
        return Err(Refusal::PluginChanged.into());
    }
    if replaced.is_none() && plugins(stage)?.len() >= PLUGINS_MAX {
        return Err(Refusal::TooManyPlugins.into());
    }
    let previous = replaced.map(|replaced| Box::new(PluginRecord { previous: None, ..replaced }));
    let record = PluginRecord { base_epoch: 0, previous, ..plugin.clone() };
    settle(stage, record)
}

pub(crate) fn change(stage: &mut Stage<'_>, change: &ChangePlugin) -> Result<Outcome, ReadError> {
    let record = find(stage, &change.name)?.ok_or(Refusal::NoSuchPlugin)?;
    if change.base_epoch != 0 && record.policy_epoch != change.base_epoch {
        return Err(Refusal::PluginChanged.into());
    }
    let changed = match change.change() {
        PluginChange::Enable => PluginRecord { disabled: false, ..record },
        PluginChange::Disable => PluginRecord { disabled: true, ..record },
        PluginChange::RollBack => {
            let mut current = record;
            let back = *current.previous.take().ok_or(Refusal::NothingReplaced)?;
            PluginRecord { disabled: current.disabled, previous: Some(Box::new(current)), ..back }
        }
    };
    settle(stage, changed)
}

pub(crate) fn remove(stage: &mut Stage<'_>, removal: &RemovePlugin) -> Result<Outcome, ReadError> {
    find(stage, &removal.name)?.ok_or(Refusal::NoSuchPlugin)?;
    stage.delete(Family::Policy, removal.name.clone());
    forget_components(stage)?;
    Ok(Outcome::PolicyChanged { epoch: stage.raise_policy_epoch()? })
}

/// Whether everything is still as it was when plugins read it.
pub(crate) fn check_premises(read: &dyn Read, premises: &[Premise]) -> Result<(), ReadError> {
    for premise in premises {
        let keys = (&premise.keys.clone().unwrap_or_default()).into();
        if range::extent(read, &keys)? != (premise.count, premise.newest) {
            return Err(Refusal::StalePremise.into());
        }
    }
    Ok(())
}

fn find(read: &dyn Read, name: &str) -> Result<Option<PluginRecord>, StoreError> {
    read.get(Family::Policy, name.as_bytes())?.map(|value| decode(&value)).transpose()
}

fn decode(value: &[u8]) -> Result<PluginRecord, StoreError> {
    PluginRecord::decode(value).map_err(|_| StoreError::damaged("a plugin"))
}

/// Puts a record under a new policy epoch.
fn settle(stage: &mut Stage<'_>, record: PluginRecord) -> Result<Outcome, ReadError> {
    let epoch = stage.raise_policy_epoch()?;
    let record = PluginRecord { policy_epoch: epoch, ..record };
    stage.put(Family::Policy, record.name.clone(), record.encode_to_vec());
    forget_components(stage)?;
    Ok(Outcome::PolicyChanged { epoch })
}

/// Removes components that no plugin has or could go back to.
fn forget_components(stage: &mut Stage<'_>) -> Result<(), StoreError> {
    let plugins = plugins(stage)?;
    let mut unused = Vec::new();
    stage.scan(Family::Component, &[], None, &mut |digest, _| {
        if !plugins.iter().any(|plugin| plugin.keeps(digest)) {
            unused.push(Bytes::copy_from_slice(digest));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    unused.into_iter().for_each(|digest| stage.delete(Family::Component, digest));
    Ok(())
}

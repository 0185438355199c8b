//! What the replicated state holds of the policy: the plugins in force.

use bytes::Bytes;
use prost::Message;

/// An installed plugin: its code and how it is bound to writes.
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
    /// The WebAssembly component.
    #[prost(bytes = "bytes", tag = "4")]
    pub component: Bytes,
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

//! A data key as the replicated keyring holds it.

use std::fmt;

use bytes::{Buf, Bytes};
use prost::Message;

use crate::SealError;
use crate::error::shown;

/// One wrap of a data key: the same key may be wrapped by several providers, so that losing one loses nothing.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct Wrap {
    /// [`crate::RootKeyProvider::name`] of who made it.
    #[prost(string, tag = "1")]
    pub provider: String,
    /// What it made: (data key, digest key), encrypted.
    #[prost(bytes = "bytes", tag = "2")]
    pub blob: Bytes,
    /// [`crate::RootKeyProvider::root_key_id`] when it was made.
    #[prost(string, tag = "3")]
    pub root_key_id: String,
}

/// What a data key is for. The numbers are those of the first format, in which there were two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum KeyState {
    /// It opens what it sealed, until that is sealed by another one.
    Retired = 0,
    /// It seals what is new.
    Active = 1,
    /// It seals nothing yet: members are to prove that they can unwrap it.
    Pending = 2,
    /// Its wraps are gone, and what it sealed with it.
    Destroyed = 3,
}

/// A data key of a sealed prefix, wrapped.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct DataKeyRecord {
    /// The prefix whose values it seals.
    #[prost(bytes = "bytes", tag = "1")]
    pub prefix: Bytes,
    /// Unique in the cluster, over all prefixes; never zero.
    #[prost(uint32, tag = "2")]
    pub id: u32,
    /// When it was made, seconds since the epoch, by the proposer's clock.
    #[prost(int64, tag = "3")]
    pub created_unix_seconds: i64,
    /// What it is for.
    #[prost(enumeration = "KeyState", tag = "4")]
    pub state: i32,
    /// Its wraps.
    #[prost(message, repeated, tag = "5")]
    pub wraps: Vec<Wrap>,
    /// How many values may have been sealed with it so far: members reserve uses before they seal, so it is never less than
    /// what was sealed, and more after a crash. The state counts it; a proposer's number is not looked at.
    #[prost(uint64, tag = "6")]
    pub uses: u64,
    /// Names the digest key: the data key that it came with first, zero for this one. Digests of one name can be compared.
    #[prost(uint32, tag = "7")]
    pub digest_id: u32,
    /// The cluster that it was made in, zero for the one whose state this is. What it seals, and its wraps, are bound to that.
    #[prost(fixed64, tag = "8")]
    pub made_in: u64,
}

impl DataKeyRecord {
    /// Which digest key it has.
    #[must_use]
    pub fn digest_key_id(&self) -> u32 {
        if self.digest_id == 0 { self.id } else { self.digest_id }
    }

    /// The cluster that what it seals is bound to, in the state of cluster `here`.
    #[must_use]
    pub fn cluster_id(&self, here: u64) -> u64 {
        if self.made_in == 0 { here } else { self.made_in }
    }

    /// The same key in the state of another cluster than that of `here`, for what it has sealed: it seals nothing new there.
    #[must_use]
    pub fn carried_over(self, here: u64) -> Self {
        let made_in = self.cluster_id(here);
        let state = if self.is_kept() { KeyState::Retired } else { KeyState::Destroyed };
        Self { made_in, ..self }.in_state(state)
    }

    /// The same key in another state; a destroyed one has no wraps.
    #[must_use]
    pub fn in_state(mut self, state: KeyState) -> Self {
        if state == KeyState::Destroyed {
            self.wraps.clear();
        }
        self.set_state(state);
        self
    }

    /// Whether it can still be unwrapped by somebody.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.state() != KeyState::Destroyed
    }

    /// The bytes for the replicated state.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// Reads what [`DataKeyRecord::encode`] wrote.
    ///
    /// # Errors
    /// [`SealError::BadKeyRecord`].
    pub fn decode(bytes: impl Buf) -> Result<Self, SealError> {
        <Self as Message>::decode(bytes)
            .map_err(|_| SealError::BadKeyRecord { reason: "a record cannot be decoded".to_owned() })
    }
}

impl KeyState {
    /// As it is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Destroyed => "destroyed",
        }
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrap by {} ({} bytes)", self.provider, self.blob.len())
    }
}

impl fmt::Debug for DataKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state().name();
        write!(f, "{state} data key {} of {:?} {:?}", self.id, shown(&self.prefix), self.wraps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> DataKeyRecord {
        let provider = "file:00000000".to_owned();
        let wrap = Wrap { provider, blob: Bytes::from_static(b"blob"), root_key_id: String::new() };
        let (prefix, state) = (Bytes::from_static(b"/a/"), KeyState::Active.into());
        DataKeyRecord {
            prefix,
            id: 3,
            created_unix_seconds: -1,
            state,
            wraps: vec![wrap],
            uses: 7,
            digest_id: 1,
            made_in: u64::MAX,
        }
    }

    #[test]
    fn a_record_survives_the_round_trip() {
        assert_eq!(DataKeyRecord::decode(record().encode()).unwrap(), record());
        assert!(matches!(DataKeyRecord::decode(&b"\xff"[..]), Err(SealError::BadKeyRecord { .. })));
    }

    #[test]
    fn nothing_can_unwrap_a_destroyed_key() {
        let destroyed = record().in_state(KeyState::Destroyed);
        assert!(destroyed.wraps.is_empty() && !destroyed.is_kept());
        assert!(record().in_state(KeyState::Retired).is_kept());
    }
}

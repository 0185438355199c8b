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
    /// Whether new values are sealed with it; a retired key only opens.
    #[prost(bool, tag = "4")]
    pub active: bool,
    /// Its wraps.
    #[prost(message, repeated, tag = "5")]
    pub wraps: Vec<Wrap>,
}

impl DataKeyRecord {
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

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrap by {} ({} bytes)", self.provider, self.blob.len())
    }
}

impl fmt::Debug for DataKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.active { "active" } else { "retired" };
        write!(f, "{state} data key {} of {:?} {:?}", self.id, shown(&self.prefix), self.wraps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_round_trip() {
        let wrap = Wrap { provider: "file:00000000".to_owned(), blob: Bytes::from_static(b"blob") };
        let prefix = Bytes::from_static(b"/a/");
        let record = DataKeyRecord { prefix, id: 3, created_unix_seconds: -1, active: true, wraps: vec![wrap] };
        assert_eq!(DataKeyRecord::decode(record.encode()).unwrap(), record);
        assert!(matches!(DataKeyRecord::decode(&b"\xff"[..]), Err(SealError::BadKeyRecord { .. })));
    }
}

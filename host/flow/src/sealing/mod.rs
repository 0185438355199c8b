//! What is sealed and with which data keys: at start, when an administrator asks, and by itself.
//!
//! ```text
//!  seal, rotate:  new data key, pending -> unwrapped here -> active; the one before it retires
//!  rewrap:        values under retired data keys, or in plain text -> sealed anew, on the leader -> settled
//!  settled:       nothing refers to a retired data key any more -> it is destroyed
//!  forgotten:     what was in plain text before, and the wraps of shredded keys, lie in no file of this member any more
//! ```

mod admin;
mod change;
mod custody;
mod forget;
mod keys;
mod metrics;
mod pace;
mod residue;
mod rewrap;
mod start;
mod uses;

pub(crate) use change::{Custody, unix_seconds};
pub(crate) use custody::ProviderHealth;
pub(crate) use forget::Copies;
pub use keys::{DataKeyInfo, KeyStatus, RewrapProgress};
pub(crate) use metrics::SealMetrics;
pub use residue::{Residue, Tally};
pub(crate) use rewrap::Rewrapper;
pub(crate) use start::{bring_in_line, give_missing_keys, open_providers, renew_all};
pub(crate) use uses::Reserving;

pub(crate) fn shown(prefix: &[u8]) -> String {
    String::from_utf8_lossy(prefix).into_owned()
}

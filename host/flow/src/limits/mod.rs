//! What may lie under a prefix, how fast it may be written, and how much one caller may ask for.
//!
//! Each member holds to it by itself, where a request arrives; what other members let in meanwhile is seen once it is applied here. So
//! a prefix can end up over its quota by what was under way elsewhere, and a rate is that of one member. Deletes are never refused.

mod crowd;
mod identities;
mod prefixes;

use std::num::NonZeroU32;

use auth::WriterRule;
use bytes::Bytes;
use governor::Quota;

pub use crowd::{Crowd, Presence, TooMany};
pub use identities::{IdentityLimits, StreamPlace};
pub(crate) use prefixes::PrefixLimits;

/// Everything that is limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    /// By prefix. All that cover a key hold for it.
    pub prefixes: Vec<PrefixLimit>,
    /// By who asks. The first that fits somebody holds.
    pub identities: Vec<IdentityLimit>,
}

/// What one prefix may hold, and take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixLimit {
    /// The prefix.
    pub prefix: Bytes,
    /// Most keys.
    pub keys_max: Option<u64>,
    /// Most bytes of keys and values, as they are stored, history not counted.
    pub bytes_max: Option<u64>,
    /// Puts.
    pub writes: Option<Rate>,
}

/// What one caller may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityLimit {
    /// Who; `None` for anybody. Each one that is meant has the whole of it.
    pub who: Option<WriterRule>,
    /// Calls.
    pub requests: Option<Rate>,
    /// Streaming calls under way at a time.
    pub streams_max: Option<usize>,
}

/// How much, how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub per_second: NonZeroU32,
    /// At once, after a while without.
    pub burst: NonZeroU32,
}

impl Rate {
    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

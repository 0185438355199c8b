//! What other members hold, as a hash.

use std::time::Duration;

use proto::peer::HashRequest;
use store::HashKv;
use tokio::time::timeout;

use crate::{Consensus, peer::wire};

/// How long another member may take to hash its key space: about a second for each million keys.
const HASH_TIME_MAX: Duration = Duration::from_secs(60);

/// What a member says of its key space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberHash {
    /// Its newest revision.
    pub newest_revision: i64,
    /// Its hash up to the revision that was asked for, if it holds that.
    pub found: Option<HashKv>,
}

impl Consensus {
    /// The hash of another member's key space up to a revision; `None` when it cannot be reached.
    pub async fn hash_of(&self, member: u64, revision: i64) -> Option<MemberHash> {
        let mut client = self.ask.client(member)?;
        let response = timeout(HASH_TIME_MAX, client.hash(HashRequest { revision })).await;
        Some(wire::read_hash(&response.ok()?.ok()?.into_inner(), revision))
    }
}

//! What other members hold, as a hash.

use std::time::Duration;

use proto::peer::HashRequest;
use store::HashKv;
use tokio::time::timeout;

use crate::{Consensus, peer::wire};

/// How long another member may take to hash its key space: about a second for each million keys.
const HASH_TIME_MAX: Duration = Duration::from_secs(60);

impl Consensus {
    /// The hash of another member's key space up to a revision; `None` when it cannot be reached or does not hold that
    /// revision.
    pub async fn hash_of(&self, member: u64, revision: i64) -> Option<HashKv> {
        let mut client = self.ask.client(member)?;
        let response = timeout(HASH_TIME_MAX, client.hash(HashRequest { revision })).await;
        wire::read_hash(&response.ok()?.ok()?.into_inner(), revision)
    }
}

//! Before a plugin is put in force: every member with a vote makes its component ready to run.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use openraft::async_runtime::watch::WatchReceiver as _;
use proto::peer::PrepareRequest;
use tokio::time::timeout;

use crate::Consensus;

/// How long a member may take to receive a component and compile it.
const PREPARE_TIME_MAX: Duration = Duration::from_secs(300);

/// Makes ready what a policy is about to need.
pub trait Preparation: Send + Sync + 'static {
    /// Compiles the component of this digest, which the state has and which came with this signature, unless that was done. Blocks
    /// for as long as it takes.
    ///
    /// # Errors
    /// Why it cannot be run here, in words for the administrator.
    fn prepare(&self, digest: &[u8], signature: &[u8]) -> Result<(), String>;
}

/// A member with a vote that has not made a component ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprepared {
    /// Its id.
    pub member: u64,
    /// What it says, or why it could not be asked.
    pub reason: String,
    /// It was asked, and cannot run the component.
    pub refuses: bool,
}

impl Consensus {
    /// Has every other member with a vote make a component ready that is in the log, and came with this signature; those that have
    /// not done it.
    pub async fn prepare_voters(&self, digest: Bytes, signature: Bytes) -> Vec<Unprepared> {
        let voters: Vec<u64> = {
            let metrics = self.raft.metrics();
            let seen = metrics.borrow_watched();
            seen.membership_config.voter_ids().filter(|id| *id != self.ask.member_id).collect()
        };
        let asked = voters.into_iter().map(|member| {
            self.prepare(member, PrepareRequest { digest: digest.clone(), signature: signature.clone() })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn prepare(&self, member: u64, request: PrepareRequest) -> Option<Unprepared> {
        let unasked = |reason: String| Some(Unprepared { member, reason, refuses: false });
        let Some(mut client) = self.ask.client(member) else { return unasked("it is not known any more".to_owned()) };
        match timeout(PREPARE_TIME_MAX, client.prepare(request)).await {
            Ok(Ok(response)) => match response.into_inner().refusal {
                refusal if refusal.is_empty() => None,
                reason => Some(Unprepared { member, reason, refuses: true }),
            },
            Ok(Err(status)) => unasked(format!("it does not answer: {}", status.message())),
            Err(_) => unasked(format!("it has not answered within {} s", PREPARE_TIME_MAX.as_secs())),
        }
    }
}

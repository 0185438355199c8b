//! Before a plugin is put in force, or a data key: every member with a vote makes ready for it.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use openraft::async_runtime::watch::WatchReceiver as _;
use proto::peer::{PrepareRequest, ProveKeyRequest};
use tokio::time::{error::Elapsed, timeout};
use tonic::Status;

use crate::Consensus;

/// How long a member may take to receive a component and compile it.
const PREPARE_TIME_MAX: Duration = Duration::from_secs(300);

/// How long a member may take to unwrap a data key, if need be by a KMS.
const PROVE_TIME_MAX: Duration = Duration::from_secs(10);

/// Makes ready what a policy is about to need.
pub trait Preparation: Send + Sync + 'static {
    /// Compiles the component of this digest, which the state has and which came with this signature, unless that was done. Blocks
    /// for as long as it takes.
    ///
    /// # Errors
    /// Why it cannot be run here, in words for the administrator.
    fn prepare(&self, digest: &[u8], signature: &[u8]) -> Result<(), String>;

    /// Unwraps a data key that is about to be put into the log, wrapped as it would stand in the state. Blocks for as long as a KMS
    /// takes. A member without a root key need not, and one whose KMS does not answer may be able to later.
    ///
    /// # Errors
    /// Why it can never be unwrapped here, in words for the administrator.
    fn prove_key(&self, record: &[u8]) -> Result<(), String>;
}

/// A member with a vote that has not made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprepared {
    /// Its id.
    pub member: u64,
    /// What it says, or why it could not be asked.
    pub reason: String,
    /// It was asked, and cannot.
    pub refuses: bool,
}

impl Consensus {
    /// Has every other member with a vote make a component ready that is in the log, and came with this signature; those that have
    /// not done it.
    pub async fn prepare_voters(&self, digest: Bytes, signature: Bytes) -> Vec<Unprepared> {
        let asked = self.other_voters().into_iter().map(|member| {
            self.prepare(member, PrepareRequest { digest: digest.clone(), signature: signature.clone() })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Has every other member with a vote unwrap a data key; those that have not done it.
    pub async fn prove_key(&self, record: &Bytes) -> Vec<Unprepared> {
        let asked = self.other_voters().into_iter().map(|member| self.prove_key_at(member, record.clone()));
        join_all(asked).await.into_iter().flatten().collect()
    }

    fn other_voters(&self) -> Vec<u64> {
        let metrics = self.raft.metrics();
        let seen = metrics.borrow_watched();
        seen.membership_config.voter_ids().filter(|id| *id != self.ask.member_id).collect()
    }

    async fn prepare(&self, member: u64, request: PrepareRequest) -> Option<Unprepared> {
        let Some(mut client) = self.ask.client(member) else { return Some(unknown(member)) };
        let asked = timeout(PREPARE_TIME_MAX, client.prepare(request)).await;
        answered(member, PREPARE_TIME_MAX, asked.map(|answer| answer.map(|response| response.into_inner().refusal)))
    }

    async fn prove_key_at(&self, member: u64, record: Bytes) -> Option<Unprepared> {
        let Some(mut client) = self.ask.client(member) else { return Some(unknown(member)) };
        let asked = timeout(PROVE_TIME_MAX, client.prove_key(ProveKeyRequest { record })).await;
        answered(member, PROVE_TIME_MAX, asked.map(|answer| answer.map(|response| response.into_inner().refusal)))
    }
}

fn unknown(member: u64) -> Unprepared {
    Unprepared { member, reason: "it is not known any more".to_owned(), refuses: false }
}

/// What its answer comes to.
fn answered(member: u64, time_max: Duration, asked: Result<Result<String, Status>, Elapsed>) -> Option<Unprepared> {
    let unasked = |reason: String| Some(Unprepared { member, reason, refuses: false });
    match asked {
        Ok(Ok(refusal)) if refusal.is_empty() => None,
        Ok(Ok(reason)) => Some(Unprepared { member, reason, refuses: true }),
        Ok(Err(status)) => unasked(format!("it does not answer: {}", status.message())),
        Err(_) => unasked(format!("it has not answered within {} s", time_max.as_secs())),
    }
}

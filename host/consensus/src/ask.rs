//! Asking the leader, whoever that is: this member itself, or another one over the peer link.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openraft::async_runtime::watch::WatchReceiver as _;
use proto::peer::{LeaseTimesRequest, ReadIndexRequest, RenewLeaseRequest};
use tokio::{sync::watch, time::timeout};

use crate::{
    ConsensusError, PeerNode, Renewal,
    lead::{Fate, Lead, ReadIndex},
    leadership::Leadership,
    membership::AskedChange,
    peer::{Client, Peers, never_arrived, wire},
    raft_types::LogId,
    request::Request,
};

/// The way to the leader. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) member_id: u64,
    pub(crate) lead: Lead,
    pub(crate) peers: Arc<Peers>,
    pub(crate) leadership: watch::Receiver<Leadership>,
    pub(crate) election: Duration,
}

impl Ask {
    /// The leader, once there is one. A leader that is not heard of is missed after an election timeout; then a request waits
    /// for another one for as long again, in which an election comes to its end, before its client is told.
    pub(crate) async fn leader(&self) -> Result<u64, ConsensusError> {
        if let Some(leader) = self.leadership.borrow().leader {
            return Ok(leader);
        }
        let mut leadership = self.leadership.clone();
        let known = timeout(self.election, leadership.wait_for(|seen| seen.leader.is_some())).await;
        let known = known.map_err(|_| ConsensusError::NoLeader)?.map_err(|_| ConsensusError::Stopped)?;
        known.leader.ok_or(ConsensusError::NoLeader)
    }

    /// Waits before the leader is asked again that just said that it is none, or did not answer.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(crate::peer::jittered(self.election / 20)).await;
    }

    pub(crate) fn client(&self, leader: u64) -> Option<Client> {
        Some(self.peers.ask(leader, &self.node(leader)?))
    }

    fn node(&self, id: u64) -> Option<PeerNode> {
        self.lead.raft.metrics().borrow_watched().membership_config.get_node(&id).cloned()
    }

    /// Proposes through `leader`. An answer other than [`Fate::NotLeader`] is never followed by a second try: the
    /// command could be carried out twice.
    pub(crate) async fn propose(&self, leader: u64, request: &Request) -> Fate {
        // Apart: both are large, and what is awaited is moved along with each call around it.
        if leader == self.member_id {
            return Box::pin(self.lead.propose(request.clone())).await;
        }
        let Some(node) = self.node(leader) else { return Fate::NotLeader };
        Box::pin(self.peers.propose(leader, &node).propose(request)).await
    }

    /// Asks `leader` for a read index, within an election timeout.
    pub(crate) async fn read_index(&self, leader: u64) -> ReadIndex {
        if leader == self.member_id {
            return self.lead.read_index().await;
        }
        let Some(mut client) = self.client(leader) else { return ReadIndex::NotLeader };
        match timeout(self.election, client.read_index(ReadIndexRequest {})).await {
            Ok(Ok(response)) => wire::read_read_index(response.into_inner()),
            Ok(Err(_)) | Err(_) => ReadIndex::NotLeader,
        }
    }

    /// Starts a lease's time anew on the clock of `leader`. May be asked twice.
    pub(crate) async fn renew_lease(&self, leader: u64, id: i64, ttl_seconds: i64) -> Renewal {
        if leader == self.member_id {
            return self.lead.renew_lease(id, ttl_seconds).await;
        }
        let Some(mut client) = self.client(leader) else { return Renewal::NotPrimary };
        match timeout(self.election, client.renew_lease(RenewLeaseRequest { id, ttl_seconds })).await {
            Ok(Ok(response)) => wire::read_renewal(response.into_inner()),
            Ok(Err(_)) | Err(_) => Renewal::NotPrimary,
        }
    }

    /// Nanoseconds left on the clock of `leader`.
    pub(crate) async fn lease_times(&self, leader: u64, ids: &[i64]) -> Option<BTreeMap<i64, i64>> {
        if leader == self.member_id {
            return self.lead.clock.left(ids);
        }
        let request = LeaseTimesRequest { ids: ids.to_vec() };
        let response = timeout(self.election, self.client(leader)?.lease_times(request)).await;
        wire::read_lease_times(response.ok()?.ok()?.into_inner())
    }

    /// Has `leader` change the membership.
    pub(crate) async fn change_membership(&self, leader: u64, change: AskedChange) -> Result<LogId, ConsensusError> {
        if leader == self.member_id {
            return self.lead.change_membership(change).await;
        }
        let mut client = self.client(leader).ok_or(ConsensusError::NotLeader)?;
        match client.change_membership(wire::change(change)).await {
            Ok(response) => wire::read_change_response(response.into_inner()),
            Err(status) if never_arrived(&status) => Err(ConsensusError::NotLeader),
            Err(_) => Err(ConsensusError::LeaderChanged),
        }
    }
}

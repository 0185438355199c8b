//! A member that begins with a state, rather than with nothing: that of a snapshot, or of what another store held.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use openraft::{Membership, storage::RaftLogStorage as _, type_config::alias::LeaderIdOf, vote::RaftLeaderId as _};
use store::{MembershipEntry, NewCluster, Store};

use crate::{
    Founder, PeerNode, StartError, codec,
    farewell::Farewell,
    log::{self, LogOptions, LogStore},
    log_storage::LogStorage,
    machine::state_of,
    raft_types::{LogId, StoredMembership, TypeConfig, Vote},
    roster,
};

/// What the new cluster does to revisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// By how much the newest is raised.
    pub bump: i64,
    /// Whether everything up to it counts as compacted.
    pub mark_compacted: bool,
}

/// Makes `store` the state with which a new cluster of `members` begins, and gives the member whose data directory is `dir` a log
/// that begins behind it. `was_of` is the cluster whose state it was, if it was one's.
///
/// What is in the state stands for the log up to the entry that was applied last. So members that are made of the same snapshot
/// begin alike, and of those that were made of different ones the newest counts: it is elected, and the others follow it.
///
/// Returns the newest revision.
///
/// # Errors
/// When the disk fails, or the state is damaged.
pub async fn found_with_state(
    dir: &Path,
    store: &Store,
    member_id: u64,
    members: &[Founder],
    was_of: Option<u64>,
    revisions: Revisions,
) -> Result<i64, StartError> {
    let file = |source| StartError::File { path: dir.to_owned(), source };
    // A state that no log has made counts as its first entry.
    let applied = state_of(store).map_err(file)?.0.unwrap_or(LogId::new_term_index(1, 1));
    let nodes: BTreeMap<_, _> =
        members.iter().map(|founder| (founder.id, PeerNode { peer_urls: founder.peer_urls.clone() })).collect();
    let ids: BTreeSet<_> = nodes.keys().copied().collect();
    let membership = Membership::new(vec![ids.clone()], nodes.clone()).map_err(io::Error::other).map_err(file)?;
    let stored = StoredMembership::new(Some(applied), membership);
    let new = NewCluster {
        was_of,
        applied: codec::encode_log_id(&applied),
        membership: MembershipEntry { encoded: codec::encode_membership(&stored), members: ids },
        bump_revision: revisions.bump,
        mark_compacted: revisions.mark_compacted,
    };
    let revision = store.begin_new_cluster(&new)?;
    begin_log(&log::folder(dir), member_id, applied).await?;
    roster::note(dir, nodes.iter());
    Ok(revision)
}

/// A log whose entries up to `applied` are in the state.
async fn begin_log(dir: &Path, member_id: u64, applied: LogId) -> Result<(), StartError> {
    let file = |source| StartError::File { path: dir.to_owned(), source };
    let log = LogStore::open(dir, LogOptions::default())?;
    let mut storage = LogStorage::new(log.clone(), Farewell::default());
    let leader_id = LeaderIdOf::<TypeConfig>::new(applied.leader_id.term, member_id);
    storage.save_vote(&Vote { leader_id, committed: false }).await.map_err(file)?;
    storage.purge(applied).await.map_err(file)?;
    let closing = tokio::task::spawn_blocking(move || log.close()).await;
    closing.map_err(io::Error::other).map_err(file)
}

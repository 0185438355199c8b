//! A member that goes on alone, because the others are lost for good (`--force-new-cluster`).
//!
//! As in etcd an entry that removes the others is put behind what the log holds. Unlike there, entries of which this member does
//! not know that they are committed are kept: nobody is left to say so, and what was answered may be among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use openraft::{
    EntryPayload, Membership, RaftLogReader as _, entry::RaftEntry as _, storage::RaftLogStorage as _,
    type_config::alias::LeaderIdOf, vote::RaftLeaderId as _,
};
use store::Store;

use crate::{
    PeerNode, codec,
    log_storage::LogStorage,
    machine::state_of,
    raft_types::{Entry, LogId, TypeConfig, Vote},
};

/// Makes this member the only one, unless it has no log yet or is alone already.
pub(crate) async fn go_alone(member_id: u64, node: &PeerNode, store: &Store, log: &mut LogStorage) -> io::Result<()> {
    let (applied, membership) = state_of(store)?;
    let written = log.get_log_state().await?.last_log_id;
    let Some(last) = written.max(applied) else { return Ok(()) };
    let is_alone = membership.membership().nodes().map(|(id, _)| *id).eq([member_id]);
    if is_alone && applied == written {
        return Ok(());
    }
    if written < Some(last) {
        // A snapshot was installed, and the log not yet brought behind it.
        log.purge(last).await?;
    }
    let vote = log.read_vote().await?;
    let term = vote.map_or(0, |vote| vote.leader_id.term).max(last.leader_id.term) + 1;
    let leader_id = LeaderIdOf::<TypeConfig>::new(term, member_id);
    log.save_vote(&Vote { leader_id, committed: false }).await?;
    let alone = Membership::new(vec![BTreeSet::from([member_id])], BTreeMap::from([(member_id, node.clone())]));
    let alone = alone.map_err(io::Error::other)?;
    let entry = Entry::new(LogId::new_term_index(term, last.index + 1), EntryPayload::Membership(alone));
    tracing::warn!(index = last.index + 1, "this member goes on alone; the others are removed");
    log.append_durably(last.index + 1, codec::encode_entry(entry)).await
}

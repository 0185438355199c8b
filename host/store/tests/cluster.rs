//! What an entry that sets the membership does to the record of the cluster.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use store::{
    Attributes, ChangeCluster, ClusterChange, ClusterRecord, LogEntry, MembershipEntry, PeerUrls, Store, command::Body,
};
use tempfile::TempDir;

struct State {
    store: Store,
    dir: TempDir,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(dir.path()).unwrap(), dir }
    }

    fn apply(&self, entries: impl IntoIterator<Item = LogEntry>) {
        let batch = self.store.apply(entries.into_iter().collect()).unwrap();
        assert!(batch.applied.iter().all(|applied| applied.result.is_ok()));
    }

    fn cluster(&self) -> ClusterRecord {
        self.store.view(|view| view.cluster()).unwrap()
    }

    fn reopened(self) -> Self {
        self.store.close().unwrap();
        Self { store: Store::open(self.dir.path()).unwrap(), dir: self.dir }
    }
}

fn members(ids: &[u64]) -> LogEntry {
    let encoded = Bytes::from(format!("{ids:?}"));
    let membership = MembershipEntry { encoded, members: ids.iter().copied().collect() };
    LogEntry { applied: Bytes::from_static(b"x"), membership: Some(membership), command: None }
}

fn change(change: ClusterChange) -> LogEntry {
    let command = Body::ChangeCluster(ChangeCluster { change: Some(change) }).into();
    LogEntry { applied: Bytes::from_static(b"x"), membership: None, command: Some(command) }
}

/// A member tells of itself, is moved and is promised a vote.
fn known(id: u64) -> [LogEntry; 3] {
    let urls = vec![format!("http://{id}:1")];
    let attributes = Attributes { member_id: id, name: id.to_string(), ..Attributes::default() };
    [
        change(ClusterChange::Attributes(attributes)),
        change(ClusterChange::PeerUrls(PeerUrls { member_id: id, urls })),
        change(ClusterChange::Promise(id)),
    ]
}

fn ids(cluster: &ClusterRecord) -> [Vec<u64>; 5] {
    let attributes = cluster.attributes.iter().map(|told| told.member_id).collect();
    let peers = cluster.peers.iter().map(|moved| moved.member_id).collect();
    [cluster.members.clone(), cluster.removed.clone(), attributes, peers, cluster.promised.clone()]
}

#[test]
fn whoever_is_in_the_membership_no_longer_is_removed_by_that_entry() {
    let state = State::new();
    state.apply([members(&[1, 2, 3])]);
    state.apply((1..=3).flat_map(known));
    // As consensus removes a voter: first an entry in which it still is, without its vote.
    state.apply([members(&[1, 2, 3])]);
    assert_eq!(ids(&state.cluster()), [vec![1, 2, 3], vec![], vec![1, 2, 3], vec![1, 2, 3], vec![1, 2, 3]]);
    state.apply([members(&[1, 3])]);
    let removed = [vec![1, 3], vec![2], vec![1, 3], vec![1, 3], vec![1, 3]];
    assert_eq!(ids(&state.cluster()), removed);
    let state = state.reopened();
    state.apply([members(&[1, 3])]);
    assert_eq!(ids(&state.cluster()), removed, "removed once");
    state.apply([members(&[1, 3, 4]), members(&[4])]);
    assert_eq!(state.cluster().removed, [2, 1, 3], "several at once, also of members that came in the same batch");
    let membership = state.store.view(|view| view.applied_state()).unwrap().membership;
    assert_eq!(membership.unwrap(), "[4]");
}

/// A member that is removed while it starts still tells of itself.
#[test]
fn what_is_told_of_a_member_after_its_removal_is_not_kept() {
    let state = State::new();
    state.apply([members(&[1, 2]), members(&[1])]);
    state.apply(known(2));
    assert_eq!(ids(&state.cluster()), [vec![1], vec![2], vec![], vec![], vec![]]);
}

#[test]
fn the_first_entry_that_sets_the_membership_removes_nobody() {
    let state = State::new();
    state.apply(known(7));
    state.apply([members(&[1])]);
    assert_eq!(ids(&state.cluster()), [vec![1], vec![], vec![7], vec![7], vec![7]]);
    state.apply([members(&[])]);
    assert_eq!(state.cluster().removed, [1]);
}

#[test]
fn a_promise_to_a_member_that_was_not_added_is_forgotten() {
    let state = State::new();
    state.apply([members(&[1]), change(ClusterChange::Promise(2)), change(ClusterChange::Promise(3))]);
    state.apply([change(ClusterChange::PromiseBroken(2))]);
    let cluster = state.cluster();
    assert_eq!((cluster.promised, cluster.removed), (vec![3], vec![]));
}

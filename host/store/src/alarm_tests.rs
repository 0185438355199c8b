//! What alarms let pass, and how the cluster's record changes, by way of the log.

use bytes::Bytes;
use tempfile::TempDir;

use crate::{
    ALARM_CORRUPT, ALARM_NO_SPACE, AlarmRecord, Attributes, ChangeCluster, ClusterChange, Command, LogEntry, Outcome,
    PeerUrls, Refusal, SetAlarm, Store,
    command::{
        Body, ClientWrite, Compact, DeleteRange, Keys, LeaseGrant, LeaseRevoke, Op, OpKind, Put, Range, Stamp, Txn,
        Value,
    },
};

struct State {
    store: Store,
    dir: TempDir,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(dir.path()).unwrap(), dir }
    }

    fn apply_all(&self, bodies: Vec<Body>) -> Vec<Result<Outcome, Refusal>> {
        let entry = |body: Body| LogEntry {
            applied: Bytes::from_static(b"x"),
            membership: None,
            command: Some(Command::from(body)),
        };
        let batch = self.store.apply(bodies.into_iter().map(entry).collect()).unwrap();
        batch.applied.into_iter().map(|applied| applied.result).collect()
    }

    fn apply(&self, body: Body) -> Result<Outcome, Refusal> {
        self.apply_all(vec![body]).remove(0)
    }

    fn set(&self, raised: bool, kind: i32, member_id: u64) -> Option<AlarmRecord> {
        match self.apply(set(raised, kind, member_id)).unwrap() {
            Outcome::Alarm(alarm) => alarm,
            other => panic!("{other:?}"),
        }
    }

    fn alarms(&self) -> Vec<(i32, u64)> {
        let alarms = self.store.view(|view| view.alarms()).unwrap();
        alarms.into_iter().map(|alarm| (alarm.kind, alarm.member_id)).collect()
    }

    fn reopened(self) -> Self {
        self.store.close().unwrap();
        Self { store: Store::open(self.dir.path()).unwrap(), dir: self.dir }
    }
}

fn set(raised: bool, kind: i32, member_id: u64) -> Body {
    Body::SetAlarm(SetAlarm { raised, alarm: AlarmRecord { kind, member_id } })
}

fn op(kind: OpKind) -> Op {
    Op { kind: Some(kind) }
}

fn put() -> Op {
    let value = Value { form: 0, bytes: Bytes::from_static(b"v") };
    op(OpKind::Put(Put { key: "k".into(), value: Some(value), ..Put::default() }))
}

fn delete() -> Op {
    op(OpKind::DeleteRange(DeleteRange {
        keys: Some(Keys { start: "k".into(), range_end: Bytes::new() }),
        prev_kv: false,
    }))
}

fn txn(success: Vec<Op>, failure: Vec<Op>) -> Op {
    op(OpKind::Txn(Txn { compare: Vec::new(), success, failure }))
}

fn write(op: Op) -> Body {
    let stamp = Stamp { policy_epoch: 0, auth_revision: 1, ..Stamp::default() };
    Body::Write(ClientWrite { stamp: Some(stamp), op: Some(op) })
}

#[test]
fn alarms_are_kept_by_kind_and_member_and_survive_a_restart() {
    let state = State::new();
    assert_eq!(state.set(true, 0, 1), None, "a kind of zero is none");
    for (kind, member) in [(ALARM_CORRUPT, 1), (ALARM_NO_SPACE, 2), (9, 0)] {
        let alarm = Some(AlarmRecord { kind, member_id: member });
        assert_eq!(state.set(true, kind, member), alarm);
        assert_eq!(state.set(true, kind, member), alarm, "raised again it stands already");
    }
    let state = state.reopened();
    assert_eq!(state.alarms(), [(ALARM_NO_SPACE, 2), (ALARM_CORRUPT, 1), (9, 0)]);
    assert_eq!(state.set(false, ALARM_NO_SPACE, 1), None, "of another member");
    assert_eq!(state.set(false, ALARM_NO_SPACE, 2), Some(AlarmRecord { kind: ALARM_NO_SPACE, member_id: 2 }));
    assert_eq!(state.alarms(), [(ALARM_CORRUPT, 1), (9, 0)]);
}

#[test]
fn without_space_only_what_cannot_grow_the_state_passes() {
    let state = State::new();
    state.set(true, ALARM_NO_SPACE, 7);
    let read = || op(OpKind::Range(Range::default()));
    let refused = [
        write(put()),
        write(txn(vec![put()], Vec::new())),
        write(txn(vec![delete()], vec![put()])),
        write(txn(vec![txn(Vec::new(), vec![put()])], Vec::new())),
        Body::LeaseGrant(LeaseGrant { id: 1, ttl_seconds: 10 }),
    ];
    for body in refused {
        assert_eq!(state.apply(body).unwrap_err(), Refusal::NoSpace);
    }
    for body in
        [write(delete()), write(txn(vec![delete(), read()], vec![read()])), Body::Compact(Compact { revision: 1 })]
    {
        state.apply(body).unwrap();
    }
}

#[test]
fn a_corrupt_cluster_changes_nothing_until_the_alarm_is_cleared() {
    let state = State::new();
    state.set(true, ALARM_NO_SPACE, 7);
    state.set(true, ALARM_CORRUPT, 7);
    let all = || {
        vec![
            write(put()),
            write(delete()),
            Body::Compact(Compact { revision: 1 }),
            Body::LeaseGrant(LeaseGrant { id: 1, ttl_seconds: 10 }),
            Body::LeaseRevoke(LeaseRevoke { id: 1, author: None }),
        ]
    };
    for result in state.apply_all(all()) {
        assert_eq!(result.unwrap_err(), Refusal::CorruptCluster);
    }
    let mut cleared = vec![set(false, ALARM_CORRUPT, 7), set(false, ALARM_NO_SPACE, 7)];
    cleared.extend(all());
    for result in state.apply_all(cleared) {
        result.expect("an alarm that is cleared lets the rest of the same batch pass");
    }
}

#[test]
fn the_record_of_the_cluster_survives_a_restart_and_has_one_downgrade_at_a_time() {
    let state = State::new();
    let change = |change| Body::ChangeCluster(ChangeCluster { change: Some(change) });
    let downgrade = |target: &str| change(ClusterChange::Downgrade(target.to_owned()));
    let moved = |url: &str| PeerUrls { member_id: 7, urls: vec![url.to_owned()] };
    state.apply(downgrade("3.6.0")).unwrap();
    assert_eq!(state.apply(downgrade("3.5.0")).unwrap_err(), Refusal::DowngradeInProcess);
    state.apply(change(ClusterChange::Version("3.6.0".to_owned()))).unwrap();
    state.apply(change(ClusterChange::PeerUrls(moved("http://a:1")))).unwrap();
    state.apply(change(ClusterChange::PeerUrls(moved("http://b:1")))).unwrap();
    let told = |member_id, name: &str| {
        let client_urls = vec![format!("http://{name}:1")];
        Attributes { member_id, name: name.to_owned(), client_urls, version: "3.7.3".to_owned(), protocol: 1 }
    };
    for attributes in [told(7, "a"), told(8, "b"), told(7, "c")] {
        state.apply(change(ClusterChange::Attributes(attributes))).unwrap();
    }
    let state = state.reopened();
    let cluster = || state.store.view(|view| view.cluster()).unwrap();
    assert_eq!((cluster().version, cluster().downgrade_target), ("3.6.0".to_owned(), "3.6.0".to_owned()));
    assert_eq!(cluster().peers, [moved("http://b:1")]);
    assert_eq!(cluster().attributes, [told(8, "b"), told(7, "c")]);
    state.apply(downgrade("")).unwrap();
    assert_eq!(cluster().downgrade_target, "");
}

#[test]
fn the_size_goes_down_when_deleted_data_is_defragmented() {
    let state = State::new();
    let value = Value { form: 0, bytes: vec![7; 100_000].into() };
    for number in 0..100_u32 {
        // Not compressible, so that the size is that of the values.
        let noise: Vec<u8> = (0..100_000_u32).map(|at| (at.wrapping_mul(2_654_435_761 + number) >> 13) as u8).collect();
        let value = Value { bytes: noise.into(), ..value.clone() };
        let key = Bytes::from(number.to_string());
        state.apply(write(op(OpKind::Put(Put { key, value: Some(value), ..Put::default() })))).unwrap();
    }
    let full = state.store.size_bytes().unwrap().0;
    assert!(full > 5_000_000, "{full}");
    let all = Keys { start: Bytes::from_static(&[0]), range_end: Bytes::from_static(&[0]) };
    state.apply(write(op(OpKind::DeleteRange(DeleteRange { keys: Some(all), prev_kv: false })))).unwrap();
    state.apply(Body::Compact(Compact { revision: 102 })).unwrap();
    while state.store.sweep().unwrap() {}
    state.store.defragment().unwrap();
    let left = state.store.size_bytes().unwrap().0;
    assert!(left < full / 10, "{left} of {full} bytes are left");
}

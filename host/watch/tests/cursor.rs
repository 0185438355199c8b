//! A cursor against the ring and the store's history behind it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use store::{
    LogEntry, Store,
    command::{Body, ClientWrite, Compact, Op, OpKind, Put, Stamp, Value},
};
use tempfile::TempDir;
use types::KeyRange;
use watch::{Cursor, Hub, PULL_ENTRIES_MAX, Pulled, RING_REVISIONS_MAX};

struct Member {
    store: Store,
    hub: Hub,
    _dir: TempDir,
}

impl Member {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(dir.path()).unwrap(), hub: Hub::new(1), _dir: dir }
    }

    fn apply(&self, commands: impl IntoIterator<Item = Body>) {
        let entry = |body: Body| LogEntry { applied: Bytes::new(), membership: None, command: Some(body.into()) };
        let done = self.store.apply(commands.into_iter().map(entry).collect()).unwrap();
        self.hub.publish(done.events, done.applied.last().unwrap().revision);
    }

    fn pull(&self, cursor: &mut Cursor) -> Vec<i64> {
        match cursor.pull(&self.hub, &self.store).unwrap() {
            Pulled::Events(events) => events.iter().map(|event| event.kv.mod_revision).collect(),
            Pulled::Compacted { .. } => panic!("not compacted"),
        }
    }
}

fn put(key: &'static str) -> Body {
    let value = Value { form: 0, bytes: Bytes::from_static(b"v") };
    let put = Put { key: Bytes::from_static(key.as_bytes()), value: Some(value), ..Put::default() };
    let op = Op { kind: Some(OpKind::Put(put)) };
    Body::Write(ClientWrite { stamp: Some(Stamp { policy_epoch: 0, auth_revision: 1 }), op: Some(op) })
}

fn cursor(key: &'static str, next: i64) -> Cursor {
    Cursor { range: KeyRange::single(key), puts: true, deletes: true, prev_kv: false, next, from_history: true }
}

#[test]
fn a_cursor_that_fell_out_of_the_ring_reads_history_and_comes_back() {
    let member = Member::new();
    let writes = RING_REVISIONS_MAX + 10;
    for _ in 0..writes / 512 + 1 {
        member.apply((0..512).map(|_| put("a")));
    }
    let newest = member.hub.newest();
    let mut cursor = cursor("a", 2);
    let mut seen = Vec::new();
    let mut pulls = 0;
    while !cursor.has_reached(newest) {
        seen.extend(member.pull(&mut cursor));
        pulls += 1;
    }
    assert_eq!(seen, (2..=newest).collect::<Vec<_>>());
    assert!(pulls > 1, "history is read in stretches of {PULL_ENTRIES_MAX}");
    member.apply([put("b"), put("a")]);
    assert_eq!(member.pull(&mut cursor), [newest + 2]);
}

#[test]
fn a_start_before_the_compaction_is_told_so_even_when_the_ring_still_has_it() {
    let member = Member::new();
    member.apply([put("a"), put("a"), put("a")]);
    let mut running = cursor("a", 2);
    member.pull(&mut running);
    member.apply([Body::Compact(Compact { revision: 3 })]);
    let mut late = cursor("a", 2);
    let pulled = late.pull(&member.hub, &member.store).unwrap();
    assert!(matches!(pulled, Pulled::Compacted { compact_revision: 3 }));
    assert_eq!(member.pull(&mut cursor("a", 3)), [3, 4]);
    member.apply([put("a")]);
    assert_eq!(member.pull(&mut running), [5]);
}

#[test]
fn other_keys_move_a_cursor_on_without_events() {
    let member = Member::new();
    let mut cursor = cursor("a", 2);
    member.apply([put("aa"), put("b")]);
    assert_eq!(member.pull(&mut cursor), []);
    assert!(cursor.has_reached(3));
}

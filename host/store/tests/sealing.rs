//! Which prefixes can be sealed, by the command that does it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use seal::DataKeyRecord;
use store::{
    Command, LogEntry, Outcome, Refusal, Store,
    command::{Body, ClientWrite, Compact, DeleteRange, Keys, Op, OpKind, Put, PutDataKeys, Stamp, Txn, Value},
};
use tempfile::TempDir;

struct State {
    store: Store,
    _dir: TempDir,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(dir.path()).unwrap(), _dir: dir }
    }

    fn apply_all(&self, bodies: Vec<Body>) -> Vec<Result<Outcome, Refusal>> {
        let entry = |body| {
            let command = Some(Command::from(body));
            LogEntry { applied: Bytes::from_static(b"x"), membership: None, command }
        };
        let batch = self.store.apply(bodies.into_iter().map(entry).collect()).unwrap();
        batch.applied.into_iter().map(|applied| applied.result).collect()
    }

    fn apply(&self, body: Body) -> Result<Outcome, Refusal> {
        self.apply_all(vec![body]).remove(0)
    }

    /// Writes under the policy epoch in force.
    fn write(&self, op: Op) {
        self.apply(write(self.epoch(), op)).unwrap();
    }

    fn epoch(&self) -> u64 {
        self.store.view(|view| view.policy_epoch()).unwrap()
    }

    fn seal(&self, prefixes: &[(&'static str, u32)]) -> Result<Outcome, Refusal> {
        self.apply(keys(self.epoch(), prefixes))
    }

    fn sealed(&self) -> Vec<u32> {
        self.store.view(|view| view.data_keys()).unwrap().into_iter().map(|record| record.id).collect()
    }
}

fn keys(expected_epoch: u64, prefixes: &[(&'static str, u32)]) -> Body {
    let record = |(prefix, id): &(&'static str, u32)| {
        let prefix = Bytes::from_static(prefix.as_bytes());
        DataKeyRecord { prefix, id: *id, active: true, ..DataKeyRecord::default() }.encode()
    };
    Body::PutDataKeys(PutDataKeys { expected_epoch, records: prefixes.iter().map(record).collect() })
}

fn op(kind: OpKind) -> Op {
    Op { kind: Some(kind) }
}

fn put(key: &'static str) -> Op {
    let value = Value { form: 0, bytes: Bytes::from_static(b"plain") };
    op(OpKind::Put(Put { key: key.into(), value: Some(value), ..Put::default() }))
}

fn delete(key: &'static str) -> Op {
    let keys = Keys { start: key.into(), range_end: Bytes::new() };
    op(OpKind::DeleteRange(DeleteRange { keys: Some(keys), prev_kv: false }))
}

fn write(policy_epoch: u64, op: Op) -> Body {
    let stamp = Stamp { policy_epoch, auth_revision: 1, author: None };
    Body::Write(ClientWrite { stamp: Some(stamp), op: Some(op) })
}

#[test]
fn a_prefix_that_holds_a_key_is_not_sealed_and_nothing_of_the_command_is_done() {
    let state = State::new();
    for key in ["/a", "/b/1", "/c/"] {
        state.write(put(key));
    }
    let epoch = state.epoch();
    for refused in ["/b/", "/c/", "/b/1", "/", ""] {
        let both = [("/free/", 1), (refused, 2)];
        assert_eq!(state.seal(&both).unwrap_err(), Refusal::PrefixInUse, "{refused:?}");
    }
    assert_eq!((state.sealed(), state.epoch()), (vec![], epoch));
    state.seal(&[("/a/", 1), ("/b/2", 2), ("/c0", 3), ("/d/", 4)]).unwrap();
    assert_eq!(state.sealed(), [1, 2, 3, 4]);
}

/// Two members start: one finds the prefix empty and would seal it, the other takes a write before it knows.
#[test]
fn a_plain_write_that_came_first_is_seen_also_in_the_same_batch() {
    let state = State::new();
    let mut results = state.apply_all(vec![write(0, put("/s/1")), keys(0, &[("/s/", 1)])]);
    assert_eq!(results.remove(1).unwrap_err(), Refusal::PrefixInUse);
    let mut results = state.apply_all(vec![keys(0, &[("/t/", 1)]), write(0, put("/t/1"))]);
    assert_eq!(results.remove(1).unwrap_err(), Refusal::StalePolicy { current: 1 }, "the other way round it is sealed");
}

#[test]
fn history_counts_until_it_is_compacted_and_whether_or_not_it_is_removed_yet() {
    for sweep_first in [false, true] {
        let state = State::new();
        state.write(put("/s/1"));
        state.write(put("/s/1"));
        state.write(delete("/s/1"));
        assert_eq!(state.seal(&[("/s/", 1)]).unwrap_err(), Refusal::PrefixInUse);
        state.apply(Body::Compact(Compact { revision: 3 })).unwrap();
        while state.store.sweep().unwrap() {}
        assert_eq!(state.seal(&[("/s/", 1)]).unwrap_err(), Refusal::PrefixInUse, "revision 3 is still there");
        state.apply(Body::Compact(Compact { revision: 4 })).unwrap();
        while sweep_first && state.store.sweep().unwrap() {}
        assert!(!state.store.view(|view| view.holds_any(b"/s/")).unwrap());
        state.seal(&[("/s/", 1)]).unwrap();
    }
}

/// Its value lies in the history of events alone.
#[test]
fn a_key_that_one_transaction_wrote_and_deleted_counts() {
    let state = State::new();
    let success = vec![put("/s/1"), delete("/s/1")];
    state.write(op(OpKind::Txn(Txn { success, ..Txn::default() })));
    assert_eq!(state.seal(&[("/s/", 1)]).unwrap_err(), Refusal::PrefixInUse);
}

#[test]
fn a_prefix_that_is_sealed_gets_more_keys_whatever_it_holds_and_so_does_one_within_it() {
    let state = State::new();
    state.seal(&[("/s/", 1)]).unwrap();
    state.write(put("/s/in/1"));
    state.seal(&[("/s/", 1), ("/s/", 2)]).unwrap();
    state.seal(&[("/s/in/", 3)]).unwrap();
    assert_eq!(state.sealed(), [1, 2, 3]);
    assert_eq!(state.seal(&[("/", 4)]).unwrap_err(), Refusal::PrefixInUse, "one around it is another matter");
}

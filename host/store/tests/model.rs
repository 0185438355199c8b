//! The store against the simplest model of etcd's multi-version store that could be right: a list of whole key spaces.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use crate::commands::{apply, delete, key, op, put, write};
use bytes::Bytes;
use proptest::prelude::*;
use store::{
    HistoryQuery, Outcome, ReadError, Refusal, Store,
    command::{
        Body, ClientWrite, Compact, DeleteRange, Keys, LeaseGrant, LeaseRevoke, Op, OpKind, Put, Stamp, Txn, Value,
    },
};
use types::{EventKind, KeyRange, RangeQuery};

/// What the model keeps of a key: create revision, mod revision, version, value.
type Entry = (i64, i64, i64, Vec<u8>);

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8, u8),
    /// Puts and a delete at one revision, over the same keys as it happens; the delete first or last.
    Txn(Vec<(u8, u8)>, (u8, u8), bool),
    Compact(u8),
    Sweep,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..8_u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        2 => (0..8_u8, 0..9_u8).prop_map(|(from, to)| Step::Delete(from, to)),
        3 => (proptest::collection::btree_map(0..8_u8, any::<u8>(), 0..3), (0..8_u8, 0..9_u8), any::<bool>())
            .prop_map(|(puts, delete, first)| Step::Txn(puts.into_iter().collect(), delete, first)),
        1 => any::<u8>().prop_map(Step::Compact),
        1 => Just(Step::Sweep),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..60)
}

/// The key space after each revision; index 0 is revision 1, the empty store.
struct Model {
    revisions: Vec<BTreeMap<Bytes, Entry>>,
    events: BTreeMap<i64, Vec<(EventKind, Bytes, Vec<u8>)>>,
    compacted: i64,
}

impl Model {
    fn newest(&self) -> i64 {
        i64::try_from(self.revisions.len()).unwrap()
    }

    fn at(&self, revision: i64) -> &BTreeMap<Bytes, Entry> {
        &self.revisions[usize::try_from(revision).unwrap() - 1]
    }

    fn write(&mut self, puts: &[(u8, u8)], deleted: Option<(u8, u8)>, deleted_first: bool) {
        let revision = self.newest() + 1;
        let mut keys = self.revisions.last().unwrap().clone();
        let mut events = Vec::new();
        let delete = |keys: &mut BTreeMap<Bytes, Entry>, events: &mut Vec<_>| {
            let range = deleted.map(|(from, to)| KeyRange::from_wire(key(from), key(to)));
            let doomed: Vec<Bytes> =
                keys.keys().filter(|key| range.as_ref().is_some_and(|range| range.contains(key))).cloned().collect();
            for key in doomed {
                keys.remove(&key);
                events.push((EventKind::Delete, key, Vec::new()));
            }
        };
        if deleted_first {
            delete(&mut keys, &mut events);
        }
        for (number, value) in puts {
            let (create, version) =
                keys.get(&key(*number)).map_or((revision, 0), |(create, _, version, _)| (*create, *version));
            keys.insert(key(*number), (create, revision, version + 1, vec![*value]));
            events.push((EventKind::Put, key(*number), vec![*value]));
        }
        if !deleted_first {
            delete(&mut keys, &mut events);
        }
        if !events.is_empty() {
            self.revisions.push(keys);
            self.events.insert(revision, events);
        }
    }
}

fn check(store: &Store, model: &Model) {
    for revision in 1..=model.newest() {
        let query = RangeQuery { revision, ..RangeQuery::all(KeyRange::from_wire(key(0), Bytes::from_static(&[0]))) };
        let found = store.view(|view| view.range(&query));
        if revision < model.compacted {
            assert!(matches!(found, Err(ReadError::Refused(Refusal::Compacted))), "revision {revision}");
            continue;
        }
        let found: BTreeMap<Bytes, Entry> = found
            .unwrap()
            .kvs
            .into_iter()
            .map(|kv| (kv.key, (kv.create_revision, kv.mod_revision, kv.version, kv.value.bytes().to_vec())))
            .collect();
        assert_eq!(&found, model.at(revision), "at revision {revision}");
    }
    check_history(store, model);
}

fn check_history(store: &Store, model: &Model) {
    let from = model.compacted.max(1);
    let query = HistoryQuery {
        from,
        to: model.newest(),
        wants: &|_, _, _| true,
        prev_kv: true,
        bytes_max: 1 << 20,
        revisions_max: usize::MAX,
        entries_max: 10_000,
    };
    let history = store.view(|view| view.history(&query)).unwrap();
    let shown =
        |event: &types::Event<seal::Sealed>| (event.kind, event.kv.key.clone(), event.kv.value.bytes().to_vec());
    let found: BTreeMap<i64, Vec<(EventKind, Bytes, Vec<u8>)>> =
        history.revisions.iter().map(|one| (one.revision, one.events.iter().map(shown).collect())).collect();
    let expected: BTreeMap<_, _> =
        model.events.range(from..).map(|(revision, events)| (*revision, events.clone())).collect();
    assert_eq!(found, expected);
    for event in history.revisions.iter().flat_map(|one| one.events.iter()) {
        let before = event.kv.mod_revision - 1;
        if before >= model.compacted.max(1) {
            let prev = event.prev.as_ref().map(|prev| prev.value.bytes().to_vec());
            // As in etcd: nothing was before a creation, also when this revision itself deleted it.
            let created = event.kind == EventKind::Put && event.kv.create_revision == event.kv.mod_revision;
            let expected = model.at(before).get(&event.kv.key).filter(|_| !created);
            assert_eq!(prev, expected.map(|entry| entry.3.clone()));
        } else {
            assert!(event.prev.is_none(), "what was before the compacted revision is not shown, swept away or not");
        }
    }
}

fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut model = Model { revisions: vec![BTreeMap::new()], events: BTreeMap::new(), compacted: -1 };
    for step in steps {
        match step {
            Step::Put(number, value) => {
                apply(&store, vec![write(put(number, value, 0))]);
                model.write(&[(number, value)], None, false);
            }
            Step::Delete(from, to) => {
                apply(&store, vec![write(delete(from, to))]);
                model.write(&[], Some((from, to)), false);
            }
            Step::Txn(puts, (from, to), first) => {
                let mut success: Vec<Op> = puts.iter().map(|(number, value)| put(*number, *value, 0)).collect();
                success.insert(if first { 0 } else { success.len() }, delete(from, to));
                apply(&store, vec![write(op(OpKind::Txn(Txn { success, ..Txn::default() })))]);
                model.write(&puts, Some((from, to)), first);
            }
            Step::Compact(share) => compact(&store, &mut model, share),
            Step::Sweep => while store.sweep().unwrap() {},
            Step::Reopen => {
                store.flush().unwrap();
                drop(store);
                store = Store::open(dir.path()).unwrap();
            }
        }
    }
    check(&store, &model);
    let hash = |store: &Store| store.view(|view| view.hash_kv(0)).unwrap().hash;
    let before = hash(&store);
    while store.sweep().unwrap() {}
    assert_eq!(hash(&store), before, "the hash must not depend on how far history is removed");
    check(&store, &model);
}

fn compact(store: &Store, model: &mut Model, share: u8) {
    let revision = 1 + model.newest() * i64::from(share) / 256;
    let done = apply(store, vec![Body::Compact(Compact { revision }).into()]);
    let result = &done.applied[0].result;
    if revision <= model.compacted {
        assert_eq!(result.as_ref().unwrap_err(), &Refusal::Compacted);
    } else {
        assert!(matches!(result, Ok(Outcome::Compacted)));
        model.compacted = revision;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_revision_reads_as_the_model_says(steps in steps()) {
        run(steps);
    }
}

#[test]
fn a_sweep_ends_however_many_events_a_revision_has() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let many = |number: u8| {
        let (key, value) = (vec![b'k', number].into(), Some(Value { form: 0, bytes: "x".into() }));
        op(OpKind::Put(Put { key, value, ..Put::default() }))
    };
    for _ in 0..3 {
        let all = Txn { success: (0..=255).map(many).collect(), ..Txn::default() };
        let keys = Some(Keys { start: "k".into(), range_end: "l".into() });
        let none = op(OpKind::DeleteRange(DeleteRange { keys, prev_kv: false }));
        apply(&store, vec![write(op(OpKind::Txn(all))), write(none)]);
    }
    apply(&store, vec![write(put(0, 7, 0)), Body::Compact(Compact { revision: 8 }).into()]);
    let sweeps = std::iter::repeat_with(|| store.sweep().unwrap()).take(20).position(|more| !more);
    assert!(sweeps.is_some(), "it goes on and on");
    let checkpoint = dir.path().join("checkpoint");
    store.checkpoint(&checkpoint).unwrap();
    let found = store::check(&checkpoint, None).unwrap();
    // The compacted revision itself can still be watched.
    assert_eq!((found.fault_count, found.past, found.events), (0, 0, 1), "{:?}", found.faults);
}

#[test]
fn a_batch_sees_its_own_earlier_writes_and_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let done = apply(&store, vec![write(put(0, 1, 0)), write(put(0, 2, 0)), write(delete(0, 8))]);
    assert_eq!(done.applied.iter().map(|one| one.revision).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(done.events.len(), 3);
    let last = &done.events[2].events[0];
    assert_eq!(last.prev.as_ref().unwrap().version, 2);
}

#[test]
fn a_stale_policy_stamp_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let stamp = Stamp { policy_epoch: 7, auth_revision: 1, ..Stamp::default() };
    let stale = Body::Write(ClientWrite { stamp: Some(stamp), op: Some(put(0, 1, 0)) }).into();
    let done = apply(&store, vec![stale]);
    assert_eq!(done.applied[0].result.as_ref().unwrap_err(), &Refusal::StalePolicy { current: 0 });
    assert_eq!(store.view(|view| view.revision()).unwrap(), 1);
}

#[test]
fn revoking_a_lease_deletes_its_keys_at_one_revision() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let leased = |number, lease| write(put(number, 0, lease));
    let grant = |id| Body::LeaseGrant(LeaseGrant { id, ttl_seconds: 10 }).into();
    apply(&store, vec![grant(1), grant(2), leased(0, 1), leased(1, 1), leased(2, 1), leased(2, 2)]);
    assert_eq!(store.view(|view| view.lease_keys(1)).unwrap(), [key(0), key(1)]);
    let done = apply(&store, vec![Body::LeaseRevoke(LeaseRevoke { author: None, id: 1 }).into(), leased(3, 1)]);
    assert_eq!(done.events.len(), 1);
    assert_eq!(done.events[0].events.len(), 2);
    assert_eq!(done.applied[1].result.as_ref().unwrap_err(), &Refusal::LeaseNotFound);
    assert_eq!(store.view(|view| view.lease_keys(2)).unwrap(), [key(2)]);
}

#[test]
fn a_checkpoint_can_be_taken_over_while_the_store_is_in_use() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = Store::open(&one.path().join("state")).unwrap();
    apply(&source, vec![write(put(0, 1, 0)), write(put(1, 2, 0))]);
    let checkpoint = one.path().join("checkpoint");
    source.checkpoint(&checkpoint).unwrap();
    let target = Arc::new(Store::open(&other.path().join("state")).unwrap());
    apply(&target, vec![write(put(5, 9, 0))]);
    let note = target.files().join("forgotten");
    std::fs::write(&note, "7").unwrap();
    target.defragment().unwrap();
    assert!(note.exists(), "the database leaves alone what is not its own");
    target.install(&checkpoint).unwrap();
    assert!(!note.exists(), "what was noted of the state before does not count for this one");
    assert_eq!(target.view(|view| view.revision()).unwrap(), 3);
    apply(&target, vec![write(put(2, 3, 0))]);
    drop(target);
    assert!(checkpoint.join("CURRENT").exists(), "the checkpoint stays as it is");
}

//! Rules, data keys and rewraps, by the commands that change them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use seal::{DataKeyRecord, KeyFile, KeyState, Keyring, Providers, SealRule, Sealed};
use store::{
    Command, LogEntry, Outcome, Place, Refusal, Step, Store, Walk,
    command::{
        Body, ChangeKeyring, ClientWrite, Compact, Compare, DeleteRange, KeyedDigest, Keys, Op, OpKind, Put,
        ReserveUses, Rewrap, Rewrapped, Stamp, Target, Txn, Value,
    },
};
use tempfile::TempDir;
use types::{OpOutcome, Plain, RangeQuery};

const CLUSTER: u64 = 7;
const ALL: Step = Step { values: 100, bytes: 1 << 20, entries: 1000 };

struct State {
    store: Store,
    root: Providers,
    _dir: TempDir,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Providers::single(KeyFile::create(dir.path().join("root.key")).unwrap());
        Self { store: Store::open(&dir.path().join("state")).unwrap(), root, _dir: dir }
    }

    fn apply(&self, body: Body) -> Result<Outcome, Refusal> {
        let command = Some(Command::from(body));
        let entry = LogEntry { applied: Bytes::from_static(b"x"), membership: None, command };
        self.store.apply(vec![entry]).unwrap().applied.remove(0).result
    }

    fn epoch(&self) -> u64 {
        self.store.view(|view| view.policy_epoch()).unwrap()
    }

    fn write(&self, op: Op) -> OpOutcome<Sealed> {
        match self.try_write(op).unwrap() {
            Outcome::Write(outcome) => outcome,
            other => panic!("a write came out as {other:?}"),
        }
    }

    fn try_write(&self, op: Op) -> Result<Outcome, Refusal> {
        let stamp = Stamp { policy_epoch: self.epoch(), auth_revision: 1, ..Stamp::default() };
        self.apply(Body::Write(ClientWrite { stamp: Some(stamp), op: Some(op) }))
    }

    fn change(&self, change: ChangeKeyring) -> Result<Outcome, Refusal> {
        self.apply(Body::ChangeKeyring(ChangeKeyring { expected_epoch: self.epoch(), ..change }))
    }

    /// Gives `/s/` a new data key and retires the others.
    fn rotate(&self) -> Keyring {
        let rule = SealRule::seal("/s/".into());
        let new = self.keyring().generate(&rule, 0, &self.root).unwrap().in_state(KeyState::Active);
        let retired = self.records().into_iter().map(|record| record.in_state(KeyState::Retired));
        let records = retired.chain([new]).map(|record| record.encode()).collect();
        self.change(ChangeKeyring { records, rules: vec![rule.encode()], ..ChangeKeyring::default() }).unwrap();
        self.keyring()
    }

    fn records(&self) -> Vec<DataKeyRecord> {
        self.store.view(|view| view.data_keys()).unwrap()
    }

    fn keyring(&self) -> Keyring {
        let (rules, records) =
            self.store.view(|view| Ok::<_, store::StoreError>((view.seal_rules()?, view.data_keys()?))).unwrap();
        let keyring = Keyring::open(CLUSTER, &rules, &records, Some(&self.root), None).unwrap();
        records.iter().for_each(|record| keyring.add_uses(record.id, 100));
        keyring
    }

    fn is_settled(&self) -> bool {
        self.store.view(|view| view.is_settled()).unwrap()
    }

    /// Every value under `/s/`, step by step so that each step's end is tried.
    fn values(&self) -> Vec<(Place, Sealed)> {
        let (mut found, mut next) = (Vec::new(), Some(Walk::over(b"/s/")));
        while let Some(walk) = next {
            let step = Step { entries: 1, ..ALL };
            let walked = self.store.view(|view| view.walk(walk, step, &|_, _| true)).unwrap();
            found.extend(walked.found);
            next = walked.next;
        }
        found
    }

    /// Puts everything in place as the keyring wants it; how many records that changed.
    fn rewrap_all(&self, keyring: &Keyring) -> u64 {
        let item = |(place, value): (Place, Sealed)| {
            let resealed = keyring.rewrap(&place.key, &value).unwrap()?;
            Some(rewrapped(&place, &value, &resealed))
        };
        self.rewrap(self.values().into_iter().filter_map(item).collect())
    }

    fn rewrap(&self, items: Vec<Rewrapped>) -> u64 {
        match self.apply(Body::Rewrap(Rewrap { expected_epoch: self.epoch(), items })).unwrap() {
            Outcome::Rewrapped { records } => records,
            other => panic!("a rewrap came out as {other:?}"),
        }
    }

    /// The revision and the hash of everything that HashKV covers.
    fn shown(&self) -> (i64, u32, u64) {
        let hash = self.store.view(|view| view.hash_kv(0)).unwrap();
        (hash.hash_revision, hash.hash, hash.resealed)
    }

    fn read(&self, keyring: &Keyring, key: &'static str, revision: i64) -> Vec<u8> {
        let query = RangeQuery { revision, ..RangeQuery::all(types::KeyRange::single(key)) };
        let found = self.store.view(|view| view.range(&query)).unwrap();
        keyring.open_value(key.as_bytes(), found.kvs[0].value.clone()).unwrap().expose().to_vec()
    }
}

fn rewrapped(place: &Place, found: &Sealed, sealed: &Sealed) -> Rewrapped {
    Rewrapped {
        key: place.key.clone(),
        revision: place.revision,
        replaced_at: place.replaced_at,
        sealed_with: found.key_id().unwrap_or(0),
        value: sealed.into(),
    }
}

fn op(kind: OpKind) -> Op {
    Op { kind: Some(kind) }
}

fn put(keyring: &Keyring, key: &'static str, value: &str) -> Op {
    let value = Value::from(&keyring.seal(key.as_bytes(), &Plain::from(value.as_bytes().to_vec())).unwrap());
    op(OpKind::Put(Put { key: key.into(), value: Some(value), ..Put::default() }))
}

fn delete(key: &'static str) -> Op {
    let keys = Keys { start: key.into(), range_end: Bytes::new() };
    op(OpKind::DeleteRange(DeleteRange { keys: Some(keys), prev_kv: false }))
}

fn txn(success: Vec<Op>) -> Op {
    op(OpKind::Txn(Txn { success, ..Txn::default() }))
}

/// A live value, a superseded one, one of a deleted key, and one that only its event holds.
fn fill(state: &State, keyring: &Keyring) {
    state.write(put(keyring, "/s/a", "old"));
    state.write(put(keyring, "/s/a", "new"));
    state.write(put(keyring, "/s/b", "gone"));
    state.write(delete("/s/b"));
    state.write(txn(vec![put(keyring, "/s/c", "brief"), delete("/s/c"), put(keyring, "/s/c", "last")]));
    state.write(put(keyring, "/t/x", "elsewhere"));
}

#[test]
fn a_change_made_for_another_epoch_changes_nothing() {
    let state = State::new();
    state.rotate();
    let (epoch, records) = (state.epoch(), state.records());
    let stale = ChangeKeyring { expected_epoch: epoch - 1, dropped: vec!["/s/".into()], ..ChangeKeyring::default() };
    let refused = state.apply(Body::ChangeKeyring(stale)).unwrap_err();
    assert_eq!(refused, Refusal::StalePolicy { current: epoch });
    assert_eq!((state.epoch(), state.records()), (epoch, records));
}

#[test]
fn a_walk_meets_every_value_once_wherever_it_lies() {
    let state = State::new();
    let keyring = state.rotate();
    fill(&state, &keyring);
    let opened = state.values().into_iter().map(|(place, value)| {
        let value = keyring.open_value(&place.key, value.clone()).unwrap().expose().to_vec();
        (String::from_utf8_lossy(&value).into_owned(), place.replaced_at.is_some())
    });
    let expected = [("new", false), ("last", false), ("old", false), ("gone", false), ("brief", true)];
    assert_eq!(opened.collect::<Vec<_>>(), expected.map(|(value, replaced)| (value.to_owned(), replaced)));
}

#[test]
fn a_rotation_changes_the_data_key_of_every_record_and_nothing_that_anybody_sees() {
    let state = State::new();
    let before = state.rotate();
    fill(&state, &before);
    let shown = state.shown();
    let after = state.rotate();
    assert_eq!(state.shown(), shown, "a new key alone changes nothing");
    assert_eq!(state.rewrap_all(&after), 5);
    assert_eq!(state.shown(), shown);
    assert!(state.values().iter().all(|(_, value)| value.key_id() == Some(2)));
    assert_eq!(state.read(&after, "/s/a", 2), b"old");
    assert_eq!(state.read(&after, "/s/a", 0), b"new");
    assert_eq!(state.rewrap_all(&after), 0);
}

#[test]
fn values_in_plain_text_are_sealed_and_hashes_say_that_they_cannot_be_compared() {
    let state = State::new();
    fill(&state, &Keyring::empty(CLUSTER));
    let (revision, hash, resealed) = state.shown();
    let keyring = state.rotate();
    assert_eq!(state.rewrap_all(&keyring), 5);
    assert!(state.values().iter().all(|(_, value)| value.is_sealed()));
    let (revision_after, hash_after, resealed_after) = state.shown();
    assert_eq!((revision_after, resealed_after), (revision, resealed + 5));
    assert_ne!(hash_after, hash);
    assert_eq!(state.read(&keyring, "/s/a", 2), b"old");
}

#[test]
fn what_has_changed_since_it_was_found_is_left_alone() {
    let state = State::new();
    let before = state.rotate();
    state.write(put(&before, "/s/a", "one"));
    let found = state.values();
    let after = state.rotate();
    let item =
        |place: &Place, value: &Sealed| rewrapped(place, value, &after.rewrap(&place.key, value).unwrap().unwrap());
    let good = item(&found[0].0, &found[0].1);
    for wrong in [
        Rewrapped { revision: good.revision + 1, ..good.clone() },
        Rewrapped { key: "/s/b".into(), ..good.clone() },
        Rewrapped { sealed_with: 2, ..good.clone() },
        Rewrapped { replaced_at: Some(0), ..good.clone() },
    ] {
        assert_eq!(state.rewrap(vec![wrong]), 0);
    }
    state.write(put(&after, "/s/a", "two"));
    assert_eq!(state.rewrap(vec![good.clone()]), 1, "it is found among what was superseded");
    assert_eq!(state.rewrap(vec![good]), 0, "once");
    assert_eq!(state.read(&after, "/s/a", 0), b"two");
    assert_eq!(state.read(&after, "/s/a", 2), b"one");
    let stale = Rewrap { expected_epoch: state.epoch() - 1, items: Vec::new() };
    assert!(matches!(state.apply(Body::Rewrap(stale)), Err(Refusal::StalePolicy { .. })));
}

/// Members sweep at different times: a rewrap that depended on it would make them differ, and one beside a sweep would bring
/// back what that removes.
#[test]
fn a_rewrap_leaves_alone_what_a_compaction_removes_swept_or_not() {
    let outcome = |swept: bool| {
        let state = State::new();
        fill(&state, &Keyring::empty(CLUSTER));
        state.write(put(&Keyring::empty(CLUSTER), "/s/a", "newest"));
        let keyring = state.rotate();
        let found = state.values();
        let sweep = || while state.store.sweep().unwrap() {};
        // After the deletion, before the transaction: of `/s/a` the second value stays, of `/s/b` nothing.
        state.apply(Body::Compact(Compact { revision: 5 })).unwrap();
        if swept {
            sweep();
        }
        let left: Vec<_> = state.values().into_iter().map(|(place, _)| (place.key, place.revision)).collect();
        let item = |(place, value): (Place, Sealed)| {
            rewrapped(&place, &value, &keyring.rewrap(&place.key, &value).unwrap().unwrap())
        };
        let records = state.rewrap(found.into_iter().map(item).collect());
        let resealed = state.shown().2;
        assert_eq!(state.store.view(|view| view.is_swept()).unwrap(), swept);
        sweep();
        assert!(state.store.view(|view| view.is_swept()).unwrap());
        let sealed = state.values().iter().filter(|(_, value)| value.is_sealed()).count();
        (left, records, resealed, sealed)
    };
    let unswept = outcome(false);
    assert_eq!(unswept, outcome(true));
    assert_eq!((unswept.0.len(), unswept.1, unswept.2, unswept.3), (4, 4, 4, 4));
}

#[test]
fn uses_are_counted_by_the_state_and_only_for_the_active_key() {
    let state = State::new();
    state.rotate();
    let reserve = |id, count| state.apply(Body::ReserveUses(ReserveUses { prefix: "/s/".into(), id, count }));
    reserve(1, 10).unwrap();
    reserve(1, 5).unwrap();
    state.rotate();
    assert_eq!(state.records().iter().map(|record| record.uses).collect::<Vec<_>>(), [15, 0]);
    for id in [1, 3] {
        assert_eq!(reserve(id, 1).unwrap_err(), Refusal::KeyNotActive { current: state.epoch() });
    }
    assert_eq!(state.epoch(), 2, "a reservation is no change of the policy");
}

#[test]
fn a_destroyed_key_stays_destroyed() {
    let state = State::new();
    state.rotate();
    let whole = state.records().remove(0);
    let put = |record: &DataKeyRecord| {
        state.change(ChangeKeyring { records: vec![record.encode()], ..ChangeKeyring::default() }).unwrap();
        state.records().remove(0)
    };
    assert!(!put(&whole.clone().in_state(KeyState::Destroyed)).is_kept());
    assert!(!put(&whole).is_kept());
}

#[test]
fn what_is_settled_stays_so_until_rules_or_keys_change() {
    let state = State::new();
    assert!(state.is_settled(), "nothing was ever sealed");
    state.rotate();
    assert!(!state.is_settled());
    state.change(ChangeKeyring { settles: true, ..ChangeKeyring::default() }).unwrap();
    assert!(state.is_settled());
    state.change(ChangeKeyring { dropped: vec!["/s/".into()], ..ChangeKeyring::default() }).unwrap();
    assert!(!state.is_settled());
}

/// A condition on a value that is stored in another form than its operand is not decided but put off.
#[test]
fn a_compare_with_what_is_not_sealed_yet_is_put_off() {
    let state = State::new();
    fill(&state, &Keyring::empty(CLUSTER));
    let keyring = state.rotate();
    let digest = keyring.seal(b"/s/a", &Plain::from(b"new".to_vec())).unwrap().digest().unwrap();
    let compare = |by| {
        let keys = Some(Keys { start: "/s/a".into(), range_end: Bytes::new() });
        let digest = KeyedDigest { by, digest: Bytes::copy_from_slice(&digest) };
        let compare = Compare { keys, relation: 0, target: Some(Target::Digest(digest)) };
        state.try_write(op(OpKind::Txn(Txn { compare: vec![compare], ..Txn::default() })))
    };
    assert_eq!(compare(1).unwrap_err(), Refusal::SealPending);
    state.rewrap_all(&keyring);
    let succeeded = |outcome| matches!(outcome, Ok(Outcome::Write(OpOutcome::Txn(txn))) if txn.succeeded);
    assert!(succeeded(compare(1)));
    assert_eq!(compare(9).unwrap_err(), Refusal::SealPending, "a digest by another key says nothing");
    state.rotate();
    assert!(succeeded(compare(1)), "a new data key keeps the digest key");
}

/// Whoever may write the files can put it there; the envelope binds what is sealed and not that something is.
#[test]
fn plain_text_under_a_prefix_that_is_sealed_whole_is_found() {
    let state = State::new();
    let (dir, plain) = (tempfile::tempdir().unwrap(), Keyring::empty(CLUSTER));
    let faults = |name: &str| {
        let copy = dir.path().join(name);
        state.store.checkpoint(&copy).unwrap();
        store::check(&copy, None).unwrap().faults
    };
    state.write(put(&plain, "/s/a", "one"));
    let keyring = state.rotate();
    assert_eq!(faults("unsettled"), Vec::<String>::new());
    state.rewrap_all(&keyring);
    state.change(ChangeKeyring { settles: true, ..ChangeKeyring::default() }).unwrap();
    assert_eq!(faults("settled"), Vec::<String>::new());
    state.write(put(&plain, "/s/b", "two"));
    state.write(put(&plain, "/s/b", "three"));
    state.write(put(&plain, "/other", "four"));
    let found = faults("planted");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|fault| fault.contains("/s/b") && fault.contains("plain text")), "{found:?}");
}

//! A state that is made what it was, against what it said then.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, path::Path};

use crate::commands::{apply, delete, op, put, write};
use bytes::Bytes;
use proptest::prelude::*;
use seal::Sealed;
use store::{
    Command, HistoryQuery, LeaseRecord, ReadError, Refusal, RevisionEvents, Store,
    command::{Body, Compact, LeaseGrant, LeaseRevoke, OpKind, Txn},
};
use types::{KeyRange, KeyValue, RangeQuery};

/// Leases that are there from the beginning.
const LEASES: i64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: u8,
        value: u8,
        lease: i64,
    },
    Delete(u8, u8),
    /// A put, a delete that may reach it, and another put, at one revision.
    Txn(u8, (u8, u8), u8),
    Revoke(i64),
    Grant(i64),
    Compact(u8),
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..8_u8, any::<u8>(), 0..=LEASES).prop_map(|(key, value, lease)| Step::Put { key, value, lease }),
        3 => (0..8_u8, 0..9_u8).prop_map(|(from, to)| Step::Delete(from, to)),
        3 => (0..8_u8, (0..8_u8, 0..9_u8), 0..8_u8).prop_map(|(one, delete, other)| Step::Txn(one, delete, other)),
        1 => (1..=LEASES).prop_map(Step::Revoke),
        1 => (1..=LEASES).prop_map(Step::Grant),
        1 => any::<u8>().prop_map(Step::Compact),
        1 => Just(Step::Sweep),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Whether it was taken or refused does not matter: what it did is looked at.
fn act(store: &Store, command: Command) {
    apply(store, vec![command]);
}

fn carry_out(store: &Store, step: &Step) {
    match *step {
        Step::Put { key, value, lease } => act(store, write(put(key, value, lease))),
        Step::Delete(from, to) => act(store, write(delete(from, to))),
        Step::Txn(one, (from, to), other) => {
            // A key may be put only once; etcd's doors see to that, and what is put twice is deleted between.
            let success = vec![put(one, 1, 0), delete(from, to), put(other, 2, 0)];
            let success = if one == other { vec![put(one, 1, 0), delete(from, to)] } else { success };
            act(store, write(op(OpKind::Txn(Txn { success, ..Txn::default() }))));
        }
        Step::Revoke(id) => act(store, Body::LeaseRevoke(LeaseRevoke { author: None, id }).into()),
        Step::Grant(id) => act(store, Body::LeaseGrant(LeaseGrant { id, ttl_seconds: 10 }).into()),
        Step::Compact(share) => {
            let revision = 1 + newest(store) * i64::from(share) / 256;
            act(store, Body::Compact(Compact { revision }).into());
        }
        Step::Sweep => while store.sweep().unwrap() {},
    }
}

fn newest(store: &Store) -> i64 {
    store.view(|view| view.revision()).unwrap()
}

/// What a store said at a revision, as far as it can be asked later as well.
#[derive(Debug, PartialEq)]
struct Said {
    kvs: Vec<KeyValue<Sealed>>,
    /// Keys by lease.
    attached: BTreeMap<i64, Vec<Bytes>>,
    usage: (i64, i64),
}

fn said(store: &Store) -> Said {
    let kvs = store.view(|view| view.range(&RangeQuery::all(KeyRange::prefix(b"")))).unwrap().kvs;
    let attached = (1..=LEASES).map(|id| (id, store.view(|view| view.lease_keys(id)).unwrap())).collect();
    let counted = store.count_prefixes(&[Bytes::from_static(b"a\0")]).unwrap();
    Said { kvs, attached, usage: (counted[0].keys(), counted[0].bytes()) }
}

fn history(store: &Store, to: i64) -> Vec<(i64, usize)> {
    let query = HistoryQuery {
        from: store.view(|view| view.compacted()).unwrap().max(1),
        to,
        wants: &|_, _, _| true,
        prev_kv: true,
        bytes_max: usize::MAX,
        revisions_max: usize::MAX,
        entries_max: usize::MAX,
    };
    let shown = |one: &RevisionEvents| (one.revision, one.events.len());
    store.view(|view| view.history(&query)).unwrap().revisions.iter().map(shown).collect()
}

fn leases(store: &Store) -> BTreeMap<i64, LeaseRecord> {
    store.view(|view| view.leases()).unwrap().into_iter().map(|lease| (lease.id, lease)).collect()
}

/// Takes a copy of the store back to a revision and compares.
fn rewound(store: &Store, dir: &Path, revision: i64, then: &Said) {
    let (hash, events) = (store.view(|view| view.hash_kv(revision)).unwrap(), history(store, revision));
    let copy_dir = dir.join(format!("copy-{revision}"));
    std::fs::create_dir(&copy_dir).unwrap();
    store.checkpoint(&Store::current(&copy_dir)).unwrap();
    let copy = Store::open(&copy_dir).unwrap();
    let rewound = copy.rewind(revision).unwrap();
    assert_eq!(newest(&copy), revision);
    assert_eq!(&said(&copy), then, "at revision {revision}");
    let hashed = copy.view(|view| view.hash_kv(0)).unwrap();
    assert_eq!((hashed.hash, hashed.hash_revision), (hash.hash, hash.hash_revision), "at revision {revision}");
    assert_eq!(history(&copy, i64::MAX), events, "nothing that came later is left");
    let (before, after) = (leases(store), leases(&copy));
    assert!(before.iter().all(|(id, lease)| after.get(id) == Some(lease)), "leases stay");
    assert_eq!(after.len() - before.len(), usize::try_from(rewound.leases).unwrap());
    // It goes on from there, and a compaction finds its way.
    while copy.sweep().unwrap() {}
    assert_eq!(&said(&copy), then, "at revision {revision}, swept");
    act(&copy, write(put(8, 0, 0)));
    assert_eq!(newest(&copy), revision + 1);
    copy.close().unwrap();
    let found = store::check(&Store::current(&copy_dir), None).unwrap();
    assert_eq!(found.faults, Vec::<String>::new(), "at revision {revision}");
    std::fs::remove_dir_all(copy_dir).unwrap();
}

fn run(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state")).unwrap();
    (1..=LEASES).for_each(|id| carry_out(&store, &Step::Grant(id)));
    let mut then = BTreeMap::from([(1, said(&store))]);
    for step in steps {
        carry_out(&store, step);
        then.insert(newest(&store), said(&store));
    }
    let (oldest, newest) = (store.view(|view| view.compacted()).unwrap().max(1), newest(&store));
    for revision in [oldest, oldest + 1, i64::midpoint(oldest, newest), newest - 1, newest] {
        if (oldest..=newest).contains(&revision) {
            rewound(&store, dir.path(), revision, &then[&revision]);
        }
    }
    let future = store.rewind(newest + 1).unwrap_err();
    assert!(matches!(future, ReadError::Refused(Refusal::FutureRevision)), "{future}");
    if oldest > 1 {
        let compacted = store.rewind(oldest - 1).unwrap_err();
        assert!(matches!(compacted, ReadError::Refused(Refusal::Compacted)), "{compacted}");
    }
    assert_eq!(said(&store), then[&newest], "what was refused changed nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_state_that_is_taken_back_is_what_it_was(steps in steps()) {
        run(&steps);
    }
}

/// More than is taken back in one batch, over the same keys.
#[test]
fn many_events_are_taken_back_batch_by_batch() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state")).unwrap();
    let mut then = None;
    for round in 0..3000_u32 {
        if round == 100 {
            then = Some((newest(&store), said(&store)));
        }
        let (number, value) = (u8::try_from(round % 8).unwrap(), u8::try_from(round % 256).unwrap());
        act(&store, write(if round % 5 == 4 { delete(number, 8) } else { put(number, value, 0) }));
    }
    let (revision, then) = then.unwrap();
    rewound(&store, dir.path(), revision, &then);
}

/// A lease that ended with its keys is there again with them.
#[test]
fn keys_that_went_with_their_lease_come_back_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for step in [Step::Grant(1), Step::Put { key: 0, value: 1, lease: 1 }, Step::Put { key: 1, value: 1, lease: 1 }] {
        carry_out(&store, &step);
    }
    let then = said(&store);
    carry_out(&store, &Step::Revoke(1));
    assert!(leases(&store).is_empty() && said(&store).kvs.is_empty());
    let rewound = store.rewind(3).unwrap();
    assert_eq!((rewound.leases, rewound.events), (1, 2));
    assert_eq!(said(&store), then);
    assert_eq!(leases(&store)[&1].ttl_seconds, 3600);
}

//! A group of watches against the ring and the store's history behind it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use store::{
    LogEntry, Store,
    command::{Body, ClientWrite, Compact, Op, OpKind, Put, Stamp, Value},
};
use tempfile::TempDir;
use types::KeyRange;
use watch::{Group, Hub, Progress, Pulled, RING_REVISIONS_MAX, Wanted};

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

    fn open(&self, group: &mut Group, id: i64, range: KeyRange, start: i64) {
        let wanted = Wanted { range, puts: true, deletes: true, prev_kv: false };
        let revision = self.store.view(|view| view.revision()).unwrap();
        group.open(id, wanted, start, revision, &self.hub);
    }

    /// Everything that there is to hand over: to whom, up to where, and the revisions of its events.
    fn pull(&self, group: &mut Group) -> Vec<(i64, i64, Vec<i64>)> {
        let mut pulled = Vec::new();
        while group.has_work(self.hub.newest()) {
            match group.pull(&self.hub, &self.store).unwrap() {
                None => {}
                Some(Pulled::Events { id, revision, events }) => {
                    pulled.push((id, revision, events.iter().map(|event| event.kv.mod_revision).collect()));
                }
                Some(Pulled::Compacted { .. }) => panic!("not compacted"),
            }
        }
        pulled
    }

    fn revisions_of(&self, group: &mut Group, id: i64) -> Vec<i64> {
        let pulled = self.pull(group).into_iter().filter(|(of, _, _)| *of == id);
        pulled.flat_map(|(_, _, revisions)| revisions).collect()
    }
}

fn put(key: &'static str) -> Body {
    let value = Value { form: 0, bytes: Bytes::from_static(b"v") };
    let put = Put { key: Bytes::from_static(key.as_bytes()), value: Some(value), ..Put::default() };
    let op = Op { kind: Some(OpKind::Put(put)) };
    Body::Write(ClientWrite {
        stamp: Some(Stamp { policy_epoch: 0, auth_revision: 1, ..Stamp::default() }),
        op: Some(op),
    })
}

#[test]
fn a_group_that_fell_out_of_the_ring_reads_history_and_comes_back() {
    let member = Member::new();
    let mut group = Group::new(1);
    member.open(&mut group, 7, KeyRange::single("a"), 0);
    let writes = RING_REVISIONS_MAX + 10;
    for _ in 0..writes / 512 + 1 {
        member.apply((0..512).map(|_| put("a")));
    }
    let newest = member.hub.newest();
    let pulled = member.pull(&mut group);
    assert!(pulled.len() > 1, "history is read in stretches");
    assert!(pulled.iter().all(|(_, until, revisions)| revisions.last() <= Some(until)));
    let seen: Vec<i64> = pulled.into_iter().flat_map(|(_, _, revisions)| revisions).collect();
    assert_eq!(seen, (2..=newest).collect::<Vec<_>>());
    member.apply([put("b"), put("a")]);
    assert_eq!(member.pull(&mut group), [(7, newest + 2, vec![newest + 2])]);
}

#[test]
fn a_start_before_the_compaction_is_told_so_even_when_the_ring_still_has_it() {
    let member = Member::new();
    member.apply([put("a"), put("a"), put("a")]);
    let mut group = Group::new(member.hub.newest());
    member.open(&mut group, 1, KeyRange::single("a"), 2);
    assert_eq!(member.revisions_of(&mut group, 1), [2, 3, 4]);
    member.apply([Body::Compact(Compact { revision: 3 })]);
    member.open(&mut group, 2, KeyRange::single("a"), 2);
    let pulled = group.pull(&member.hub, &member.store).unwrap();
    assert!(matches!(pulled, Some(Pulled::Compacted { id: 2, compact_revision: 3 })));
    assert!(group.contains(1) && !group.contains(2));
    member.open(&mut group, 3, KeyRange::single("a"), 3);
    assert_eq!(member.revisions_of(&mut group, 3), [3, 4]);
    member.apply([put("a")]);
    assert_eq!(member.revisions_of(&mut group, 1), [5]);
}

#[test]
fn each_watch_is_handed_what_it_wants_once_from_wherever_it_starts() {
    let member = Member::new();
    member.apply([put("a"), put("b"), put("a"), put("c")]);
    let mut group = Group::new(member.hub.newest());
    let all = KeyRange::from_wire("a".into(), "z".into());
    for (id, start) in [(1, 0), (2, 2), (3, 4), (4, 5), (5, 6), (6, 7)] {
        member.open(&mut group, id, all.clone(), start);
    }
    member.open(&mut group, 7, KeyRange::single("a"), 3);
    assert_eq!(group.progress(&member.hub), Progress::NotStarted);
    // One stretch for all that are behind: it tells each how far it now is.
    let mut pulled = member.pull(&mut group);
    pulled.sort();
    let expected = [(2, 5, vec![2, 3, 4, 5]), (3, 5, vec![4, 5]), (4, 5, vec![5]), (7, 5, vec![4])];
    assert_eq!(pulled, expected);
    member.apply([put("b"), put("a")]);
    // From now on one revision after the other.
    let mut pulled = member.pull(&mut group);
    pulled.sort();
    let both = |id| [(id, 6, vec![6]), (id, 7, vec![7])];
    let expected = [both(1), both(2), both(3), both(4), both(5)].concat();
    assert_eq!(pulled, [expected, vec![(6, 7, vec![7]), (7, 7, vec![7])]].concat());
    assert_eq!(group.progress(&member.hub), Progress::Reached(7));
}

#[test]
fn nothing_is_handed_to_a_closed_watch_nor_to_the_next_one_of_its_id() {
    let member = Member::new();
    let mut group = Group::new(1);
    member.open(&mut group, 1, KeyRange::single("a"), 0);
    member.open(&mut group, 2, KeyRange::single("a"), 0);
    member.apply([put("a")]);
    let first = group.pull(&member.hub, &member.store).unwrap();
    assert!(matches!(first, Some(Pulled::Events { id: 1, .. })));
    assert_eq!(group.progress(&member.hub), Progress::Behind, "the second is still owed its event");
    assert_eq!(group.up_to_date(&[1, 2], &member.hub), (2, vec![1]));
    assert!(group.close(2));
    member.open(&mut group, 2, KeyRange::single("a"), 0);
    assert_eq!(member.pull(&mut group), []);
    assert_eq!(group.progress(&member.hub), Progress::Reached(2));
}

#[test]
fn other_keys_move_a_group_on_without_events() {
    let member = Member::new();
    let mut group = Group::new(1);
    member.open(&mut group, 1, KeyRange::single("a"), 2);
    member.apply([put("aa"), put("b")]);
    assert_eq!(member.pull(&mut group), []);
    assert_eq!(group.progress(&member.hub), Progress::Reached(3));
}

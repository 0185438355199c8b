//! All watches of one stream, and where each of them stands.
//!
//! Most stand at the same place, the group's own: they are served from the hub, one revision after the other. Those that
//! started in the past are behind; they are served from the store's history, all of them in one sweep from the furthest
//! behind, until they have reached the group. A group that fell out of the hub's ring is behind as a whole.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use seal::Sealed;
use store::{History, HistoryQuery, ReadError, Refusal, RevisionEvents, Store};
use types::{Event, EventKind, KeyRange};

use crate::{Hub, PULL_BYTES_MAX, PULL_ENTRIES_MAX, PULL_REVISIONS_MAX, hub::Recent, interests::Interests};

/// What a watch wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which keys.
    pub range: KeyRange,
    /// Whether it wants puts.
    pub puts: bool,
    /// Whether it wants deletes.
    pub deletes: bool,
    /// Whether it wants to see what was there before.
    pub prev_kv: bool,
}

impl Wanted {
    fn kind(&self, kind: EventKind) -> bool {
        match kind {
            EventKind::Put => self.puts,
            EventKind::Delete => self.deletes,
        }
    }

    fn shape(&self, event: &Event<Sealed>) -> Event<Sealed> {
        let prev = if self.prev_kv { event.prev.clone() } else { None };
        Event { kind: event.kind, kv: event.kv.clone(), prev }
    }
}

/// One watch.
struct Place {
    id: i64,
    wanted: Wanted,
    /// First revision that it has not been shown.
    from: i64,
    /// The revision that it asked to start at, zero for none.
    start: i64,
    behind: bool,
}

/// Something for one watch.
pub enum Pulled {
    /// Events, in order, never empty. Everything up to `revision` has now been handed over.
    Events {
        /// The watch.
        id: i64,
        /// How far it now is.
        revision: i64,
        /// Its events.
        events: Vec<Event<Sealed>>,
    },
    /// The watch needs history that is gone; it is closed.
    Compacted {
        /// The watch.
        id: i64,
        /// Where history begins.
        compact_revision: i64,
    },
}

/// How far the watches of a stream are, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Each has been handed everything up to this revision.
    Reached(i64),
    /// One has not been handed everything yet.
    Behind,
    /// One waits for a start that is still to come; until then etcd tells of no progress.
    NotStarted,
}

/// A stretch of history that is being handed over. What each watch gets of it is picked when its turn comes.
struct Stretch {
    revisions: Arc<[RevisionEvents]>,
    until: i64,
}

/// A watch that is to get its part of the stretch, from this revision on.
struct Owed {
    number: u64,
    from: i64,
}

/// The watches of one stream. Holds places, not queues: beside them only the stretch being handed over.
pub struct Group {
    /// By a number that is never used again.
    places: HashMap<u64, Place>,
    numbers: HashMap<i64, u64>,
    last_number: u64,
    interests: Interests,
    /// First revision that has not been handed to those that are not behind.
    next: i64,
    /// Taken from the hub, not yet handed over; complete up to `ahead_until`.
    ahead: VecDeque<RevisionEvents>,
    ahead_until: i64,
    /// The others: first revision and number of each.
    behind: BTreeSet<(i64, u64)>,
    /// Whether those behind come next: the two take turns.
    turn_of_behind: bool,
    stretch: Stretch,
    owed: VecDeque<Owed>,
    cut_off: VecDeque<(i64, i64)>,
}

impl Group {
    /// No watch yet, for a hub whose newest revision is `newest`.
    #[must_use]
    pub fn new(newest: i64) -> Self {
        Self {
            places: HashMap::new(),
            numbers: HashMap::new(),
            last_number: 0,
            interests: Interests::default(),
            next: newest + 1,
            ahead: VecDeque::new(),
            ahead_until: newest,
            behind: BTreeSet::new(),
            turn_of_behind: false,
            stretch: Stretch { revisions: Arc::default(), until: newest },
            owed: VecDeque::new(),
            cut_off: VecDeque::new(),
        }
    }

    /// Opens a watch under an id that is not in use. `start` zero shows what comes after `revision`, the store's newest.
    pub fn open(&mut self, id: i64, wanted: Wanted, start: i64, revision: i64, hub: &Hub) {
        if self.places.is_empty() {
            self.next = hub.newest() + 1;
            self.ahead.clear();
            self.ahead_until = self.next - 1;
        }
        self.last_number += 1;
        let number = self.last_number;
        let from = if start > 0 { start } else { revision + 1 };
        let behind = from < self.next;
        if behind {
            self.behind.insert((from, number));
        }
        self.interests.add(number, &wanted.range);
        self.numbers.insert(id, number);
        self.places.insert(number, Place { id, wanted, from, start, behind });
    }

    /// Closes a watch; whether there was one. What was owed to it is not handed over any more.
    pub fn close(&mut self, id: i64) -> bool {
        let Some(number) = self.numbers.remove(&id) else { return false };
        let place = self.places.remove(&number).expect("every id has its place");
        self.behind.remove(&(place.from, number));
        self.interests.remove(number, &place.wanted.range);
        true
    }

    /// Whether this watch is open.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        self.numbers.contains_key(&id)
    }

    /// How many watches are open.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.places.len()
    }

    /// Whether there is anything to hand over, or to look at, once the hub is at `newest`.
    #[must_use]
    pub fn has_work(&self, newest: i64) -> bool {
        let lags = self.next <= newest && !self.places.is_empty();
        lags || !self.owed.is_empty() || !self.cut_off.is_empty() || !self.behind.is_empty()
    }

    /// Whether the next pull reads from the store rather than from memory, and may wait for the disk.
    #[must_use]
    pub fn reads_store(&self) -> bool {
        self.owed.is_empty() && self.cut_off.is_empty() && !self.behind.is_empty()
    }

    /// How far all watches together are. Looks at what is in memory first.
    pub fn progress(&mut self, hub: &Hub) -> Progress {
        self.take_live(hub);
        let newest = self.next - 1;
        if self.places.values().any(|place| place.start > newest) {
            return Progress::NotStarted;
        }
        if self.reached_by_all() { Progress::Reached(newest) } else { Progress::Behind }
    }

    /// Of these watches the ones that have been handed everything, and up to which revision.
    pub fn up_to_date(&mut self, ids: &[i64], hub: &Hub) -> (i64, Vec<i64>) {
        self.take_live(hub);
        let newest = self.next - 1;
        let owed: HashSet<u64> = self.owed.iter().map(|owed| owed.number).collect();
        let there = ids.iter().filter(|id| {
            let number = self.numbers.get(id).filter(|number| !owed.contains(number));
            let place = number.and_then(|number| self.places.get(number));
            place.is_some_and(|place| !place.behind && place.start <= newest)
        });
        (newest, there.copied().collect())
    }

    /// Closes the watch that is furthest behind, when its history cannot be read.
    pub fn give_up_furthest(&mut self) -> Option<i64> {
        let id = self.places.get(&self.behind.first()?.1)?.id;
        self.close(id);
        Some(id)
    }

    fn reached_by_all(&self) -> bool {
        self.owed.is_empty() && self.cut_off.is_empty() && self.behind.is_empty()
    }

    /// The next delivery that there is. `None` when there is none, or after a stretch of history without one: then
    /// [`Group::has_work`] says whether to go on.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn pull(&mut self, hub: &Hub, store: &Store) -> Result<Option<Pulled>, ReadError> {
        if let Some(owed) = self.hand_over() {
            return Ok(Some(owed));
        }
        let behind_first = std::mem::replace(&mut self.turn_of_behind, false);
        if !behind_first || self.behind.is_empty() {
            self.take_live(hub);
        }
        if self.owed.is_empty() && !self.behind.is_empty() {
            self.sweep(store)?;
        } else {
            self.turn_of_behind = true;
        }
        Ok(self.hand_over())
    }

    fn hand_over(&mut self) -> Option<Pulled> {
        if let Some((id, compact_revision)) = self.cut_off.pop_front() {
            return Some(Pulled::Compacted { id, compact_revision });
        }
        while let Some(owed) = self.owed.pop_front() {
            let Some(place) = self.places.get(&owed.number) else { continue };
            let events = self.stretch.part_of(&place.wanted, owed.from);
            if !events.is_empty() {
                return Some(Pulled::Events { id: place.id, revision: self.stretch.until, events });
            }
        }
        None
    }

    /// Goes on in the hub's ring, up to the next revision that a watch wants.
    fn take_live(&mut self, hub: &Hub) {
        self.interests.settle();
        while self.owed.is_empty() {
            if let Some(one) = self.ahead.pop_front() {
                self.next = one.revision + 1;
                self.owe_live(one);
                continue;
            }
            self.next = self.next.max(self.ahead_until + 1);
            if self.next > hub.newest() {
                return;
            }
            match hub.recent(self.next) {
                Recent::All(revisions, until) => {
                    self.ahead = revisions.into();
                    self.ahead_until = until;
                }
                Recent::Behind => self.fall_behind(hub.newest()),
            }
        }
    }

    fn owe_live(&mut self, one: RevisionEvents) {
        for number in self.numbers_wanting(std::slice::from_ref(&one), false) {
            self.owed.push_back(Owed { number, from: one.revision });
        }
        if !self.owed.is_empty() {
            self.stretch = Stretch { until: one.revision, revisions: Arc::from([one]) };
        }
    }

    /// Those that want any of these events: of the ones behind, or of the others. Each once, in the order of the events.
    fn numbers_wanting(&self, revisions: &[RevisionEvents], behind: bool) -> Vec<u64> {
        let (mut wanting, mut seen) = (Vec::new(), HashSet::new());
        for event in revisions.iter().flat_map(|one| one.events.iter()) {
            self.interests.visit(&event.kv.key, &mut |number| {
                if self.wants(number, event.kind, event.kv.mod_revision, behind) && seen.insert(number) {
                    wanting.push(number);
                }
                ControlFlow::Continue(())
            });
        }
        wanting
    }

    fn wants(&self, number: u64, kind: EventKind, revision: i64, behind: bool) -> bool {
        let place = self.places.get(&number);
        place.is_some_and(|place| place.behind == behind && place.from <= revision && place.wanted.kind(kind))
    }

    /// The ring has moved on without this group: everything from where it stands on is only in the store.
    fn fall_behind(&mut self, newest: i64) {
        for (number, place) in &mut self.places {
            if !place.behind && place.from <= newest {
                place.from = place.from.max(self.next);
                place.behind = true;
                self.behind.insert((place.from, *number));
            }
        }
        self.ahead.clear();
        self.ahead_until = newest;
        self.next = newest + 1;
    }

    /// Reads a stretch of history for those behind, beginning with the one furthest behind.
    fn sweep(&mut self, store: &Store) -> Result<(), ReadError> {
        self.interests.settle();
        let Some((from, _)) = self.behind.first().copied() else { return Ok(()) };
        let wants = |key: &[u8], kind: EventKind, revision: i64| self.is_wanted_behind(key, kind, revision);
        let query = HistoryQuery {
            from,
            to: self.next - 1,
            wants: &wants,
            prev_kv: self.behind.iter().any(|(_, number)| self.places[number].wanted.prev_kv),
            bytes_max: PULL_BYTES_MAX,
            revisions_max: PULL_REVISIONS_MAX,
            entries_max: PULL_ENTRIES_MAX,
        };
        match store.view(|view| view.history(&query)) {
            Ok(History { revisions, next }) => self.owe_behind(revisions, next),
            Err(ReadError::Refused(Refusal::Compacted)) => self.cut_off(store.view(|view| view.compacted())?),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn is_wanted_behind(&self, key: &[u8], kind: EventKind, revision: i64) -> bool {
        let mut wanted = false;
        self.interests.visit(key, &mut |number| {
            wanted = self.wants(number, kind, revision, true);
            if wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        wanted
    }

    /// Owes the stretch to those behind that want of it, and moves all who stood before its end there.
    fn owe_behind(&mut self, revisions: Vec<RevisionEvents>, end: i64) {
        for number in self.numbers_wanting(&revisions, true) {
            self.owed.push_back(Owed { number, from: self.places[&number].from });
        }
        while let Some((from, number)) = self.behind.first().copied()
            && from < end
        {
            self.behind.pop_first();
            let place = self.places.get_mut(&number).expect("those behind have their place");
            place.from = end;
            place.behind = end < self.next;
            if place.behind {
                self.behind.insert((end, number));
            }
        }
        self.stretch = Stretch { revisions: revisions.into(), until: end - 1 };
    }

    /// Closes those behind that need history which is gone.
    fn cut_off(&mut self, compact_revision: i64) {
        while let Some((from, number)) = self.behind.first().copied()
            && from < compact_revision
        {
            let id = self.places[&number].id;
            self.close(id);
            self.cut_off.push_back((id, compact_revision));
        }
    }
}

impl Stretch {
    fn part_of(&self, wanted: &Wanted, from: i64) -> Vec<Event<Sealed>> {
        let revisions = self.revisions.iter().filter(|one| one.revision >= from);
        let events = revisions.flat_map(|one| one.events.iter());
        let wanted_ones = events.filter(|event| wanted.kind(event.kind) && wanted.range.contains(&event.kv.key));
        wanted_ones.map(|event| wanted.shape(event)).collect()
    }
}

//! Any operations, any crash: what was acknowledged is there, and what is there is a prefix of what was asked.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append { count: u8, bytes: u16 },
    TruncateBack(u8),
    TruncateAll,
    Vote,
    Purge { beyond_first: u8 },
    Settle,
    Reopen,
    Crash { after: u8, seed: u64 },
}

/// What the log should hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    entries: Vec<(u64, Bytes)>,
    vote: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
}

impl Model {
    fn of(log: &LogStore) -> Model {
        let entries = everything(log);
        assert_eq!(log.first_index(), entries.first().map(|(index, _)| *index));
        assert_eq!(log.last_index(), entries.last().map(|(index, _)| *index));
        Model { entries, vote: log.vote(), purged: log.purged() }
    }

    fn next(&self) -> u64 {
        let behind = self.entries.last().map(|(index, _)| *index).or(self.purged.as_ref().map(|(index, _)| *index));
        behind.map_or(1, |index| index + 1)
    }
}

/// A log, every state it has been asked to take, and how many of them are acknowledged.
struct Run {
    dir: tempfile::TempDir,
    disk: Arc<TestDisk>,
    log: Option<LogStore>,
    states: Vec<Model>,
    outcomes: Vec<mpsc::Receiver<Outcome>>,
    stamp: u64,
}

impl Run {
    fn new() -> Run {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(TestDisk::default());
        let log = Some(open_on(dir.path(), &disk));
        Run { dir, disk, log, states: vec![Model::default()], outcomes: Vec::new(), stamp: 0 }
    }

    fn step(&mut self, step: &Step) {
        let mut model = self.states.last().unwrap().clone();
        let log = self.log.clone().unwrap();
        self.stamp += 1;
        let stamp = Bytes::from(self.stamp.to_string());
        let first = model.entries.first().map_or(model.next(), |(index, _)| *index);
        let outcome = match step {
            Step::Append { count, bytes } => {
                let (next, bytes) = (model.next(), *bytes as usize);
                let entries = (next..next + u64::from(*count)).map(|index| (index, payload(index + self.stamp, bytes)));
                let entries: Vec<_> = entries.collect();
                model.entries.extend(entries.iter().cloned());
                start(|done| log.append(entries, done))
            }
            Step::TruncateBack(back) => {
                let keep = (model.next() - 1).saturating_sub(u64::from(*back)).max(first - 1);
                model.entries.retain(|(index, _)| *index <= keep);
                start(|done| log.truncate_after(keep, done))
            }
            Step::TruncateAll => {
                model.entries.clear();
                start(|done| log.truncate_after(0, done))
            }
            Step::Vote => {
                model.vote = Some(stamp.clone());
                start(|done| log.save_vote(stamp, done))
            }
            Step::Purge { beyond_first } => {
                let index = first + u64::from(*beyond_first);
                model.entries.retain(|(entry, _)| *entry > index);
                model.purged = Some((index, stamp.clone()));
                start(|done| log.purge(index, stamp, done))
            }
            Step::Settle | Step::Reopen | Step::Crash { .. } => return self.pause(step),
        };
        self.states.push(model);
        self.outcomes.push(outcome);
        assert_eq!(&Model::of(&log), self.states.last().unwrap(), "visible at once");
    }

    fn pause(&mut self, step: &Step) {
        match step {
            Step::Crash { after, .. } => self.disk.fail_after(*after as usize % 12),
            _ => self.settle(|_| panic!("no failure was injected")),
        }
        if let Step::Reopen = step {
            self.log.take().unwrap().close();
            self.reopen();
        }
    }

    /// Waits for all outcomes; forgets states before the last acknowledged one.
    fn settle(&mut self, failed: impl Fn(&LogError)) {
        let outcomes: Vec<Outcome> = self.outcomes.drain(..).map(|outcome| outcome.recv().unwrap()).collect();
        let acknowledged = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
        outcomes[acknowledged..].iter().for_each(|outcome| failed(outcome.as_ref().expect_err("a failure is final")));
        self.states.drain(..acknowledged);
    }

    fn crash(&mut self, seed: u64) {
        self.log.take().unwrap().close();
        self.settle(|_| {});
        let mut bits = seed | 1;
        let mut keep = || {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            bits & 1 == 0
        };
        self.disk.crash(&mut keep);
        // The next start may meet a failing disk and a second crash.
        let failing = Arc::new(TestDisk::default());
        failing.fail_after(seed as usize % 10);
        drop(LogStore::open_with(self.dir.path(), OPTIONS, failing.clone()));
        failing.crash(&mut keep);
        self.disk = Arc::new(TestDisk::default());
        self.reopen();
    }

    fn reopen(&mut self) {
        let log = open_on(self.dir.path(), &self.disk);
        let found = Model::of(&log);
        assert!(self.states.contains(&found), "found {found:?}, acknowledged {:?}", self.states[0]);
        self.states = vec![found];
        self.log = Some(log);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..20u8, 0..600u16).prop_map(|(count, bytes)| Step::Append { count, bytes }),
        2 => any::<u8>().prop_map(Step::TruncateBack),
        1 => Just(Step::TruncateAll),
        2 => Just(Step::Vote),
        3 => (0..40u8).prop_map(|beyond_first| Step::Purge { beyond_first }),
        2 => Just(Step::Settle),
        1 => Just(Step::Reopen),
        1 => (any::<u8>(), any::<u64>()).prop_map(|(after, seed)| Step::Crash { after, seed }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_operations_survive_any_crash(steps in prop::collection::vec(step(), 1..80)) {
        play(&steps);
    }
}

/// Entries that lay in removed segments were truncated after all of them were purged or dropped: replay must not miss
/// them.
#[test]
fn a_truncation_reaches_into_segments_that_are_gone() {
    let append = |count, bytes| Step::Append { count, bytes };
    play(&[
        Step::Purge { beyond_first: 0 },
        append(19, 100),
        Step::Settle,
        append(7, 495),
        Step::TruncateBack(7),
        Step::TruncateBack(19),
        Step::Reopen,
        append(10, 11),
    ]);
}

fn play(steps: &[Step]) {
    let mut run = Run::new();
    let mut steps = steps.iter();
    while let Some(step) = steps.next() {
        run.step(step);
        if let Step::Crash { seed, .. } = step {
            // Some more work runs into the failing disk.
            steps.by_ref().take(4).for_each(|step| match step {
                Step::Settle | Step::Reopen | Step::Crash { .. } => {}
                step => run.step(step),
            });
            run.crash(*seed);
        }
    }
    run.step(&Step::Reopen);
}

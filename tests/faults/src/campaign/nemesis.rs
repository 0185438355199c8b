//! Makes faults happen, alone and together, and mends everything at the end.

use std::time::{Duration, Instant};

use harness::{Cluster, Condition, Random};
use tokio::time::sleep;

use super::{Tally, damage::Flip, fault::Fault, joining::Joining, leadership, membership::Stranger};
use crate::traffic::field::below;

/// Longest time that a fault stays.
const FAULT_MS_MAX: u64 = 2500;

/// Longest quiet time between faults.
const QUIET_MS_MAX: u64 = 700;

/// Longest time in which a member with damaged files, or a full disk, is given the chance to notice.
const NOTICE: Duration = Duration::from_secs(3);

/// Faults for so long; how often there was each. Complains about what cannot be mended.
pub(super) async fn torment(
    cluster: &mut Cluster,
    length: Duration,
    only: &[String],
    random: &mut Random,
    complaints: &mut Vec<String>,
) -> Tally {
    let mut faults = Fault::all(cluster.size());
    faults.retain(|fault| *fault != Fault::FullDisk || cluster.has_own_disks());
    faults.retain(|fault| only.is_empty() || only.iter().any(|name| name == fault.name()));
    assert!(!faults.is_empty(), "none of the faults {only:?} can happen here");
    let begun = Instant::now();
    let mut nemesis = Nemesis::new(cluster, random);
    while begun.elapsed() < length {
        let quiet = Duration::from_millis(nemesis.random.below(QUIET_MS_MAX));
        sleep(quiet).await;
        for fault in nemesis.draw(&faults) {
            if nemesis.begin(fault).await {
                nemesis.count(fault);
            }
        }
        let stays = Duration::from_millis(nemesis.random.below(FAULT_MS_MAX));
        sleep(stays).await;
        nemesis.mend(complaints).await;
    }
    nemesis.tally
}

struct Nemesis<'a> {
    cluster: &'a mut Cluster,
    random: &'a mut Random,
    tally: Tally,
    flips: Vec<(usize, Flip)>,
    /// The fail points of each member that has any.
    lines: Vec<(usize, String)>,
    /// Members whose disk is full.
    full: Vec<usize>,
    strangers: Vec<Stranger>,
    joining: Vec<Joining>,
}

impl<'a> Nemesis<'a> {
    fn new(cluster: &'a mut Cluster, random: &'a mut Random) -> Self {
        let (tally, flips, lines, full) = (Tally::new(), Vec::new(), Vec::new(), Vec::new());
        Self { cluster, random, tally, flips, lines, full, strangers: Vec::new(), joining: Vec::new() }
    }

    fn count(&mut self, fault: Fault) {
        *self.tally.entry(fault.name()).or_default() += 1;
    }

    /// One fault, two or three. At most one of them damages files: a majority must stay whole.
    fn draw(&mut self, faults: &[Fault]) -> Vec<Fault> {
        let count = [1, 1, 2, 2, 3][below(self.random, 5)];
        let mut drawn: Vec<Fault> = Vec::new();
        for _ in 0..count {
            let fault = faults[below(self.random, faults.len())];
            let clash = |other: &Fault| *other == fault || (other.is_damage() && fault.is_damage());
            if !drawn.iter().any(clash) {
                drawn.push(fault);
            }
        }
        drawn
    }

    fn member(&mut self) -> usize {
        below(self.random, self.cluster.size())
    }

    /// Whether it came about. A fail point is set; whether it is reached is up to the traffic. Whether a member has joined is
    /// known when it is mended.
    async fn begin(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Kill => {
                let member = self.member();
                self.cluster.kill(member);
            }
            Fault::Restart => {
                let member = self.member();
                // Another fault may have paused it: it would never get to its end.
                self.cluster.resume(member);
                self.cluster.stop(member).await;
            }
            Fault::Pause => {
                let member = self.member();
                self.cluster.pause(member);
            }
            Fault::KillAll => (0..self.cluster.size()).for_each(|member| self.cluster.kill(member)),
            Fault::Isolate => {
                let member = self.member();
                self.isolate(member);
            }
            Fault::IsolateLeader => {
                let Some(leader) = leadership::leader(self.cluster).await else { return false };
                self.isolate(leader);
            }
            Fault::CutOneWay => {
                let (from, to) = self.pair();
                self.cluster.links().set(from, to, Condition { cut: true, ..Condition::default() });
            }
            Fault::Delay => {
                let delay = Duration::from_millis(5 + self.random.below(150));
                self.everywhere(Condition { delay, ..Condition::default() });
            }
            Fault::Loss => {
                let lost_per_mille = 20 + self.random.below(150);
                self.everywhere(Condition { lost_per_mille, ..Condition::default() });
            }
            Fault::Narrow => {
                self.everywhere(Condition { bytes_per_second: Some(200_000), ..Condition::default() });
            }
            Fault::Reset => {
                let (one, other) = self.pair();
                self.cluster.links().reset(one, other);
            }
            Fault::AddMember => {
                let stranger = Stranger::add(self.cluster, self.random).await;
                let may_be_there = stranger.is_some();
                self.strangers.extend(stranger);
                return may_be_there;
            }
            Fault::JoinMember => {
                self.joining.extend(Joining::begin(self.cluster, self.random).await);
                return false;
            }
            Fault::MoveLeader => return self.move_leader().await,
            Fault::LateWrites => self.fail_point("write.pause sleep 250 4".to_owned()),
            Fault::SlowDisk => {
                let slow = 5 + self.random.below(60);
                self.fail_point(format!("log.before-sync sleep {slow}"));
            }
            Fault::HungDisk => self.fail_point("log.before-sync sleep 2500".to_owned()),
            Fault::FailedSync => self.fail_point("log.sync error EIO".to_owned()),
            Fault::FullLog => self.fail_point("log.write error ENOSPC".to_owned()),
            Fault::FullDisk => self.fill_disk().await,
            Fault::TornWrite => self.fail_point("log.torn-write kill".to_owned()),
            Fault::KillAt(point) => {
                let hit = 1 + self.random.below(20);
                self.fail_point(format!("{point} kill {hit}"));
            }
            Fault::ClockJump => {
                let seconds = self.random.below(7200).cast_signed() - 3600;
                self.fail_point(format!("clock jump {seconds}"));
            }
            Fault::FlipLog | Fault::FlipState | Fault::FlipSnapshot => return self.flip(fault).await,
        }
        true
    }

    fn pair(&mut self) -> (usize, usize) {
        let from = self.member();
        let to = (from + 1 + below(self.random, self.cluster.size() - 1)) % self.cluster.size();
        (from, to)
    }

    fn isolate(&mut self, member: usize) {
        let cut = Condition { cut: true, ..Condition::default() };
        for other in (0..self.cluster.size()).filter(|other| *other != member) {
            self.cluster.links().set(member, other, cut);
            self.cluster.links().set(other, member, cut);
        }
    }

    fn everywhere(&mut self, condition: Condition) {
        for from in 0..self.cluster.size() {
            for to in (0..self.cluster.size()).filter(|to| *to != from) {
                self.cluster.links().set(from, to, condition);
            }
        }
    }

    fn fail_point(&mut self, line: String) {
        let member = self.member();
        self.lines.push((member, line));
        let own = self.lines.iter().filter(|(of, _)| *of == member);
        self.cluster.set_fail_points(member, &own.map(|(_, line)| line.clone()).collect::<Vec<_>>());
    }

    /// A member is killed, a bit flips, and it is started again: it may refuse, or serve, but not serve what is wrong.
    async fn flip(&mut self, fault: Fault) -> bool {
        let member = self.member();
        self.cluster.kill(member);
        let data = self.cluster.data(member);
        let flip = match fault {
            Fault::FlipLog => Flip::in_log(&data, self.random),
            Fault::FlipState => Flip::in_files(&data.join("state/current"), self.random),
            _ => Flip::in_files(&data.join("snapshot"), self.random),
        };
        let flipped = flip.is_some();
        self.flips.extend(flip.map(|flip| (member, flip)));
        self.cluster.launch(member);
        // Whether it starts or refuses is its choice.
        drop(self.cluster.ready(member, NOTICE).await);
        flipped
    }

    /// The log has some room left that it took before, and the state is written now and then only: so it may take a while until
    /// the member notices, and stops or not.
    async fn fill_disk(&mut self) {
        let member = self.member();
        self.cluster.fill_disk(member);
        self.full.push(member);
        let begun = Instant::now();
        while self.cluster.runs(member) && begun.elapsed() < NOTICE {
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn move_leader(&mut self) -> bool {
        let Some(leader) = leadership::leader(self.cluster).await else { return false };
        let to = (leader + 1 + below(self.random, self.cluster.size() - 1)) % self.cluster.size();
        // It may be refused: the other may lag, or the leader may have changed.
        leadership::hand_over(self.cluster, leader, to).await
    }

    /// Everything is as it should be again; members that are down are started.
    async fn mend(&mut self, complaints: &mut Vec<String>) {
        self.cluster.links().heal();
        for member in 0..self.cluster.size() {
            self.cluster.resume(member);
            if self.lines.iter().any(|(of, _)| *of == member) {
                self.cluster.set_fail_points(member, &[]);
            }
        }
        for (member, flip) in std::mem::take(&mut self.flips) {
            self.cluster.kill(member);
            flip.undo();
        }
        let ends_it = |(_, line): &&(usize, String)| line.contains(" error ") || line.contains(" kill");
        let doomed: Vec<_> = self.lines.iter().filter(ends_it).map(|(member, _)| *member).collect();
        let full = std::mem::take(&mut self.full);
        for member in doomed.into_iter().chain(full.iter().copied()) {
            // It may be on its way to its end, which takes a moment: nobody would start it again then.
            self.cluster.kill(member);
        }
        for member in full {
            self.cluster.free_disk(member);
        }
        for member in 0..self.cluster.size() {
            if !self.cluster.runs(member) {
                self.cluster.launch(member);
            }
        }
        for stranger in std::mem::take(&mut self.strangers) {
            complaints.extend(stranger.remove(self.cluster).await.err());
        }
        for joining in std::mem::take(&mut self.joining) {
            if joining.end(self.cluster, complaints).await {
                self.count(Fault::JoinMember);
            }
        }
    }
}

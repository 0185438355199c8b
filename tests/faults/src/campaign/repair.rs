//! Whether a member gets another state by itself: one whose files are damaged, one that holds other data than the rest, and whether
//! a leader whose disk fails or hangs gives leadership up.

use std::{
    fs::{self, File},
    time::{Duration, Instant},
};

use faults::search::files_under;
use harness::{Client, Cluster, ClusterOptions};
use proto::etcdserverpb::{AlarmRequest, HashKvRequest, PutRequest};
use tokio::time::{sleep, timeout};

use super::{Finding, Plan, authority::Authority, leadership, options};

/// Keys that are there before anything breaks.
const KEYS: u64 = 500;

/// Longest time in which what broke is to be whole again.
const REPAIR: Duration = Duration::from_secs(60);

/// How often the leader compares the members, for this run.
const CHECK: &str = "--corrupt-check-time=1s";

/// Longest wait for one answer.
const ASK: Duration = Duration::from_secs(2);

/// Breaks members in every way and waits until each is whole.
pub(crate) async fn run(plan: &Plan) -> Finding {
    let authority = Authority::new().expect("certificates can be made");
    let mut options: ClusterOptions = options(plan, &authority);
    options.flags.push(CHECK.to_owned());
    let mut repair = Repair { cluster: Cluster::start(options).await, written: 0, text: String::new(), is_clean: true };
    repair.write(KEYS).await;
    for way in [Way::Damaged, Way::DamagedWithItsSnapshot, Way::Diverged, Way::FailedDisk, Way::HungDisk] {
        let begun = Instant::now();
        let outcome = Box::pin(repair.one(way)).await;
        repair.is_clean &= outcome.is_ok();
        let told = outcome.map_or_else(|why| format!("NOT REPAIRED: {why}"), |()| "repaired".to_owned());
        repair.text += &format!("{way:?}: {told} after {:.1?}\n", begun.elapsed());
    }
    if !repair.is_clean {
        repair.text += &format!("directories and logs are kept in {}\n", repair.cluster.keep().display());
    }
    Finding { text: repair.text, is_clean: repair.is_clean }
}

/// What breaks.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Every file of a follower's state is cut short while it is down.
    Damaged,
    /// The same, and its snapshot's as well.
    DamagedWithItsSnapshot,
    /// A follower applies commands twice for a while.
    Diverged,
    /// The leader's disk fails.
    FailedDisk,
    /// The leader's disk does not answer for a few seconds.
    HungDisk,
}

struct Repair {
    cluster: Cluster,
    written: u64,
    text: String,
    is_clean: bool,
}

impl Repair {
    async fn one(&mut self, way: Way) -> Result<(), String> {
        let leader = leadership::leader(&self.cluster).await.ok_or("nobody leads")?;
        let follower = (leader + 1) % self.cluster.size();
        match way {
            Way::Damaged | Way::DamagedWithItsSnapshot => {
                self.cluster.kill(follower);
                self.write(KEYS).await;
                self.cut(follower, matches!(way, Way::DamagedWithItsSnapshot))?;
                self.cluster.launch(follower);
            }
            Way::Diverged => {
                self.cluster.set_fail_points(follower, &["planted double-apply".to_owned()]);
                let raised = self.diverge().await;
                self.cluster.set_fail_points(follower, &[]);
                raised?;
            }
            Way::FailedDisk => {
                self.disk(leader, "log.sync error EIO").await?;
                let begun = Instant::now();
                while self.cluster.runs(leader) && begun.elapsed() < REPAIR {
                    sleep(Duration::from_millis(50)).await;
                }
                self.cluster.launch(leader);
            }
            Way::HungDisk => self.disk(leader, "log.before-sync sleep 5000").await?,
        }
        self.is_whole().await
    }

    /// The leader's disk does what a line of fail points says, until another one leads.
    async fn disk(&mut self, leader: usize, line: &str) -> Result<(), String> {
        self.cluster.set_fail_points(leader, &[line.to_owned()]);
        let led = self.another_leads(leader).await;
        self.cluster.set_fail_points(leader, &[]);
        led
    }

    async fn write(&mut self, count: u64) {
        let mut asked = 0;
        for number in self.written..self.written + count {
            let request = put(number % 700, number);
            // Whoever is down or refuses is passed over.
            while !matches!(timeout(ASK, self.client(asked).kv.put(request.clone())).await, Ok(Ok(_))) {
                asked = (asked + 1) % self.cluster.size();
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.written += count;
    }

    fn client(&self, member: usize) -> Client {
        Client::new(harness::connect_lazy(self.cluster.ports(member).client))
    }

    fn cut(&self, member: usize, snapshot_too: bool) -> Result<(), String> {
        let data = self.cluster.data(member);
        let folders = [Some(data.join("state/current")), snapshot_too.then(|| data.join("snapshot"))];
        let mut cut = 0;
        for path in folders.into_iter().flatten().flat_map(|folder| files_under(&folder)) {
            // A new file: those that are linked into the snapshot stay whole there.
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            fs::remove_file(&path).and_then(|()| File::create(&path)).map_err(|error| error.to_string())?;
            fs::write(&path, &bytes[..bytes.len() / 2]).map_err(|error| error.to_string())?;
            cut += 1;
        }
        if cut > 0 { Ok(()) } else { Err("there was nothing to damage".to_owned()) }
    }

    /// Writes until somebody notices that a member holds other data.
    async fn diverge(&self) -> Result<(), String> {
        let noticed = self.until(async || {
            for number in 0..50_u64 {
                // Refused once the alarm stands.
                drop(timeout(ASK, self.client(0).kv.put(put(number, number))).await);
            }
            self.alarm_stands().await == Some(true)
        });
        noticed.await.map_err(|()| "nobody noticed that a member holds other data".to_owned())
    }

    /// Whether there is an alarm for other data, as far as anybody says.
    async fn alarm_stands(&self) -> Option<bool> {
        let (corrupt, get) = (2, 0);
        let request = AlarmRequest { action: get, member_id: 0, alarm: corrupt };
        for member in 0..self.cluster.size() {
            if let Ok(Ok(answer)) = timeout(ASK, self.client(member).maintenance.alarm(request)).await {
                return Some(!answer.into_inner().alarms.is_empty());
            }
        }
        None
    }

    async fn another_leads(&mut self, than: usize) -> Result<(), String> {
        let begun = Instant::now();
        let mut number = 0_u64;
        while begun.elapsed() < REPAIR {
            number += 1;
            let others = (0..self.cluster.size()).filter(|member| *member != than);
            for member in others {
                // Something has to be written for the disk to be asked.
                let request =
                    PutRequest { key: "/disk".into(), value: number.to_string().into(), ..PutRequest::default() };
                drop(timeout(Duration::from_millis(200), self.client(member).kv.put(request)).await);
                if leadership::view(&self.cluster, member).await.is_some_and(|view| view.id == view.leader) {
                    self.text += &format!("another one leads after {:.2?}; ", begun.elapsed());
                    return Ok(());
                }
            }
        }
        Err("the leader stays".to_owned())
    }

    /// Everybody answers, no alarm stands, and all hold the same.
    async fn is_whole(&mut self) -> Result<(), String> {
        for member in 0..self.cluster.size() {
            let ready = self.cluster.ready(member, REPAIR).await;
            ready.map_err(|why| format!("member {member} does not come back: {why}"))?;
        }
        let gone = self.until(async || self.alarm_stands().await == Some(false));
        gone.await.map_err(|()| "the alarm stays".to_owned())?;
        self.write(1).await;
        let same = self.until(async || {
            let mut hashes = Vec::new();
            for member in 0..self.cluster.size() {
                let hash = timeout(ASK, self.client(member).maintenance.hash_kv(HashKvRequest { revision: 0 })).await;
                hashes.push(
                    hash.ok()
                        .and_then(Result::ok)
                        .map(|answer| answer.into_inner())
                        .map(|one| (one.hash, one.hash_revision)),
                );
            }
            hashes.iter().all(|hash| hash.is_some() && *hash == hashes[0])
        });
        same.await.map_err(|()| "the members do not come to hold the same".to_owned())
    }

    async fn until(&self, mut is_so: impl AsyncFnMut() -> bool) -> Result<(), ()> {
        let begun = Instant::now();
        while begun.elapsed() < REPAIR {
            if is_so().await {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err(())
    }
}

fn put(key: u64, value: u64) -> PutRequest {
    PutRequest { key: format!("/repair/{key}").into(), value: value.to_string().into(), ..PutRequest::default() }
}

//! Several members, with the links between them in the test's hands.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::sleep,
};

use crate::{
    Links, Newcomer, Ports, http,
    member::{Acquaintance, Member},
};

/// How often a starting member is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);

/// Flags of a member that waits long before it takes a silent leader for gone: where tests ask once and count on an answer.
pub const PATIENT: [&str; 2] = ["--heartbeat-interval=500", "--election-timeout=5000"];

/// How to start a cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// How many members found it.
    pub members: usize,
    /// The program that members are first started with; see [`crate::binary()`] and [`Cluster::replace_program`].
    pub program: PathBuf,
    /// Flags besides those for names, directories and ports. `{admin}` stands for the member's admin port.
    pub flags: Vec<String>,
    /// Flags that single founders get besides, by their number. With `--peer-cert-file` among them members speak TLS to each other.
    pub own_flags: BTreeMap<usize, Vec<String>>,
    /// Lines that stand in every member's file of fail points, whatever else is put there. Only a program that was built with
    /// fail points reads them.
    pub fail_points: Vec<String>,
    /// Gives each member's data a disk of its own of so many bytes, which can be filled. It is a tmpfs: mounting it takes
    /// root, and starting the cluster panics without it.
    pub disk_bytes: Option<u64>,
}

impl ClusterOptions {
    /// What members speak to each other.
    pub(crate) fn peer_scheme(&self) -> &'static str {
        let mut flags = self.flags.iter().chain(self.own_flags.values().flatten());
        if flags.any(|flag| flag.starts_with("--peer-cert-file=")) { "https" } else { "http" }
    }
}

/// Members `m0`, `m1` ... on this machine, each reached by the others through [`Links`]. Dropping it kills them and removes
/// their directories and disks.
#[derive(Debug)]
pub struct Cluster {
    // Before `home`: they have to be dead when their directories go.
    members: Vec<Member>,
    links: Links,
    options: ClusterOptions,
    /// How many folders of members there are, newcomers counted.
    folders: usize,
    home: TempDir,
    // Last: the next one's turn comes when this one is gone.
    _turn: OwnedMutexGuard<()>,
}

/// Of the clusters of one process one runs at a time: members count in seconds, and on busy processors do little but elect each other.
static TURN: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

impl Cluster {
    /// Starts all members of a new cluster and waits until every one is ready. One that waits for another cluster of the same process
    /// begins when that is gone.
    ///
    /// # Panics
    /// When one ends or does not become ready.
    pub async fn start(options: ClusterOptions) -> Self {
        let turn = Arc::clone(&TURN).lock_owned().await;
        let home = TempDir::with_prefix("strongroom-cluster-").expect("a temporary directory can be made");
        let own = |index: usize| options.own_flags.get(&index).cloned().unwrap_or_default();
        let member = |index: usize| Member::new(home.path(), format!("m{index}"), &options, own(index));
        let members: Vec<_> = (0..options.members).map(member).collect();
        let links = Links::before(&members.iter().map(|member| member.ports.peer).collect::<Vec<_>>()).await;
        let folders = members.len();
        let mut cluster = Self { members, links, options, folders, home, _turn: turn };
        for member in 0..cluster.members.len() {
            cluster.launch(member);
        }
        for member in 0..cluster.members.len() {
            let ready = cluster.ready(member, Duration::from_secs(crate::START_SECONDS_MAX)).await;
            ready.unwrap_or_else(|why| panic!("m{member}: {why}"));
        }
        cluster
    }

    /// How many members there are, running or not.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Starts a member's process, without waiting for it.
    ///
    /// # Panics
    /// When it runs already.
    pub fn launch(&mut self, member: usize) {
        let scheme = self.options.peer_scheme();
        let url = |member: usize| format!("{scheme}://127.0.0.1:{}", self.links.port(member));
        let founders: Vec<_> = (0..self.members.len()).map(|member| format!("m{member}={}", url(member))).collect();
        let acquaintance = Acquaintance { peer_url: &url(member), members: &founders.join(","), state: "new" };
        let process = self.members[member].launch(&self.options, acquaintance);
        self.links.runs_as(member, Some(process.id()));
    }

    /// From now on members are started with this program: a member that runs keeps the one that it runs until it is started again.
    pub fn replace_program(&mut self, program: PathBuf) {
        self.options.program = program;
    }

    /// A member that did not found the cluster, not started and not known to the others yet.
    ///
    /// # Panics
    /// When its folder cannot be made, or its disk not be mounted.
    pub fn newcomer(&mut self) -> Newcomer {
        let name = format!("m{}", self.folders);
        self.folders += 1;
        Newcomer::new(self.home.path(), name, self.options.clone())
    }

    /// Waits until a member says that it is healthy: it knows a leader and answers a linearizable read.
    ///
    /// # Errors
    /// With a sentence, when it has ended instead or takes longer.
    pub async fn ready(&mut self, member: usize, within: Duration) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let one = &mut self.members[member];
            let process = one.process.as_mut().ok_or("it was not started")?;
            if let Some(status) = process.ended() {
                return Err(format!("it has ended ({status}):\n{}", process.log_tail()));
            }
            let page = http::get(one.ports.metrics, "/health?exclude=NOSPACE&exclude=CORRUPT").await;
            if page.is_ok_and(|page| page.status == 200) {
                return Ok(());
            }
            if begun.elapsed() > within {
                return Err(format!("it is not ready after {within:?}:\n{}", process.log_tail()));
            }
            sleep(POLL).await;
        }
    }

    /// `kill -9`, if it runs.
    pub fn kill(&mut self, member: usize) {
        self.links.runs_as(member, None);
        if let Some(mut process) = self.members[member].process.take() {
            process.kill();
        }
    }

    /// SIGTERM, and waits for its end; nothing if it does not run.
    ///
    /// # Panics
    /// When it does not end within [`crate::STOP_SECONDS_MAX`].
    pub async fn stop(&mut self, member: usize) -> Option<ExitStatus> {
        let mut process = self.members[member].process.take()?;
        let status = process.terminate().await;
        self.links.runs_as(member, None);
        Some(status)
    }

    /// Whether a member's process runs; one that has ended by itself is taken note of.
    pub fn runs(&mut self, member: usize) -> bool {
        let one = &mut self.members[member];
        if one.process.as_mut().is_some_and(|process| process.ended().is_some()) {
            one.process = None;
            self.links.runs_as(member, None);
        }
        one.process.is_some()
    }

    /// SIGSTOP: it holds its connections and does nothing.
    pub fn pause(&self, member: usize) {
        self.signal(member, "-STOP");
    }

    /// SIGCONT.
    pub fn resume(&self, member: usize) {
        self.signal(member, "-CONT");
    }

    fn signal(&self, member: usize, signal: &str) {
        if let Some(process) = &self.members[member].process {
            // Fails only when it has just ended, which whoever waits for it finds out.
            drop(Command::new("/bin/kill").args([signal, &process.id().to_string()]).stderr(Stdio::null()).status());
        }
    }

    /// Replaces a member's fail points, at run time; the lines of the options stay.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn set_fail_points(&self, member: usize, lines: &[String]) {
        self.members[member].set_fail_points(self.options.fail_points.iter().chain(lines));
    }

    /// Whether members have disks of their own, which can be filled.
    #[must_use]
    pub fn has_own_disks(&self) -> bool {
        self.options.disk_bytes.is_some()
    }

    /// Fills a member's disk, so that nothing more goes on it until [`Cluster::free_disk`].
    ///
    /// # Panics
    /// When it has none of its own, or filling it fails in another way than that it is full.
    pub fn fill_disk(&self, member: usize) {
        let disk = self.members[member].disk.as_ref().expect("the options give each member a disk of its own");
        disk.fill().unwrap_or_else(|error| panic!("the disk of m{member} cannot be filled: {error}"));
    }

    /// Takes away what [`Cluster::fill_disk`] put there.
    ///
    /// # Panics
    /// When that cannot be removed.
    pub fn free_disk(&self, member: usize) {
        if let Some(disk) = &self.members[member].disk {
            disk.free().unwrap_or_else(|error| panic!("the disk of m{member} cannot be freed: {error}"));
        }
    }

    /// The links between the members.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// A member's ports.
    #[must_use]
    pub fn ports(&self, member: usize) -> &Ports {
        &self.members[member].ports
    }

    /// A member's data directory.
    #[must_use]
    pub fn data(&self, member: usize) -> PathBuf {
        self.members[member].data()
    }

    /// Everything that a member printed and logged.
    #[must_use]
    pub fn log(&self, member: usize) -> Vec<u8> {
        fs::read(self.members[member].log()).unwrap_or_default()
    }

    /// The folder with all directories and logs.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Kills all members and leaves their directories behind, to be looked at. What is on disks of their own is copied to
    /// where it was, because a tmpfs that stays would hold memory for ever.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        for member in 0..self.members.len() {
            self.kill(member);
            if let Some(disk) = self.members[member].disk.take() {
                disk.keep().unwrap_or_else(|error| panic!("the disk of m{member} cannot be kept: {error}"));
            }
        }
        self.home.disable_cleanup(true);
        self.home.path().to_owned()
    }
}

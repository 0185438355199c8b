//! One member, of either kind, over any number of starts.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use proto::etcdserverpb::StatusRequest;
use tempfile::TempDir;
use tokio::time::sleep;
use tonic::transport::Channel;

use crate::{Certificates, Client, Environment, Etcdctl, Ports, Process, Program, Response, http, program};

/// How often a starting server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(10);

/// Answers when a server is ready, also one that was started again with its alarms.
const READY: &str = "/health?exclude=NOSPACE&exclude=CORRUPT";

/// Which program.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `strongroom dev`, logging what these directives say.
    Strongroom {
        /// As in `STRONGROOM_LOG`.
        log_level: String,
    },
    /// A program with etcd's flags, with TLS for clients when files are given.
    Member {
        /// Which one.
        program: Program,
        /// The server's certificate, and a client's.
        tls: Option<EtcdTls>,
        /// Flags besides those that name its directory, its ports and its files.
        flags: Vec<String>,
    },
}

impl Kind {
    /// The etcd to compare with.
    #[must_use]
    pub fn etcd(tls: Option<EtcdTls>) -> Self {
        Self::Member { program: Program::Etcd, tls, flags: Vec::new() }
    }
}

/// The certificates that an etcd and its clients use.
#[derive(Debug, Clone)]
pub struct EtcdTls {
    /// What the server shows.
    pub server: Certificates,
    /// What its clients show.
    pub client: Certificates,
}

/// One member with its directory, its ports and its log. Dropping it kills it and removes all of that.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    /// Words before its command line.
    launcher: Vec<String>,
    // Before `home`: it has to be dead when its directory goes.
    process: Option<Process>,
    home: TempDir,
    ports: Ports,
    environment: Environment,
}

impl Server {
    /// A new Strongroom, ready.
    pub async fn strongroom() -> Self {
        Self::strongroom_logging("info").await
    }

    /// A new Strongroom, ready, that logs what these `STRONGROOM_LOG` directives say.
    pub async fn strongroom_logging(log_level: &str) -> Self {
        Self::new(Kind::Strongroom { log_level: log_level.to_owned() }).await
    }

    /// A new etcd, ready.
    pub async fn etcd() -> Self {
        Self::new(Kind::etcd(None)).await
    }

    /// What is under test: Strongroom, or, with `STRONGROOM_SUBJECT=etcd`, a second etcd. With the latter the cases are run
    /// against themselves: what then fails is wrong in the case.
    pub async fn subject() -> Self {
        if env::var("STRONGROOM_SUBJECT").is_ok_and(|name| name == "etcd") {
            Self::etcd().await
        } else {
            Self::strongroom().await
        }
    }

    /// A new server in a new directory, ready.
    pub async fn new(kind: Kind) -> Self {
        let mut server = Self::unstarted(kind);
        server.start().await;
        server.settle().await;
        server
    }

    /// A server that was not started yet, and whose directory is not there.
    ///
    /// # Panics
    /// When a folder for it cannot be made.
    #[must_use]
    pub fn unstarted(kind: Kind) -> Self {
        let home = TempDir::with_prefix("strongroom-test-").expect("a temporary directory can be made");
        let (launcher, ports, environment) = (Vec::new(), Ports::free(), Environment::default());
        Self { kind, launcher, process: None, home, ports, environment }
    }

    /// The members of one cluster, each ready: of its founders, none is before the others are.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub async fn start_together(servers: Vec<Self>) -> Vec<Self> {
        let start = |mut server: Self| async move {
            server.start().await;
            server.settle().await;
            server
        };
        let starting: Vec<_> = servers.into_iter().map(|server| tokio::spawn(start(server))).collect();
        let mut started = Vec::new();
        for server in starting {
            started.push(server.await.expect("each member starts"));
        }
        started
    }

    /// Flags for its next start, after the others: of one that is given twice, the last counts.
    ///
    /// # Panics
    /// For a `strongroom dev`.
    pub fn add_flags(&mut self, more: impl IntoIterator<Item = String>) {
        let Kind::Member { flags, .. } = &mut self.kind else { panic!("strongroom dev has no flags of etcd") };
        flags.extend(more);
    }

    /// From its next start on, the command line is given to a program that becomes it, such as `strace -D`.
    pub fn launch_by(&mut self, launcher: &[&str]) {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
    }

    /// Starts it on its directory and ports, and waits until it is ready.
    ///
    /// # Panics
    /// When it ends instead, or is not ready within [`crate::START_SECONDS_MAX`].
    pub async fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let command = match &self.kind {
            Kind::Strongroom { log_level } => program::strongroom_dev(&self.dir(), &self.ports, log_level),
            Kind::Member { program, tls, flags } => {
                let certificates = tls.as_ref().map(|tls| &tls.server);
                let mut command = program::member(*program, &self.dir(), &self.ports, certificates);
                command.args(flags);
                command
            }
        };
        let command = program::launched(&self.launcher, command);
        self.process = Some(Process::start(command, &self.log_file()));
        self.become_ready().await;
        self.environment = match &self.kind {
            Kind::Strongroom { .. } => Environment::of_shell_file(&self.dir().join("env")),
            Kind::Member { tls: None, .. } => Environment::plain(self.ports.client),
            Kind::Member { tls: Some(tls), .. } => Environment::plain(self.ports.client)
                .with("ETCDCTL_ENDPOINTS", &format!("https://127.0.0.1:{}", self.ports.client))
                .with_certificates(&tls.client),
        };
    }

    async fn become_ready(&mut self) {
        let begun = Instant::now();
        let environment = matches!(self.kind, Kind::Strongroom { .. }).then(|| self.dir().join("env"));
        let process = self.process.as_mut().expect("it was just started");
        loop {
            if let Some(status) = process.ended() {
                panic!("the server ended at its start ({status}):\n{}", process.log_tail());
            }
            // The first start serves before it has written what clients need.
            let written = environment.as_ref().is_none_or(|file| file.exists());
            if written && http::get(self.ports.metrics, READY).await.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            let waited = begun.elapsed() < Duration::from_secs(crate::START_SECONDS_MAX);
            assert!(waited, "the server does not become ready:\n{}", process.log_tail());
            sleep(POLL).await;
        }
    }

    /// Waits until a new etcd has written the version of its storage, which its answers show and which it does beside its first
    /// requests. Before 3.6 there is no such version.
    async fn settle(&self) {
        if !matches!(self.kind, Kind::Member { program: Program::Etcd, .. }) {
            return;
        }
        let (begun, mut client) = (Instant::now(), self.client().await);
        loop {
            let status = client.maintenance.status(StatusRequest {}).await;
            let status = status.expect("a new etcd tells its status").into_inner();
            let line = |version: &str| version.rsplit_once('.').map(|(line, _)| line.to_owned());
            if is_before_3_6(&status.version) || line(&status.storage_version) == line(&status.version) {
                return;
            }
            let waited = begun.elapsed() < Duration::from_secs(crate::START_SECONDS_MAX);
            assert!(waited, "the new etcd does not come to rest: {status:?}");
            sleep(POLL).await;
        }
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When it does not run, or ended by itself before.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        assert!(process.ended().is_none(), "the server ended by itself:\n{}", process.log_tail());
        process.kill();
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// When it does not run, or does not end within [`crate::STOP_SECONDS_MAX`].
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("it runs").terminate().await
    }

    /// Ends it as a crash does; see [`Process::abort`].
    ///
    /// # Panics
    /// When it does not run, or does not end within [`crate::STOP_SECONDS_MAX`].
    pub async fn abort(&mut self) -> ExitStatus {
        self.process.take().expect("it runs").abort().await
    }

    /// `etcdctl` with this server's variables.
    #[must_use]
    pub fn etcdctl(&self) -> Etcdctl {
        Etcdctl::new(self.environment.clone())
    }

    /// gRPC on a new connection, as an etcd client.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn client(&self) -> Client {
        let files = self.environment.client_certificates();
        Client::new(crate::connect(self.ports.client, files.as_ref()).await.expect("a ready server takes connections"))
    }

    /// The admin listener, shown these certificates.
    ///
    /// # Errors
    /// When the handshake is refused at once.
    pub async fn admin(&self, certificates: &Certificates) -> Result<Channel, tonic::transport::Error> {
        crate::connect(self.ports.admin, Some(certificates)).await
    }

    /// Gets a page of the metrics listener.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn page(&self, path: &str) -> Response {
        http::get(self.ports.metrics, path).await.expect("the metrics listener answers")
    }

    /// Bytes of memory that it has in use now, and the most that it ever had since it was started (`VmRSS` and `VmHWM`).
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn resident_bytes(&self) -> (u64, u64) {
        let id = self.process.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("a running process has a status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel names it");
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number of kibibytes");
            kibibytes * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Which program it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What `DIR/env` exports, or the same for etcd.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Its ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The id of its process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Its data directory. Its log is elsewhere.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Everything that it printed and logged, over all starts.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.log_file()).expect("the log is there from the first start on")
    }

    fn log_file(&self) -> PathBuf {
        Path::join(self.home.path(), "log")
    }
}

fn is_before_3_6(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (3, 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_without_one_of_their_storage_are_known() {
        assert!(is_before_3_6("3.4.23") && is_before_3_6("3.5.0"));
        assert!(!is_before_3_6("3.6.0") && !is_before_3_6("3.10.1") && !is_before_3_6("4.0.0"));
    }
}

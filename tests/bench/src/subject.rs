//! A server under load: a member or three, of either program, started with the same flags.

use std::time::{Duration, Instant};

use harness::{Client, Kind, Program, Server};

use crate::{
    identity::Identity,
    kernel::{self, Usage},
    load::{Load, Report},
    row,
};

/// More than any work writes. etcd's own default is too little for a million revisions.
const QUOTA: &str = "--quota-backend-bytes=8589934592";

/// Members of one cluster. Dropping it ends them and removes their data.
#[derive(Debug)]
pub(crate) struct Subject {
    name: &'static str,
    servers: Vec<Server>,
}

impl Subject {
    /// One member.
    pub(crate) async fn alone(program: Program, identity: &Identity) -> Self {
        Self::start(program, vec![member(program, identity)]).await
    }

    /// Three members, which know each other by mutual TLS as well.
    pub(crate) async fn three(program: Program, identity: &Identity) -> Self {
        let mut servers: Vec<_> = (0..3).map(|_| member(program, identity)).collect();
        let url = |server: &Server| format!("https://127.0.0.1:{}", server.ports().peer);
        let founders = servers.iter().enumerate().map(|(number, server)| format!("m{number}={}", url(server)));
        let founders = format!("--initial-cluster={}", founders.collect::<Vec<_>>().join(","));
        let files = identity.tls().server;
        for (number, server) in servers.iter_mut().enumerate() {
            let url = url(server);
            server.add_flags([
                format!("--name=m{number}"),
                founders.clone(),
                format!("--listen-peer-urls={url}"),
                format!("--initial-advertise-peer-urls={url}"),
                "--peer-client-cert-auth".to_owned(),
                format!("--peer-trusted-ca-file={}", files.authority.display()),
                format!("--peer-cert-file={}", files.certificate.display()),
                format!("--peer-key-file={}", files.key.display()),
            ]);
        }
        Self::start(program, servers).await
    }

    /// One member whose disk takes so much longer for each sync. strace stops the process at that call and no other, and holds only
    /// the thread that made it.
    pub(crate) async fn on_slow_disk(program: Program, identity: &Identity, sync: Duration) -> Self {
        let mut server = member(program, identity);
        let inject = format!("inject=fsync,fdatasync:delay_enter={}ms", sync.as_millis());
        let which = "trace=fsync,fdatasync";
        server.launch_by(&["strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", which, "-e", &inject]);
        Self::start(program, vec![server]).await
    }

    /// Strongroom as `strongroom dev` sets it up: a sealed prefix, and a plugin that reviews another one.
    pub(crate) async fn dev() -> Self {
        Self { name: "strongroom dev", servers: vec![Server::strongroom_logging("warn").await] }
    }

    async fn start(program: Program, servers: Vec<Server>) -> Self {
        Self { name: row::name(program), servers: Server::start_together(servers).await }
    }

    /// Lets `strongroom bench` do what the line says, to its end.
    pub(crate) async fn load(&self, line: &str) -> Report {
        self.start_load(line).end().await
    }

    /// Begins to.
    pub(crate) fn start_load(&self, line: &str) -> Load {
        let urls: Vec<_> =
            self.servers.iter().map(|server| format!("https://127.0.0.1:{}", server.ports().client)).collect();
        let files = self.servers[0].environment().client_certificates().expect("every subject serves over TLS");
        let connection = [
            ("--endpoints", urls.join(",")),
            ("--cacert", files.authority.display().to_string()),
            ("--cert", files.certificate.display().to_string()),
            ("--key", files.key.display().to_string()),
        ];
        let connection: Vec<_> = connection.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        Load::start(self.name, line, &connection)
    }

    /// Writes so many keys, many in one transaction.
    pub(crate) async fn prepare(&self, keys: u64, value_bytes: usize) {
        let size = format!("--keys {keys} --value-bytes {value_bytes} --keep");
        self.load(&format!("range --kind count {size} --conns 4 --total 1 --warm-up 0s --timeout 60s")).await;
    }

    /// Stops and starts its members; how long it was until they served again.
    pub(crate) async fn restart(&mut self) -> Duration {
        for server in &mut self.servers {
            server.stop().await;
        }
        let begun = Instant::now();
        self.servers = Server::start_together(std::mem::take(&mut self.servers)).await;
        begun.elapsed()
    }

    /// What its processes have used since they were started.
    pub(crate) fn usage(&self) -> Usage {
        let each = self.servers.iter().map(|server| Usage::of(server.process_id()));
        each.fold(Usage::default(), |sum, one| Usage {
            cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
            written_bytes: sum.written_bytes + one.written_bytes,
        })
    }

    /// Memory of the first member, in MiB: now, and at most since it was started.
    pub(crate) fn resident_mib(&self) -> (f64, f64) {
        let (now, most) = self.servers[0].resident_bytes();
        (mib(now as f64), mib(most as f64))
    }

    /// Disk that the first member's data take, in MiB.
    pub(crate) fn disk_mib(&self) -> f64 {
        mib(kernel::disk_bytes(&self.servers[0].dir()))
    }

    /// gRPC to the first member.
    pub(crate) async fn client(&self) -> Client {
        self.servers[0].client().await
    }
}

fn member(program: Program, identity: &Identity) -> Server {
    let flags = vec![QUOTA.to_owned()];
    Server::unstarted(Kind::Member { program, tls: Some(identity.tls()), flags })
}

/// Bytes as MiB.
fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

//! The configuration of a dev member: loopback only, mutual TLS everywhere but for metrics.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use auth::{Administrators, AuthError};

use super::DevDirectory;
use super::certificates::{ADMINISTRATOR, Pair};
use crate::cli::Dev;
use crate::config::url::Url;
use crate::config::{Cluster, Config, Door, HttpRules, Limits, Timing, TlsFiles, TlsRules, Users};

/// etcd's defaults.
const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(100),
    election: Duration::from_millis(1000),
    watch_progress: Duration::from_secs(600),
    warning_apply: Duration::from_millis(100),
    warning_unary_request: Duration::from_millis(300),
};

/// etcd's default.
const SNAPSHOT_ENTRIES: u64 = 10_000;

impl DevDirectory {
    /// The configuration that this directory and these ports make.
    pub(crate) fn config(&self, dev: &Dev) -> Config {
        let (server, peer) = (&self.certificates.server, &self.certificates.peer);
        Config {
            name: "dev".to_owned(),
            corruption_checks: flow::CorruptionChecks::default(),
            data_dir: self.data(),
            cluster: Cluster::alone("dev", "strongroom-dev", Vec::new()),
            client: self.door("--client-port", dev.client_port, Some(server)),
            peer: self.door("--peer-port", dev.peer_port, Some(peer)),
            admin: self.door("--admin-port", dev.admin_port, Some(server)),
            administrators: administrators().expect("the dev administrator's name is a rule"),
            admin_access: auth::AdminAccess::Mtls,
            metrics: self.door("--metrics-port", dev.metrics_port, None),
            seal_config: Some(self.seal_config()),
            timing: TIMING,
            snapshot_entries: SNAPSHOT_ENTRIES,
            limits: Limits::default(),
            users: Users::default(),
            http: HttpRules::default(),
            connections: api::ConnectionSettings::default(),
            extensive_metrics: false,
            tls: TlsRules::default(),
            unsafe_no_fsync: false,
            memory_lock: false,
            log: dev.log(),
            remarks: Vec::new(),
        }
    }

    fn door(&self, flag: &'static str, port: u16, pair: Option<&Pair>) -> Door {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let authority = || Some(self.certificates.authority.certificate.clone());
        let tls = pair.map(|pair| TlsFiles::mutual(pair.certificate.clone(), pair.key.clone(), authority()));
        Door { flag, listen: vec![Url::of_listener(tls.is_some(), address)], advertised: Vec::new(), tls }
    }
}

fn administrators() -> Result<Administrators, AuthError> {
    Ok(Administrators::from(vec![format!("URI:{ADMINISTRATOR}").parse()?]))
}

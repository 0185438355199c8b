//! The configuration of dev members: loopback only, mutual TLS everywhere but for metrics.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use auth::{Administrators, AuthError};

use super::DevDirectory;
use super::certificates::{ADMINISTRATOR, Pair};
use crate::cli::Dev;
use crate::config::url::Url;
use crate::config::{
    Ceilings, Cluster, Config, ConfigError, Door, HttpRules, Limits, Timing, TlsFiles, TlsRules, Users,
};

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

/// The name of a member that is alone.
const NAME: &str = "dev";

/// Tells dev clusters from others.
const TOKEN: &str = "strongroom-dev";

impl DevDirectory {
    /// The configurations that this directory and these ports make, one for each member.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`]: several members that are to find each other at ports which are not known yet.
    pub(crate) fn configs(&self, dev: &Dev) -> Result<Vec<Config>, ConfigError> {
        if self.members() > 1 && dev.peer_port == 0 {
            let text = "--peer-port is 0, but several members need to know each other's ports; name the first one";
            return Err(ConfigError::Conflict(text.to_owned()));
        }
        let mut configs: Vec<_> = (1..=self.members()).map(|member| self.config(dev, member)).collect();
        let members: Vec<_> = configs.iter().map(|config| (config.name.clone(), config.peer.listen.clone())).collect();
        configs.iter_mut().for_each(|config| config.cluster.members.clone_from(&members));
        Ok(configs)
    }

    fn config(&self, dev: &Dev, member: usize) -> Config {
        let pairs = &self.certificates.members[member - 1];
        let port = |first: u16| Dev::port(first, member);
        Config {
            name: if self.members() == 1 { NAME.to_owned() } else { format!("{NAME}-{member}") },
            data_dir: self.data(member),
            corruption_checks: flow::CorruptionChecks::default(),
            cluster: Cluster::alone(NAME, TOKEN, Vec::new()),
            client: self.door("--client-port", port(dev.client_port), Some(&pairs.server)),
            peer: self.door("--peer-port", port(dev.peer_port), Some(&pairs.peer)),
            admin: self.door("--admin-port", port(dev.admin_port), Some(&pairs.server)),
            administrators: administrators().expect("the dev administrator's name is a rule"),
            admin_access: auth::AdminAccess::Mtls,
            hashes_take_administrator: false,
            metrics: self.door("--metrics-port", port(dev.metrics_port), None),
            audit: flow::AuditConfig::default(),
            second_within: None,
            plugin_trusted_keys: None,
            seal_config: Some(self.seal_config()),
            seal_keyless: false,
            seal_recovering: false,
            timing: TIMING,
            snapshot_entries: SNAPSHOT_ENTRIES,
            limits: Limits::default(),
            ceilings: Ceilings::default(),
            backups: None,
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

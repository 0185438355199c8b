//! The servers that are driven.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::ValueEnum;
use harness::{Kind, Program, Server};

/// A server and how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Strongroom with etcd's flags, without TLS
    Strongroom,
    /// Strongroom with mutual TLS, a sealed prefix and a plugin, as `strongroom dev` starts it
    StrongroomTls,
    /// As the first, with everything sealed that kube-apiserver's suites write
    StrongroomSealed,
    /// etcd without TLS
    Etcd,
}

impl Subject {
    /// Every one.
    pub(crate) const ALL: [Self; 4] = [Self::Strongroom, Self::StrongroomTls, Self::StrongroomSealed, Self::Etcd];

    /// A new server, ready.
    pub(crate) async fn start(self) -> Server {
        let plain = |program| Kind::Member { program, tls: None, flags: Vec::new() };
        let kind = match self {
            Self::Strongroom | Self::StrongroomSealed => plain(Program::Strongroom),
            Self::StrongroomTls => Kind::Strongroom { log_level: "warn".to_owned() },
            Self::Etcd => plain(Program::Etcd),
        };
        Server::new(kind).await
    }

    /// The variables that name the server's program and its first arguments, to a client that starts it by itself.
    ///
    /// # Errors
    /// When the key to seal with cannot be made in this folder.
    pub(crate) fn command(self, folder: &Path) -> Result<Vec<(String, String)>, String> {
        let flags = match self {
            Self::Etcd => String::new(),
            Self::Strongroom | Self::StrongroomTls => ADMINISTERED_BY_ANYBODY.to_owned(),
            Self::StrongroomSealed => format!("{ADMINISTERED_BY_ANYBODY} --seal-config {}", sealing(folder)?.display()),
        };
        let program = if self == Self::Etcd { harness::reference() } else { harness::binary() };
        let program = ("SERVER_PROGRAM".to_owned(), program.to_string_lossy().into_owned());
        Ok(vec![program, ("SERVER_FLAGS".to_owned(), flags)])
    }
}

/// As in etcd: whoever reaches the client listener.
const ADMINISTERED_BY_ANYBODY: &str = "serve --admin-access=any";

/// Seals the objects of the suites, as `/registry/secrets/` is in a cluster.
const SEALING: &str = "provider:\n  key-file:\n    path: root.key\nprefixes:\n  - /pods/\n";

/// Makes a root key and the configuration that names it.
fn sealing(folder: &Path) -> Result<PathBuf, String> {
    let (key, config) = (folder.join("root.key"), folder.join("seal.yaml"));
    if !key.exists() {
        let made = Command::new(harness::binary()).args(["key", "generate"]).arg(&key).output();
        let made = made.map_err(|error| format!("strongroom does not start: {error}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
    }
    fs::write(&config, SEALING).map_err(|error| format!("cannot write {}: {error}", config.display()))?;
    Ok(config)
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strongroom => "strongroom",
            Self::StrongroomTls => "strongroom-tls",
            Self::StrongroomSealed => "strongroom-sealed",
            Self::Etcd => "etcd",
        })
    }
}

/// The variables that name a server to a client, who is its administrator: users and roles are made by one.
pub(crate) fn environment(server: &Server) -> Vec<(String, String)> {
    let environment = server.environment().clone();
    let environment = if environment.client_certificates().is_some() {
        let files = environment.administrator_certificates();
        environment.with_certificates(&files)
    } else {
        environment
    };
    let named = environment.iter().filter(|(name, _)| name.starts_with("ETCDCTL_"));
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

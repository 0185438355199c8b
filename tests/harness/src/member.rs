//! What one member of a cluster has on this machine: a folder, ports, perhaps a disk of its own, and a process.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{ClusterOptions, Ports, Process, disk::Disk, program};

/// Started or not. Dropping it kills it; its folder is the cluster's.
#[derive(Debug)]
pub(crate) struct Member {
    // Before the disk: it has to be dead when that goes.
    pub(crate) process: Option<Process>,
    pub(crate) disk: Option<Disk>,
    pub(crate) name: String,
    pub(crate) ports: Ports,
    home: PathBuf,
    own_flags: Vec<String>,
}

/// How a member gets to know the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acquaintance<'a> {
    /// Where the others reach it.
    pub(crate) peer_url: &'a str,
    /// As in `--initial-cluster`.
    pub(crate) members: &'a str,
    /// As in `--initial-cluster-state`.
    pub(crate) state: &'static str,
}

impl Member {
    /// A member with new ports and a new folder below the cluster's.
    ///
    /// # Panics
    /// When the folder cannot be made, or the disk not be mounted.
    pub(crate) fn new(cluster_home: &Path, name: String, options: &ClusterOptions, own_flags: Vec<String>) -> Self {
        let home = cluster_home.join(&name);
        fs::create_dir(&home).expect("a temporary directory can be written");
        let disk = options.disk_bytes.map(|bytes| Disk::mount(home.join("disk"), bytes));
        let member = Self { process: None, disk, name, ports: Ports::free(), home, own_flags };
        member.set_fail_points(options.fail_points.iter());
        member
    }

    /// Starts its process, without waiting for it.
    ///
    /// # Panics
    /// When it runs already.
    pub(crate) fn launch(&mut self, options: &ClusterOptions, acquaintance: Acquaintance<'_>) -> &Process {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let command = self.command(options, acquaintance);
        self.process.insert(Process::start(command, &self.log()))
    }

    fn command(&self, options: &ClusterOptions, acquaintance: Acquaintance<'_>) -> Command {
        let Acquaintance { peer_url, members, state } = acquaintance;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let client = url(self.ports.client);
        let mut command = program::clean_command(&options.program);
        command.args(["serve", "--admin-access=any", "--log-level=info"]);
        command.args(["--name", &self.name]).arg("--data-dir").arg(self.data());
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        let peer = format!("{}://127.0.0.1:{}", options.peer_scheme(), self.ports.peer);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", peer_url]);
        command.args(["--initial-cluster", members, "--initial-cluster-state", state]);
        command.args(["--listen-metrics-urls", &url(self.ports.metrics)]);
        command.args(&self.own_flags);
        command.args(options.flags.iter().map(|flag| flag.replace("{admin}", &self.ports.admin.to_string())));
        command.env("STRONGROOM_FAIL_POINTS", self.home.join("fail-points"));
        command
    }

    /// Replaces the lines of its file of fail points.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub(crate) fn set_fail_points<'a>(&self, lines: impl Iterator<Item = &'a String>) {
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let draft = self.home.join("fail-points.draft");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, self.home.join("fail-points")))
            .expect("a temporary directory can be written");
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.disk.as_ref().map_or(self.home.as_path(), Disk::path).join("data")
    }

    /// The file with everything that it printed and logged.
    pub(crate) fn log(&self) -> PathBuf {
        self.home.join("log")
    }
}

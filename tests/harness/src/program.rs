//! Where the programs are, and how each is started.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use crate::{Certificates, Ports};

/// The `strongroom` program: what `STRONGROOM_BIN` names, or the one that was built beside this test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn binary() -> PathBuf {
    let named = env::var_os("STRONGROOM_BIN").map(PathBuf::from);
    let path = named.unwrap_or_else(|| built_beside().join("strongroom"));
    assert!(
        path.is_file(),
        "{} is not there: build it first (`make test` does), or set STRONGROOM_BIN",
        path.display()
    );
    path
}

/// The etcd to compare with: what `ETCD_BIN` names, or the one that `tests/conformance/reference/build.sh` left in the target
/// folder, or the `etcd` of the path, which is Debian's.
#[must_use]
pub fn reference() -> PathBuf {
    if let Some(named) = env::var_os("ETCD_BIN") {
        return PathBuf::from(named);
    }
    let built = built_beside().parent().map(|target| target.join("reference/etcd"));
    built.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("etcd"))
}

/// The folder of the built programs. A test is in `deps` below it, a program in it.
fn built_beside() -> PathBuf {
    let own = env::current_exe().expect("a running program has a path");
    let folder = own.parent().expect("a program lies in a folder");
    folder.parent().filter(|_| folder.ends_with("deps")).unwrap_or(folder).to_owned()
}

/// The command line of `strongroom dev`.
pub(crate) fn strongroom_dev(dir: &Path, ports: &Ports, log_level: &str) -> Command {
    let mut command = Command::new(binary());
    command.arg("dev").arg("--dir").arg(dir);
    for (flag, port) in [
        ("--client-port", ports.client),
        ("--peer-port", ports.peer),
        ("--admin-port", ports.admin),
        ("--metrics-port", ports.metrics),
    ] {
        command.arg(flag).arg(port.to_string());
    }
    clean(&mut command);
    command.env("STRONGROOM_LOG", log_level);
    command
}

/// The command line of a server with etcd's flags: one member, with TLS for clients when `tls` names a server's certificate.
pub(crate) fn member(program: Program, dir: &Path, ports: &Ports, tls: Option<&Certificates>) -> Command {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let client = format!("{scheme}://127.0.0.1:{}", ports.client);
    let peer = format!("http://127.0.0.1:{}", ports.peer);
    let mut command = program.command();
    command.args(["--name", "default", "--log-level", "warn"]).arg("--data-dir").arg(dir);
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.arg("--initial-cluster").arg(format!("default={peer}"));
    command.arg("--listen-metrics-urls").arg(format!("http://127.0.0.1:{}", ports.metrics));
    if let Some(files) = tls {
        command.arg("--trusted-ca-file").arg(&files.authority).arg("--client-cert-auth");
        command.arg("--cert-file").arg(&files.certificate).arg("--key-file").arg(&files.key);
    }
    clean(&mut command);
    command
}

/// The same command line, with these words before it.
pub(crate) fn launched(launcher: &[String], command: Command) -> Command {
    let Some((program, words)) = launcher.split_first() else { return command };
    let mut launched = clean_command(Path::new(program));
    launched.args(words).arg(command.get_program()).args(command.get_args());
    launched.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    launched
}

/// A program that takes etcd's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `strongroom serve`, which leaves the administration to whoever may do it in etcd.
    Strongroom,
    /// The etcd to compare with.
    Etcd,
}

impl Program {
    fn command(self) -> Command {
        match self {
            Self::Etcd => Command::new(reference()),
            Self::Strongroom => {
                let mut command = Command::new(binary());
                command.args(["serve", "--admin-access=any"]);
                command
            }
        }
    }
}

/// How a program that was expected to end did so.
#[derive(Debug)]
pub struct Run {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// Runs the `strongroom` program to its end, with these variables and no others.
///
/// # Panics
/// When it does not end within [`crate::START_SECONDS_MAX`].
pub async fn run<'a>(arguments: &[&str], variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Run {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    clean(&mut command);
    command.envs(variables);
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let bound = Duration::from_secs(crate::START_SECONDS_MAX);
    let output = tokio::time::timeout(bound, command.output()).await;
    let output =
        output.unwrap_or_else(|_| panic!("strongroom {arguments:?} goes on and on")).expect("strongroom starts");
    Run::from(output)
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A command for a program that sees nothing of the caller's shell.
pub(crate) fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    clean(&mut command);
    command
}

/// Takes away what the caller's shell may hold, so that a test depends on nothing but its own words.
fn clean(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
}

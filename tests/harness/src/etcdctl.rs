//! The real `etcdctl`, with a server's variables.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::Environment;

/// Runs `etcdctl` against one server.
#[derive(Debug, Clone)]
pub struct Etcdctl {
    environment: Environment,
}

/// How one `etcdctl` ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it printed.
    pub stdout: String,
    /// The line in which it says what went wrong, without its log lines; empty when nothing did.
    pub error: String,
}

/// An `etcdctl` that goes on, such as a watch. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Etcdctl {
    /// For the server that these variables name. The endpoint gets the form of `etcdctl`'s own default, without `http://`:
    /// version 3.4 sends the scheme as part of HTTP/2's `:authority`, where only Go's server takes it.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        let endpoint = environment.get("ETCDCTL_ENDPOINTS").trim_start_matches("http://").to_owned();
        Self { environment: environment.with("ETCDCTL_ENDPOINTS", &endpoint) }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not start or takes longer than [`crate::ANSWER_SECONDS_MAX`].
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "").await
    }

    /// Runs it to its end with something to read.
    ///
    /// # Panics
    /// As [`Etcdctl::run`].
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let exchange = async {
            let mut child = self.spawn(arguments);
            let mut stdin = child.stdin.take().expect("the input is a pipe");
            // Fails when it ended without reading everything, which its own error explains better.
            drop(stdin.write_all(input.as_bytes()).await);
            drop(stdin);
            child.wait_with_output().await.expect("a child can be waited for")
        };
        let output = timeout(Duration::from_secs(crate::ANSWER_SECONDS_MAX), exchange).await;
        let output = output.unwrap_or_else(|_| panic!("etcdctl {arguments:?} goes on and on"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        Finished {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: stderr.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n"),
        }
    }

    /// Runs it to its end and gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn ok(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments).await;
        assert!(finished.success, "etcdctl {arguments:?}: {}", finished.error);
        finished.stdout
    }

    /// Runs it to its end and gives its error.
    ///
    /// # Panics
    /// When it succeeds.
    pub async fn fails(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments).await;
        assert!(!finished.success, "etcdctl {arguments:?} should have failed, but printed {}", finished.stdout);
        finished.error
    }

    /// Starts one that goes on.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.spawn(arguments);
        let stdout = child.stdout.take().expect("the output is a pipe");
        Running { child, lines: BufReader::new(stdout).lines() }
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new("etcdctl");
        command.args(arguments).env_clear().envs(self.environment.iter()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("etcdctl starts; it is Debian's package etcd-client")
    }
}

impl Running {
    /// Writes a line to it.
    ///
    /// # Panics
    /// When it has ended.
    pub async fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("the input is a pipe");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("etcdctl still reads");
    }

    /// The next line that it prints.
    ///
    /// # Panics
    /// When none comes within [`crate::ANSWER_SECONDS_MAX`] or it ends.
    pub async fn line(&mut self) -> String {
        let line = timeout(Duration::from_secs(crate::ANSWER_SECONDS_MAX), self.lines.next_line()).await;
        line.expect("a line comes in time").expect("the pipe can be read").expect("etcdctl still runs")
    }

    /// So many lines.
    ///
    /// # Panics
    /// As [`Running::line`].
    pub async fn lines(&mut self, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            text += &self.line().await;
            text.push('\n');
        }
        text
    }

    /// Waits for its end and gives its error, as in [`Finished`].
    ///
    /// # Panics
    /// When it has not ended within [`crate::ANSWER_SECONDS_MAX`].
    pub async fn error(&mut self) -> String {
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("asked for once");
        let read = timeout(Duration::from_secs(crate::ANSWER_SECONDS_MAX), pipe.read_to_string(&mut stderr)).await;
        read.expect("etcdctl ends in time").expect("the pipe can be read");
        stderr.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n")
    }
}

//! A server's process: its log, its end.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::time::sleep;

/// How much of a log a panic shows, in bytes.
const LOG_TAIL_BYTES: usize = 4000;

/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// A running program whose output goes to a file. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, adding what it prints (both streams) to the file `log`.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = open(log);
        let errors = file.try_clone().expect("a file handle can be doubled");
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        Self { child, log: log.to_owned() }
    }

    /// Its status, if it has ended.
    ///
    /// # Panics
    /// When the system does not know the process any more.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child can be waited for");
    }

    /// SIGTERM, and waits for its end. One that has ended by itself is left alone: how it ended is its status.
    ///
    /// # Panics
    /// When it has not ended within [`crate::STOP_SECONDS_MAX`].
    pub async fn terminate(&mut self) -> ExitStatus {
        if let Some(status) = self.ended() {
            return status;
        }
        let sent = Command::new("/bin/kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(sent.expect("/bin/kill starts").success(), "no such process");
        self.wait(crate::STOP_SECONDS_MAX).await
    }

    /// Ends it as a crash does, with no limit on the size of core files: whether one was made is in the status.
    ///
    /// # Panics
    /// When it has not ended within [`crate::STOP_SECONDS_MAX`].
    pub async fn abort(&mut self) -> ExitStatus {
        let id = self.id().to_string();
        for command in [["prlimit", "--core=unlimited:unlimited", "--pid", &id].as_slice(), &["kill", "-ABRT", &id]] {
            let done = Command::new(command[0]).args(&command[1..]).status();
            assert!(done.expect("util-linux and procps are there").success(), "{command:?}");
        }
        self.wait(crate::STOP_SECONDS_MAX).await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended after so many seconds.
    pub async fn wait(&mut self, seconds_max: u64) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(seconds_max), "it goes on and on:\n{}", self.log_tail());
            sleep(POLL).await;
        }
    }

    /// The last part of its log, for a panic.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn open(log: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", log.display()))
}

//! A member that did not found its cluster.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    ClusterOptions,
    member::{Acquaintance, Member},
};

/// How often it is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// A member to be added to a [`crate::Cluster`] while that runs. Members reach it directly and not through [`crate::Links`].
/// Dropping it kills it and removes its data; its log stays in the cluster's folder.
#[derive(Debug)]
pub struct Newcomer {
    member: Member,
    options: ClusterOptions,
}

impl Newcomer {
    pub(crate) fn new(cluster_home: &Path, name: String, options: ClusterOptions) -> Self {
        Self { member: Member::new(cluster_home, name, &options, Vec::new()), options }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.member.name
    }

    /// Where other members will reach it: the cluster has to know this before it is started.
    #[must_use]
    pub fn peer_url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.options.peer_scheme(), self.member.ports.peer)
    }

    /// Starts its process, without waiting for it. `members` are those of the cluster and itself, as in `--initial-cluster`.
    ///
    /// # Panics
    /// When it was started already.
    pub fn launch(&mut self, members: &str) {
        self.launch_known_as(&self.peer_url(), members);
    }

    /// The same for one that others look for at another URL, where it need not be.
    ///
    /// # Panics
    /// When it was started already.
    pub fn launch_known_as(&mut self, peer_url: &str, members: &str) {
        self.member.launch(&self.options, Acquaintance { peer_url, members, state: "existing" });
    }

    /// Whether its process was started and has not ended.
    pub fn runs(&mut self) -> bool {
        self.member.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// Waits until its process does not run; whether that came about in time.
    pub async fn ends(&mut self, within: Duration) -> bool {
        let begun = Instant::now();
        while self.runs() {
            if begun.elapsed() > within {
                return false;
            }
            sleep(POLL).await;
        }
        true
    }

    /// The last part of what it logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.member.process.as_ref().map(crate::Process::log_tail).unwrap_or_default()
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.member.process = None;
        // It is not there if it was never started.
        drop(fs::remove_dir_all(self.member.data()));
    }
}

//! The etcd version that the cluster speaks, and downgrades of it.

use std::{collections::BTreeSet, time::Duration};

use auth::Administrator;
use consensus::Proposal;
use store::{ClusterChange, ClusterRecord};

use crate::{FlowError, Member, Reply};

/// The version of etcd whose API this is.
pub const ETCD_VERSION: &str = "3.7.3";

/// The cluster version before it was first set: major and minor of [`ETCD_VERSION`].
const CLUSTER_VERSION: Version = Version { major: 3, minor: 7 };

/// How often the leader looks whether the cluster version is what it should be, as etcd's does.
const MONITOR_INTERVAL: Duration = Duration::from_secs(5);

/// A cluster version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u64,
    minor: u64,
}

impl Version {
    /// Reads `3.6` or `3.6.1`; the patch makes no difference.
    fn parse(text: &str) -> Option<Self> {
        Self::of_semver(text).or_else(|| Self::of_semver(&format!("{text}.0")))
    }

    fn of_semver(text: &str) -> Option<Self> {
        let (text, _build) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, _pre_release) = text.split_once('-').unwrap_or((text, ""));
        let numbers: Vec<u64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        match numbers[..] {
            [major, minor, _patch] => Some(Self { major, minor }),
            _ => None,
        }
    }

    /// The only version that a cluster of this one can be downgraded to.
    fn before(self) -> Option<Self> {
        Some(Self { minor: self.minor.checked_sub(1)?, ..self })
    }

    /// As a semantic version.
    pub(crate) fn full(self) -> String {
        format!("{}.{}.0", self.major, self.minor)
    }

    /// As etcd answers a downgrade.
    fn short(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl Member {
    /// The etcd version that all members speak, as a semantic version.
    ///
    /// # Errors
    /// When the disk does.
    pub fn cluster_version(&self) -> Result<String, FlowError> {
        Ok(version_of(&self.cluster()?).full())
    }

    /// Whether the cluster can be downgraded to a version. Like the other two, answers with the cluster version.
    ///
    /// # Errors
    /// Not a version, not the one before this, or a downgrade under way.
    pub async fn downgrade_validate(
        &self,
        _administrator: &Administrator,
        target: &str,
    ) -> Result<Reply<String>, FlowError> {
        self.check_downgrade(target).await?;
        self.short_version()
    }

    /// Begins a downgrade.
    ///
    /// # Errors
    /// As for validating; otherwise as for a write.
    pub async fn downgrade_enable(
        &self,
        administrator: &Administrator,
        target: &str,
    ) -> Result<Reply<String>, FlowError> {
        let target = self.check_downgrade(target).await?.full();
        tracing::info!(administrator = administrator.name(), target_version = target, "downgrade enabled");
        self.change_cluster(ClusterChange::Downgrade(target)).await?;
        self.short_version()
    }

    /// Gives up a downgrade. As in etcd it is no error when there is none.
    ///
    /// # Errors
    /// As for a write.
    pub async fn downgrade_cancel(&self, administrator: &Administrator) -> Result<Reply<String>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        if self.cluster()?.downgrade_target.is_empty() {
            tracing::warn!(error = "etcdserver: no inflight downgrade job", "failed to cancel downgrade");
            return self.short_version();
        }
        tracing::info!(administrator = administrator.name(), "downgrade canceled");
        self.change_cluster(ClusterChange::Downgrade(String::new())).await?;
        self.short_version()
    }

    async fn check_downgrade(&self, target: &str) -> Result<Version, FlowError> {
        let target = Version::parse(target).ok_or(FlowError::WrongDowngradeVersion)?;
        self.shared.consensus.confirm_read().await?;
        let cluster = self.cluster()?;
        if version_of(&cluster).before() != Some(target) {
            return Err(FlowError::InvalidDowngradeTarget);
        }
        if cluster.downgrade_target.is_empty() { Ok(target) } else { Err(FlowError::DowngradeInProcess) }
    }

    fn short_version(&self) -> Result<Reply<String>, FlowError> {
        Ok(Reply { header: self.header(), body: version_of(&self.cluster()?).short() })
    }

    pub(crate) fn cluster(&self) -> Result<ClusterRecord, FlowError> {
        Ok(self.shared.store.view(|view| view.cluster())?)
    }

    pub(crate) async fn change_cluster(&self, change: ClusterChange) -> Result<(), FlowError> {
        self.shared.consensus.propose(Proposal::change_cluster(change)).await?.result?;
        Ok(())
    }

    /// Lets the cluster version follow the members, and a downgrade.
    pub(crate) async fn monitor_version_forever(self) {
        loop {
            tokio::time::sleep(MONITOR_INTERVAL).await;
            if self.leads()
                && let Err(error) = self.update_version().await
            {
                tracing::warn!(%error, "failed to update cluster version; tried again");
            }
        }
    }

    async fn update_version(&self) -> Result<(), FlowError> {
        let cluster = self.cluster()?;
        let current = version_of(&cluster);
        let members = self.shared.consensus.membership().nodes.into_keys().collect();
        let wanted = wanted(current, &told(&cluster, &members), Version::parse(&cluster.downgrade_target));
        if wanted == current {
            return Ok(());
        }
        tracing::info!(from = current.short(), to = wanted.short(), "updated cluster version");
        self.change_cluster(ClusterChange::Version(wanted.full())).await
    }
}

/// What the members that have started told of their version; `None` of one that did not.
fn told(cluster: &ClusterRecord, members: &BTreeSet<u64>) -> Vec<Option<Version>> {
    let started = cluster.attributes.iter().filter(|told| members.contains(&told.member_id) && !told.name.is_empty());
    started.map(|told| Version::parse(&told.version)).collect()
}

/// The version that all members speak: the lowest that one of them told, unless a downgrade goes below it. As in etcd, one
/// that is not known lets the cluster version rise no further.
fn wanted(current: Version, told: &[Option<Version>], downgrade_target: Option<Version>) -> Version {
    let lowest = told.iter().map(|told| told.unwrap_or(current)).min().unwrap_or(current);
    downgrade_target.unwrap_or(lowest)
}

pub(crate) fn version_of(cluster: &ClusterRecord) -> Version {
    Version::parse(&cluster.version).unwrap_or(CLUSTER_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_etcd_reads_them() {
        for text in ["3.6", "3.6.0", "3.6.9", "3.6.0-rc.1", "3.6.1+build"] {
            assert_eq!(Version::parse(text), Some(Version { major: 3, minor: 6 }), "{text}");
        }
        for text in ["", "x", "3", "3.6-a", "3.6.0.0", " 3.6", "3.-6", "3.6.x"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    const OLDER: Version = Version { major: 3, minor: 6 };
    const NEWER: Version = Version { major: 3, minor: 8 };

    #[test]
    fn the_cluster_version_is_the_lowest_that_a_member_told() {
        let agreed = |current, told: &[Option<Version>]| wanted(current, told, None);
        assert_eq!(agreed(CLUSTER_VERSION, &[Some(CLUSTER_VERSION), Some(NEWER)]), CLUSTER_VERSION);
        assert_eq!(agreed(CLUSTER_VERSION, &[Some(NEWER), Some(NEWER)]), NEWER, "the last one was upgraded");
        assert_eq!(agreed(CLUSTER_VERSION, &[Some(NEWER), Some(OLDER)]), OLDER);
        assert_eq!(agreed(CLUSTER_VERSION, &[Some(NEWER), None]), CLUSTER_VERSION, "one that does not tell holds it");
        assert_eq!(agreed(CLUSTER_VERSION, &[]), CLUSTER_VERSION);
        let next_major = Version { major: 4, minor: 0 };
        assert_eq!(agreed(NEWER, &[Some(next_major), Some(NEWER)]), NEWER, "the major counts before the minor");
    }

    #[test]
    fn a_downgrade_goes_before_what_members_told() {
        assert_eq!(wanted(CLUSTER_VERSION, &[Some(CLUSTER_VERSION)], Some(OLDER)), OLDER);
        assert_eq!(wanted(OLDER, &[Some(OLDER), Some(OLDER)], None), OLDER, "ended after all members went back");
        assert_eq!(wanted(OLDER, &[Some(CLUSTER_VERSION)], None), CLUSTER_VERSION, "ended before any did");
    }

    #[test]
    fn only_members_that_have_started_are_asked_for_their_version() {
        let member = |member_id, name: &str, version: &str| store::Attributes {
            member_id,
            name: name.to_owned(),
            version: version.to_owned(),
            ..store::Attributes::default()
        };
        let attributes =
            vec![member(1, "a", "3.8.2"), member(2, "b", ""), member(3, "", "3.6.0"), member(4, "d", "3.6.0")];
        let cluster = ClusterRecord { attributes, ..ClusterRecord::default() };
        assert_eq!(told(&cluster, &BTreeSet::from([1, 2, 3])), [Some(NEWER), None]);
    }

    #[test]
    fn the_cluster_speaks_the_version_of_its_api() {
        assert_eq!(Version::parse(ETCD_VERSION), Some(CLUSTER_VERSION));
        assert_eq!(CLUSTER_VERSION.before().unwrap().full(), "3.6.0");
    }
}

//! How this member stands.

use store::{ALARM_CORRUPT, ALARM_NO_SPACE, ReadError, View};

use crate::{Alarm, ETCD_VERSION, FlowError, Header, Member, Reply, quota, version::version_of};

/// What the Status call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusInfo {
    /// The etcd version whose API this is.
    pub version: String,
    /// Bytes of the state on disk.
    pub db_size: i64,
    /// Of those the ones that hold live data.
    pub db_size_in_use: i64,
    /// The leader, zero for none.
    pub leader: u64,
    /// Newest log index.
    pub raft_index: u64,
    /// Term.
    pub raft_term: u64,
    /// Newest applied log index.
    pub raft_applied_index: u64,
    /// What is wrong, in sentences.
    pub errors: Vec<String>,
    /// Whether this member has no vote.
    pub is_learner: bool,
    /// The etcd storage version that clients are told.
    pub storage_version: String,
    /// Most bytes the state may have, below zero for no limit.
    pub db_size_quota: i64,
    /// The version that the cluster is being downgraded to, if it is.
    pub downgrade_target: Option<String>,
}

/// What monitoring asks of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFigures {
    /// Revision of the last compaction, zero for none.
    pub compacted: i64,
    /// Keys.
    pub keys: u64,
}

/// What HashKV answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKv {
    /// The hash.
    pub hash: u32,
    /// Revision of the last compaction.
    pub compact_revision: i64,
    /// Revision up to which was hashed.
    pub hash_revision: i64,
}

impl Member {
    /// What monitoring asks of the state.
    ///
    /// # Errors
    /// When the disk does.
    pub fn state_figures(&self) -> Result<StateFigures, FlowError> {
        let compacted = self.shared.store.view(|view| view.compacted())?;
        Ok(StateFigures { compacted, keys: self.shared.store.keys()? })
    }

    /// Whether this member knows a leader.
    #[must_use]
    pub fn has_leader(&self) -> bool {
        self.shared.consensus.status().leader.is_some()
    }

    /// Time without a heartbeat after which an election is held.
    #[must_use]
    pub fn election_timeout(&self) -> std::time::Duration {
        self.shared.config.election_timeout
    }

    /// How long a unary call may take before a warning is logged; zero for any time.
    #[must_use]
    pub fn warning_unary_request_duration(&self) -> std::time::Duration {
        self.shared.config.warning_unary_request_duration
    }

    /// How this member stands. What cannot be found out is among the errors.
    #[must_use]
    pub fn status(&self) -> Reply<StatusInfo> {
        let consensus = self.shared.consensus.status();
        let mut errors = Vec::new();
        if consensus.leader.is_none() {
            errors.push("etcdserver: no leader".to_owned());
        }
        let (db_size, db_size_in_use) = found_of(self.shared.store.size_bytes(), &mut errors);
        let cluster = found_of(self.cluster(), &mut errors);
        let alarms = found_of(self.standing(), &mut errors);
        errors.extend(alarms.iter().map(complaint));
        if let Some(stalled) = self.shared.consensus.disk_stalled() {
            errors.push(format!("strongroom: the disk has not answered for {} s", stalled.as_secs()));
        }
        if self.shared.policy.current().keyring().is_keyless() {
            errors.push("strongroom: this member has no root key and refuses sealed prefixes".to_owned());
        }
        errors.extend(self.key_complaints());
        let body = StatusInfo {
            version: ETCD_VERSION.to_owned(),
            db_size: i64::try_from(db_size).unwrap_or(i64::MAX),
            db_size_in_use: i64::try_from(db_size_in_use).unwrap_or(i64::MAX),
            leader: consensus.leader.unwrap_or(0),
            raft_index: consensus.last_index,
            raft_term: consensus.term,
            raft_applied_index: consensus.applied_index,
            errors,
            is_learner: self.is_learner(),
            storage_version: version_of(&cluster).full(),
            db_size_quota: quota::shown(self.shared.config.quota_backend_bytes),
            downgrade_target: Some(cluster.downgrade_target).filter(|target| !target.is_empty()),
        };
        Reply { header: self.header(), body }
    }

    /// Hash of the whole key space at the newest revision.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn hash(&self) -> Result<Reply<u32>, FlowError> {
        let Reply { header, body } = self.hash_kv(0).await?;
        Ok(Reply { header, body: body.hash })
    }

    /// Hash of the key space up to `revision`, zero for the newest.
    ///
    /// # Errors
    /// A compacted or future revision, or the disk.
    pub async fn hash_kv(&self, revision: i64) -> Result<Reply<HashKv>, FlowError> {
        let hashing = self.shared.store.metrics().hash_seconds.start_timer();
        let hash = move |view: &View<'_>| Ok::<_, ReadError>((view.revision()?, view.hash_kv(revision)?));
        let (newest, found) = self.view_unhurried(hash).await?;
        hashing.stop_and_record();
        let body =
            HashKv { hash: found.hash, compact_revision: found.compact_revision, hash_revision: found.hash_revision };
        Ok(Reply { header: Header { revision: newest, ..self.header() }, body })
    }

    /// Whether reads are served: from local state, or linearizable.
    ///
    /// # Errors
    /// Why they are not.
    pub async fn ready(&self, serializable: bool) -> Result<(), FlowError> {
        self.refuse_if_diverged()?;
        if !serializable {
            self.shared.consensus.confirm_read().await?;
        }
        self.shared.store.view(|view| view.revision())?;
        Ok(())
    }
}

/// What was found, or nothing and the reason among the errors.
fn found_of<T: Default, E: std::fmt::Display>(found: Result<T, E>, errors: &mut Vec<String>) -> T {
    found.unwrap_or_else(|error| {
        errors.push(format!("strongroom: {error}"));
        T::default()
    })
}

/// An alarm as etcd's Status writes it.
fn complaint(alarm: &Alarm) -> String {
    let kind = match alarm.kind {
        ALARM_NO_SPACE => "NOSPACE".to_owned(),
        ALARM_CORRUPT => "CORRUPT".to_owned(),
        other => other.to_string(),
    };
    match alarm.member_id {
        0 => format!("alarm:{kind}"),
        id => format!("memberID:{id} alarm:{kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_written_as_etcd_writes_them() {
        let written = |kind, member_id| complaint(&Alarm { kind, member_id });
        assert_eq!(written(1, 0), "alarm:NOSPACE");
        assert_eq!(written(2, 7), "memberID:7 alarm:CORRUPT");
        assert_eq!(written(9, 7), "memberID:7 alarm:9");
    }
}

//! How this member stands.

use crate::{FlowError, Header, Member, Reply};

/// The etcd version whose API this is.
const ETCD_VERSION: &str = "3.7.0";

/// The etcd storage version that clients are told.
const STORAGE_VERSION: &str = "3.7.0";

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it has no vote.
    pub is_learner: bool,
}

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
    /// Most bytes the state may have, zero for no limit.
    pub db_size_quota: i64,
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
    /// The members of the cluster.
    ///
    /// # Errors
    /// When it shall be linearizable and leadership cannot be confirmed.
    pub async fn members(&self, linearizable: bool) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        if linearizable {
            self.shared.consensus.confirm_read().await?;
        }
        let config = &self.shared.config;
        let member = MemberInfo {
            id: self.shared.identity.member_id,
            name: config.name.clone(),
            peer_urls: config.peer_urls.clone(),
            client_urls: config.client_urls.clone(),
            is_learner: false,
        };
        Ok(Reply { header: self.header(), body: vec![member] })
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

    /// How this member stands.
    #[must_use]
    pub fn status(&self) -> Reply<StatusInfo> {
        let consensus = self.shared.consensus.status();
        let (mut errors, mut sizes) = (Vec::new(), (0, 0));
        match self.shared.store.size_bytes() {
            Ok(found) => sizes = found,
            Err(error) => errors.push(error.to_string()),
        }
        if consensus.leader.is_none() {
            errors.push("etcdserver: no leader".to_owned());
        }
        if self.shared.policy.current().keyring().is_keyless() {
            errors.push("strongroom: this member has no root key and refuses sealed prefixes".to_owned());
        }
        let body = StatusInfo {
            version: ETCD_VERSION.to_owned(),
            db_size: i64::try_from(sizes.0).unwrap_or(i64::MAX),
            db_size_in_use: i64::try_from(sizes.1).unwrap_or(i64::MAX),
            leader: consensus.leader.unwrap_or(0),
            raft_index: consensus.last_index,
            raft_term: consensus.term,
            raft_applied_index: consensus.applied_index,
            errors,
            is_learner: false,
            storage_version: STORAGE_VERSION.to_owned(),
            db_size_quota: 0,
        };
        Reply { header: self.header(), body }
    }

    /// Alarms raised, with the member each is of. Nothing raises one in this version.
    #[must_use]
    pub fn alarms(&self) -> Reply<Vec<(u64, i32)>> {
        Reply { header: self.header(), body: Vec::new() }
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
        let (newest, found) = self.view_off_thread(move |view| Ok((view.revision()?, view.hash_kv(revision)?))).await?;
        let body =
            HashKv { hash: found.hash, compact_revision: found.compact_revision, hash_revision: found.hash_revision };
        Ok(Reply { header: Header { revision: newest, ..self.header() }, body })
    }

    /// Whether reads are served: from local state, or linearizable.
    ///
    /// # Errors
    /// Why they are not.
    pub async fn ready(&self, serializable: bool) -> Result<(), FlowError> {
        if !serializable {
            self.shared.consensus.confirm_read().await?;
        }
        self.shared.store.view(|view| view.revision())?;
        Ok(())
    }
}

//! A state that becomes that of a new cluster: of a snapshot, or of what another store held.

use bytes::Bytes;

use crate::{
    ClusterRecord, MembershipEntry, Store, StoreError,
    cluster::replace_record,
    db::POISONED,
    family::Family,
    keyring,
    read::{self, meta},
    stage::Stage,
};

/// What is new about the cluster that goes on with a state.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// The cluster whose state it was; `None` for a state that was made for this one.
    pub was_of: Option<u64>,
    /// The log id that stands for everything in the state, as the consensus layer encodes it.
    pub applied: Bytes,
    /// Its members.
    pub membership: MembershipEntry,
    /// By how much the newest revision is raised, so that no client has seen what comes next.
    pub bump_revision: i64,
    /// Whether everything up to the newest revision counts as compacted, so that watchers of before have to begin anew.
    pub mark_compacted: bool,
}

impl Store {
    /// Makes the state that of a new cluster, and durable. Keys, leases, users and plugins stay; who the members were, and the
    /// alarms that they raised, do not. Data keys open what they have sealed, and seal nothing new.
    ///
    /// Returns the newest revision.
    ///
    /// # Errors
    /// When the disk fails or the state is damaged.
    pub fn begin_new_cluster(&self, new: &NewCluster) -> Result<i64, StoreError> {
        let writer = self.shared.writer.lock().expect(POISONED);
        let revision = self.with_database(|database| {
            let mut stage = Stage::new(database);
            stage.put(Family::Meta, meta::APPLIED, new.applied.clone());
            stage.put(Family::Meta, meta::MEMBERSHIP, new.membership.encoded.clone());
            stage.delete(Family::Meta, meta::ALARMS);
            let version = crate::cluster::record(&stage)?.version;
            let members = new.membership.members.iter().copied().collect();
            replace_record(&mut stage, &ClusterRecord { version, members, ..ClusterRecord::default() });
            if let Some(was_of) = new.was_of {
                keyring::carry_over(&mut stage, was_of)?;
            }
            let revision = read::revision(&stage)?.saturating_add(new.bump_revision);
            stage.put_number(meta::REVISION, revision);
            if new.mark_compacted {
                stage.put_number(meta::COMPACTED, revision);
            }
            stage.commit()?;
            Ok::<_, StoreError>(revision)
        })?;
        drop(writer);
        self.flush()?;
        Ok(revision)
    }
}

//! Filling an empty state with what another store held: its history in the order of revisions, and all else.

use std::cmp::Ordering;

use bytes::Bytes;
use seal::{DataKeyRecord, SealRule, Sealed};
use types::KeyValue;

use crate::{
    LeaseRecord, Store, StoreError,
    db::POISONED,
    execute::Execution,
    keyring,
    layout::Record,
    lease, range,
    read::{self, meta},
    stage::Stage,
    users::{self, RoleRecord, UserRecord},
};

/// One thing that happened to a key in another store.
#[derive(Debug)]
pub enum Past {
    /// It was put; with all that was known of it then.
    Put(KeyValue<Sealed>),
    /// It was deleted.
    Delete(Bytes),
}

/// Everything that happened at one revision, in order.
#[derive(Debug)]
pub struct PastRevision {
    /// The revision.
    pub revision: i64,
    /// What happened.
    pub changes: Vec<Past>,
}

/// What is taken over beside the history.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The newest revision; it may be above that of the last change.
    pub revision: i64,
    /// The revision of the last compaction, negative for none.
    pub compacted: i64,
    /// Leases.
    pub leases: Vec<LeaseRecord>,
    /// Users, with the hashes of their passwords.
    pub users: Vec<UserRecord>,
    /// Roles.
    pub roles: Vec<RoleRecord>,
    /// Whether users and roles are enforced.
    pub auth_enabled: bool,
    /// How often users and roles were changed, and a bit.
    pub auth_revision: u64,
    /// What is sealed.
    pub rules: Vec<SealRule>,
    /// The data keys that sealed it.
    pub data_keys: Vec<DataKeyRecord>,
}

impl Store {
    /// Takes over what happened at some revisions, each newer than all before. What was compacted (at most `compacted`, as known
    /// in the other store) leaves no history.
    ///
    /// # Errors
    /// When the disk fails; [`StoreError::Damaged`] for revisions out of order.
    pub fn take_in(&self, revisions: Vec<PastRevision>, compacted: i64) -> Result<(), StoreError> {
        let _writer = self.shared.writer.lock().expect(POISONED);
        self.with_database(|database| {
            let mut stage = Stage::new(database);
            for PastRevision { revision, changes } in revisions {
                if revision <= read::meta_number(&stage, meta::REVISION)?.unwrap_or(0) {
                    return Err(StoreError::damaged(format!("revision {revision} came after a newer one")));
                }
                match revision.cmp(&compacted) {
                    Ordering::Less => changes.into_iter().try_for_each(|past| keep_newest(&mut stage, past))?,
                    Ordering::Equal | Ordering::Greater => relive(&mut stage, revision, changes)?,
                }
                stage.put_number(meta::REVISION, revision);
            }
            stage.commit()
        })
    }

    /// Takes over what is not history, after it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn take_in_beside(&self, beside: &Beside) -> Result<(), StoreError> {
        let writer = self.shared.writer.lock().expect(POISONED);
        self.with_database(|database| {
            let mut stage = Stage::new(database);
            let revision = read::revision(&stage)?.max(beside.revision);
            stage.put_number(meta::REVISION, revision);
            if beside.compacted > 0 {
                stage.put_number(meta::COMPACTED, beside.compacted);
                // What the other store had not removed yet is removed by the next sweep.
                stage.put_number(meta::SWEPT, beside.compacted - 1);
            }
            beside.leases.iter().for_each(|record| lease::put(&mut stage, *record));
            users::take_in(&mut stage, beside);
            keyring::take_in(&mut stage, &beside.rules, &beside.data_keys)?;
            stage.commit()
        })?;
        drop(writer);
        self.flush()
    }
}

/// As of before the compaction, only what is newest is known.
fn keep_newest(stage: &mut Stage<'_>, past: Past) -> Result<(), StoreError> {
    match past {
        Past::Put(kv) => {
            let before = range::live(stage, &kv.key)?;
            lease::move_key(stage, &kv.key, before.as_ref().map_or(0, |before| before.lease), kv.lease);
            let (key, record) = record(kv);
            stage.set_live(&key, before.as_ref(), Some(&record));
        }
        Past::Delete(key) => {
            if let Some(before) = range::live(stage, &key)? {
                lease::move_key(stage, &key, before.lease, 0);
                stage.set_live(&key, Some(&before), None);
            }
        }
    }
    Ok(())
}

fn relive(stage: &mut Stage<'_>, revision: i64, changes: Vec<Past>) -> Result<(), StoreError> {
    let mut execution = Execution::at(stage, revision);
    for past in changes {
        match past {
            Past::Put(kv) => {
                let (key, record) = record(kv);
                execution.put_record(&key, record)?;
            }
            Past::Delete(key) => execution.delete_key(key)?,
        }
    }
    Ok(())
}

fn record(kv: KeyValue<Sealed>) -> (Bytes, Record) {
    let KeyValue { key, create_revision, mod_revision, version, lease, value } = kv;
    (key, Record { create_revision, mod_revision, version, lease, value })
}

//! A data directory of what an etcd held, and of what it wrote since.

use std::path::PathBuf;

use bytes::Bytes;
use consensus::{Identity, Revisions};
use seal::{EncryptionConfig, SealConfig, Sealed};
use store::{Beside, LeaseRecord, Past, PastRevision, PieceLimits, Store};
use types::{KeyRange, KeyValue, Plain};

use super::{
    bucket,
    file::EtcdFile,
    name,
    opener::{Opener, resource_prefix},
    records,
    sealer::Sealer,
};
use crate::offline::{Founding, OfflineError, directory::Directory};

/// Changes of one batch, and bytes of their values after which it is written, however few they are.
const BATCH_CHANGES: usize = 2000;
const BATCH_BYTES: usize = 8 << 20;

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct Import {
    /// A snapshot of etcd, or the data directory of a member that does not run.
    pub source: PathBuf,
    /// The data directory to make of it.
    pub founding: Founding,
    /// What becomes of the revisions.
    pub revisions: Revisions,
    /// What is sealed on the way.
    pub seal: Option<SealConfig>,
    /// What opens the values that kube-apiserver encrypted; without it they stay as they are.
    pub decryption: Option<EncryptionConfig>,
    /// Whether such values may be written in plain text, where they are not sealed.
    pub writes_plaintext: bool,
    /// Whether what the etcd writes after the file is taken as well: no two such imports are of the same moment.
    pub follows: bool,
}

impl Import {
    /// Whether members that are each made by an import of their own would begin alike. What is sealed is sealed with data keys that
    /// this import makes, and all members count what they begin with as the same entry of the log.
    ///
    /// # Errors
    /// [`OfflineError::SealsForSeveral`] and [`OfflineError::FollowsForSeveral`].
    pub fn check_members(&self) -> Result<(), OfflineError> {
        let members = self.founding.cluster_urls.len();
        if members < 2 {
            return Ok(());
        }
        if self.follows {
            return Err(OfflineError::FollowsForSeveral { members });
        }
        match self.seal.as_ref().is_some_and(|seal| seal.rules.iter().any(|rule| rule.sealed)) {
            true => Err(OfflineError::SealsForSeveral { members }),
            false => Ok(()),
        }
    }
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The new member.
    pub identity: Identity,
    /// The newest revision.
    pub revision: i64,
    /// The revision of the last compaction, -1 for none.
    pub compacted: i64,
    /// Puts and deletes in history.
    pub changes: u64,
    /// Leases.
    pub leases: usize,
    /// Users.
    pub users: usize,
    /// Values that were sealed.
    pub sealed: u64,
    /// Values that kube-apiserver had encrypted, and that were opened.
    pub opened: u64,
}

/// Everything that happened at one revision of an etcd.
#[derive(Debug)]
pub struct Happened {
    /// The revision.
    pub revision: i64,
    /// What happened, in order.
    pub changes: Vec<Change>,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Change {
    /// A key was put.
    Put(KeyValue<Bytes>),
    /// A key was deleted.
    Delete(Bytes),
}

impl Change {
    fn value_bytes(&self) -> usize {
        match self {
            Self::Put(kv) => kv.value.len(),
            Self::Delete(_) => 0,
        }
    }
}

/// Makes a data directory of what an etcd held: every key with its revisions and version, as far back as it was kept; leases, users and
/// roles. Tells `progress` how many changes are done now and then. Where nothing is sealed, one file makes the same state for every
/// member of a cluster.
///
/// # Errors
/// [`OfflineError`]; nothing is left of the directory then.
pub async fn import(import: &Import, progress: &mut dyn FnMut(u64)) -> Result<Imported, OfflineError> {
    Importing::begin(import, progress)?.finish().await
}

/// A data directory that is not finished, and takes what the etcd writes meanwhile. Nothing is left of it unless it is finished.
pub struct Importing {
    // Closed before the files are removed.
    store: Store,
    directory: Directory,
    sealer: Sealer,
    opener: Opener,
    revisions: Revisions,
    compacted: i64,
    revision: i64,
    changes: u64,
    sealed: u64,
    opened: u64,
    beside: Beside,
}

impl Importing {
    /// Takes what is in the file.
    ///
    /// # Errors
    /// [`OfflineError`].
    pub fn begin(import: &Import, progress: &mut dyn FnMut(u64)) -> Result<Self, OfflineError> {
        import.check_members()?;
        let file = EtcdFile::open(&import.source)?;
        let directory = Directory::begin(&import.founding)?;
        let compacted = file.compacted()?;
        let beside = Beside {
            leases: file.all(bucket::LEASE, records::lease)?,
            users: file.all(bucket::USERS, records::user)?,
            roles: file.all(bucket::ROLES, records::role)?,
            auth_enabled: file.entry(bucket::AUTH, name::AUTH_ENABLED)?.is_some_and(|flag| *flag == [1]),
            auth_revision: file.number(bucket::AUTH, name::AUTH_REVISION)?,
            compacted,
            ..Beside::default()
        };
        let mut importing = Self {
            store: Store::open(&directory.state())?,
            sealer: Sealer::new(directory.cluster_id(), import.seal.as_ref())?,
            opener: Opener::new(import)?,
            directory,
            revisions: import.revisions,
            compacted,
            // A store without a change is at revision one.
            revision: compacted.max(1),
            changes: 0,
            sealed: 0,
            opened: 0,
            beside,
        };
        importing.history(&file, progress)?;
        Ok(importing)
    }

    /// The newest revision that it has.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Puts and deletes so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How often users and roles had been changed.
    #[must_use]
    pub fn auth_revision(&self) -> u64 {
        self.beside.auth_revision
    }

    /// Takes what happened next, each at a newer revision than all before.
    ///
    /// # Errors
    /// [`OfflineError`].
    pub fn take(&mut self, happened: Vec<Happened>) -> Result<(), OfflineError> {
        let mut batch = Vec::with_capacity(happened.len());
        for Happened { revision, changes } in happened {
            let changes = changes.into_iter().map(|change| self.past(change));
            batch.push(PastRevision { revision, changes: changes.collect::<Result<_, _>>()? });
        }
        self.write(batch)
    }

    /// Whether these keys, which is all that the etcd has from `from` on up to the last of them, are here and nothing else is; of the
    /// last of all keys, `is_end` says so.
    ///
    /// # Errors
    /// [`OfflineError::Differs`], with the first key that differs.
    pub fn compare(&self, from: &[u8], theirs: &[KeyValue<Bytes>], is_end: bool) -> Result<(), OfflineError> {
        let range = KeyRange { start: Bytes::copy_from_slice(from), ..KeyRange::prefix(b"") };
        let limits = PieceLimits { keys: theirs.len() + usize::from(is_end), bytes: usize::MAX };
        let ours = self.store.view_once(|view| view.piece(&range, 0, limits))?.kvs;
        let differs = |key: &[u8]| OfflineError::Differs { key: String::from_utf8_lossy(key).into_owned() };
        for (at, kv) in theirs.iter().enumerate() {
            let own = ours.get(at).filter(|own| own.key == kv.key).ok_or_else(|| differs(&kv.key))?;
            let value = self.sealer.open(&own.key, own.value.clone())?;
            let their_value = self.opener.plain(kv)?.map_or_else(|| kv.value.clone(), Plain::release);
            let is_equal = (own.create_revision, own.mod_revision, own.version, own.lease)
                == (kv.create_revision, kv.mod_revision, kv.version, kv.lease);
            if !is_equal || value != their_value {
                return Err(differs(&kv.key));
            }
        }
        ours.get(theirs.len()).map_or(Ok(()), |surplus| Err(differs(&surplus.key)))
    }

    /// Leases as they are now, in the place of those in the file.
    pub fn set_leases(&mut self, leases: Vec<LeaseRecord>) {
        self.beside.leases = leases;
    }

    /// Makes the directory whole.
    ///
    /// # Errors
    /// [`OfflineError`]; nothing is left of it then.
    pub async fn finish(self) -> Result<Imported, OfflineError> {
        let Self { store, directory, sealer, revisions, compacted, revision, changes, sealed, opened, beside, .. } =
            self;
        let (rules, data_keys) = sealer.finish();
        let beside = Beside { revision, rules, data_keys, ..beside };
        store.take_in_beside(&beside)?;
        let (identity, revision) = directory.finish(store, None, revisions).await?;
        let (leases, users) = (beside.leases.len(), beside.users.len());
        Ok(Imported { identity, revision, compacted, changes, leases, users, sealed, opened })
    }

    /// Everything in the bucket of keys.
    fn history(&mut self, file: &EtcdFile, progress: &mut dyn FnMut(u64)) -> Result<(), OfflineError> {
        let (mut batch, mut changes, mut bytes) = (Vec::<PastRevision>::new(), 0, 0);
        file.each_change(&mut |revision, change| {
            bytes += change.value_bytes();
            let past = self.past(change)?;
            changes += 1;
            match batch.last_mut() {
                Some(last) if last.revision == revision => last.changes.push(past),
                _ => {
                    // Between two revisions only: one is carried out whole.
                    if changes > BATCH_CHANGES || bytes > BATCH_BYTES {
                        self.write(std::mem::take(&mut batch))?;
                        (changes, bytes) = (1, 0);
                        progress(self.changes);
                    }
                    batch.push(PastRevision { revision, changes: vec![past] });
                }
            }
            Ok(())
        })?;
        self.write(batch)
    }

    fn write(&mut self, batch: Vec<PastRevision>) -> Result<(), OfflineError> {
        let newest = batch.last().map_or(self.revision, |last| last.revision);
        self.store.take_in(batch, self.compacted)?;
        self.revision = self.revision.max(newest);
        Ok(())
    }

    /// The same, sealed. A page of a file, or a message, is not kept in memory for the sake of one key in it.
    fn past(&mut self, change: Change) -> Result<Past, OfflineError> {
        self.changes += 1;
        match change {
            Change::Delete(key) => Ok(Past::Delete(detached(&key))),
            Change::Put(kv) => {
                let value = self.stored(&kv)?;
                self.sealed += u64::from(value.is_sealed());
                let KeyValue { key, create_revision, mod_revision, version, lease, .. } = kv;
                Ok(Past::Put(KeyValue { key: detached(&key), create_revision, mod_revision, version, lease, value }))
            }
        }
    }

    /// The value as it is to be stored.
    fn stored(&mut self, kv: &KeyValue<Bytes>) -> Result<Sealed, OfflineError> {
        let Some(plain) = self.opener.plain(kv)? else {
            return Ok(self.sealer.seal(&kv.key, &detached(&kv.value).into())?);
        };
        self.opened += 1;
        let value = self.sealer.seal(&kv.key, &plain)?;
        if !value.is_sealed() && self.opener.refuses_plaintext() {
            return Err(OfflineError::WouldDecrypt { prefix: resource_prefix(&kv.key) });
        }
        Ok(value)
    }
}

fn detached(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

//! Opening what etcd wrote: a snapshot's file, or a member's data.

use std::{
    fs::{File, TryLockError},
    io::Read as _,
    path::{Path, PathBuf},
};

use bolt::{Bolt, Bucket};
use prost::Message as _;
use proto::mvccpb;

use super::{
    Change, bucket, name,
    records::{self, Revision},
    wal,
};
use crate::offline::OfflineError;

/// Length of the SHA-256 behind a snapshot.
const DIGEST_BYTES: u64 = 32;

/// A database is whole pages, so what is over is a digest: as `etcdutl` tells.
const UNIT_BYTES: u64 = 512;

/// Where a member's database is in its data directory, and its log.
const DATABASE: &str = "member/snap/db";
const LOG: &str = "member/wal";

/// A database of etcd that nobody changes meanwhile.
pub(super) struct EtcdFile {
    pub(super) path: PathBuf,
    pub(super) bolt: Bolt,
    /// Held so that no etcd opens it.
    _lock: Option<File>,
}

impl EtcdFile {
    /// Opens a snapshot or the data directory of a member that does not run.
    pub(super) fn open(path: &Path) -> Result<Self, OfflineError> {
        if !path.is_dir() {
            let bytes = database_bytes(path)?;
            let bolt = Bolt::open_prefix(path, bytes).map_err(|error| OfflineError::etcd(path, error))?;
            return Self::sound(path.to_owned(), bolt, None);
        }
        let database = path.join(DATABASE);
        let file = File::open(&database).map_err(OfflineError::file(&database))?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OfflineError::EtcdRuns { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(OfflineError::file(&database)(error)),
        }
        let bolt = Bolt::open(&database).map_err(|error| OfflineError::etcd(&database, error))?;
        let opened = Self::sound(database, bolt, Some(file))?;
        let log = path.join(LOG);
        match wal::missing(&log, opened.applied()?).map_err(OfflineError::file(&log))? {
            0 => Ok(opened),
            missing => Err(OfflineError::EtcdBehind { path: path.to_owned(), missing }),
        }
    }

    fn sound(path: PathBuf, bolt: Bolt, lock: Option<File>) -> Result<Self, OfflineError> {
        if bolt.meta_lost() {
            return Err(OfflineError::EtcdMeta { path });
        }
        Ok(Self { path, bolt, _lock: lock })
    }

    /// The bucket, if it is there.
    pub(super) fn bucket(&self, name: &[u8]) -> Result<Option<Bucket>, OfflineError> {
        self.bolt.bucket(name).map_err(|error| OfflineError::etcd(&self.path, error))
    }

    /// Everything in a bucket, as `parse` understands it.
    pub(super) fn all<T>(
        &self,
        name: &'static [u8],
        parse: impl Fn(bytes::Bytes) -> Option<T>,
    ) -> Result<Vec<T>, OfflineError> {
        let Some(bucket) = self.bucket(name)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in bucket.iter() {
            let (_, value) = entry.map_err(|error| OfflineError::etcd(&self.path, error))?;
            found.push(parse(value).ok_or_else(|| self.unreadable(name))?);
        }
        Ok(found)
    }

    /// Everything in the bucket of keys with its revision, in the order of revisions, which is that of the bucket.
    pub(super) fn each_change(
        &self,
        each: &mut dyn FnMut(i64, Change) -> Result<(), OfflineError>,
    ) -> Result<(), OfflineError> {
        let Some(keys) = self.bucket(bucket::KEY)? else { return Ok(()) };
        for entry in keys.iter() {
            let (at, value) = entry.map_err(|error| OfflineError::etcd(&self.path, error))?;
            let unreadable = || self.unreadable(bucket::KEY);
            let at = Revision::parse(&at).ok_or_else(unreadable)?;
            let kv = mvccpb::KeyValue::decode(value).ok().filter(|kv| !kv.key.is_empty()).ok_or_else(unreadable)?;
            let kv = records::key_value(kv);
            each(at.main, if at.is_tombstone { Change::Delete(kv.key) } else { Change::Put(kv) })?;
        }
        Ok(())
    }

    /// The revision of the last compaction, -1 for none. One that was only begun counts: etcd ends it at its next start.
    pub(super) fn compacted(&self) -> Result<i64, OfflineError> {
        let mut compacted = -1;
        for name in [name::COMPACTED, name::SCHEDULED] {
            if let Some(bytes) = self.entry(bucket::META, name)? {
                let revision = Revision::parse(&bytes).ok_or_else(|| self.unreadable(bucket::META))?;
                compacted = compacted.max(revision.main);
            }
        }
        Ok(compacted)
    }

    /// One entry of a bucket.
    pub(super) fn entry(&self, bucket: &[u8], key: &[u8]) -> Result<Option<bytes::Bytes>, OfflineError> {
        let Some(bucket) = self.bucket(bucket)? else { return Ok(None) };
        bucket.get(key).map_err(|error| OfflineError::etcd(&self.path, error))
    }

    /// A number of a bucket, big endian; zero where there is none.
    pub(super) fn number(&self, bucket: &'static [u8], key: &[u8]) -> Result<u64, OfflineError> {
        let Some(bytes) = self.entry(bucket, key)? else { return Ok(0) };
        let bytes = <[u8; 8]>::try_from(&bytes[..]).map_err(|_| self.unreadable(bucket))?;
        Ok(u64::from_be_bytes(bytes))
    }

    pub(super) fn unreadable(&self, bucket: &[u8]) -> OfflineError {
        let bucket = String::from_utf8_lossy(bucket).into_owned();
        OfflineError::EtcdRecord { path: self.path.clone(), bucket }
    }

    fn applied(&self) -> Result<u64, OfflineError> {
        self.number(bucket::META, name::CONSISTENT_INDEX)
    }
}

/// How much of a snapshot's file is the database: all but the SHA-256 behind it, which is checked.
fn database_bytes(path: &Path) -> Result<u64, OfflineError> {
    let file = OfflineError::file;
    let mut opened = File::open(path).map_err(file(path))?;
    let bytes = opened.metadata().map_err(file(path))?.len();
    if bytes % UNIT_BYTES != DIGEST_BYTES {
        return Ok(bytes);
    }
    let database_bytes = bytes - DIGEST_BYTES;
    let digest = archive::hash(opened.by_ref().take(database_bytes)).map_err(file(path))?;
    let mut expected = [0; DIGEST_BYTES as usize];
    opened.read_exact(&mut expected).map_err(file(path))?;
    if digest.finish().as_ref() != expected {
        return Err(OfflineError::EtcdDigest { path: path.to_owned() });
    }
    Ok(database_bytes)
}

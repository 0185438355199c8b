//! A snapshot of etcd, of what a snapshot of ours holds.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use archive::Contents;
use bolt::{BoltError, BucketWriter, Writer};
use bytes::Bytes;
use seal::{SealConfig, Sealed};
use store::{HistoryQuery, Store, View};
use types::{EventKind, KeyRange, KeyValue, RangeQuery};

use super::{
    bucket, name,
    records::{self, Revision},
};
use crate::offline::{
    OfflineError,
    inspect::{Keys, each_key},
};

/// History that is read at a time.
const REVISIONS: usize = 1000;
const REVISIONS_BYTES: usize = 8 << 20;

/// The version of etcd whose format is written: what newer ones keep beside is made by them at their first start.
const STORAGE_VERSION: &str = "3.5.0";

/// What is put behind the name of a file until it is whole.
const UNFINISHED: &str = "part";

/// What is to be exported, and how.
#[derive(Clone, Debug)]
pub struct Export {
    /// A snapshot of Strongroom.
    pub snapshot: PathBuf,
    /// The file to make; what has its name is replaced.
    pub to: PathBuf,
    /// The root keys that open what is sealed.
    pub seal: Option<SealConfig>,
    /// Whether values that are sealed may be written in plain text.
    pub writes_plaintext: bool,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The newest revision.
    pub revision: i64,
    /// Puts and deletes in history.
    pub changes: u64,
    /// Leases.
    pub leases: usize,
    /// Users.
    pub users: usize,
    /// Values that were opened.
    pub opened: u64,
}

/// Makes a snapshot that a stock `etcdutl snapshot restore` takes: every key with its revisions and version, as far back as they
/// were kept; leases, users and roles.
///
/// # Errors
/// [`OfflineError`]; nothing is left of the file then.
pub fn export(export: &Export, progress: &mut dyn FnMut(u64)) -> Result<Exported, OfflineError> {
    let Export { snapshot, to, seal, writes_plaintext } = export;
    let file = OfflineError::file;
    let dir = tempfile::tempdir().map_err(file(&std::env::temp_dir()))?;
    let current = Store::current(dir.path());
    let Contents { manifest, .. } = archive::read(snapshot, Some(&current))?;
    let keys = Keys::of(&current, manifest.cluster_id, seal.as_ref())?;
    let store = Store::open(dir.path())?;
    let unfinished = to.with_added_extension(UNFINISHED);
    // Of an attempt that did not get to its end.
    drop(fs::remove_file(&unfinished));
    let written = store.view_once(|view| {
        let mut exporting =
            Exporting { view, keys: &keys, writes_plaintext: *writes_plaintext, done: Exported::default() };
        exporting.database(&unfinished, progress)?;
        Ok::<_, OfflineError>(exporting.done)
    });
    let finished = written.and_then(|done| {
        add_digest(&unfinished).and_then(|()| archive::put_in_place(&unfinished, to)).map_err(file(to))?;
        Ok(done)
    });
    finished.inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

struct Exporting<'e> {
    view: &'e View<'e>,
    keys: &'e Keys,
    writes_plaintext: bool,
    done: Exported,
}

impl Exporting<'_> {
    /// The buckets, in the order of their names.
    fn database(&mut self, path: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), OfflineError> {
        let failed = |error| OfflineError::etcd(path, error);
        let (users, roles, leases) = (self.view.users()?, self.view.roles()?, self.view.leases()?);
        (self.done.users, self.done.leases) = (users.len(), leases.len());
        let mut writer = Writer::create(path).map_err(failed)?;
        let number = |name: &[u8], number: u64| (name.to_vec(), number.to_be_bytes().to_vec());
        let enabled = (name::AUTH_ENABLED.to_vec(), vec![u8::from(self.view.auth_enabled()?)]);
        fill(&mut writer, bucket::ALARM, Vec::new()).map_err(failed)?;
        fill(&mut writer, bucket::AUTH, vec![enabled, number(name::AUTH_REVISION, self.view.auth_revision()?)])
            .map_err(failed)?;
        let named = |name: &str, bytes| (name.as_bytes().to_vec(), bytes);
        let roles = roles.into_iter().map(|role| named(&role.name.clone(), records::encode_role(role)));
        fill(&mut writer, bucket::ROLES, roles.collect()).map_err(failed)?;
        let users = users.into_iter().map(|user| named(&user.name.clone(), records::encode_user(user)));
        fill(&mut writer, bucket::USERS, users.collect()).map_err(failed)?;
        let version = (name::CLUSTER_VERSION.to_vec(), STORAGE_VERSION.as_bytes().to_vec());
        fill(&mut writer, bucket::CLUSTER, vec![version]).map_err(failed)?;
        let mut keys = writer.bucket(bucket::KEY).map_err(failed)?;
        self.history(&mut keys, path, progress)?;
        keys.finish().map_err(failed)?;
        let mut leases: Vec<_> =
            leases.into_iter().map(|lease| (lease.id.to_be_bytes().to_vec(), records::encode_lease(lease))).collect();
        leases.sort();
        fill(&mut writer, bucket::LEASE, leases).map_err(failed)?;
        fill(&mut writer, bucket::MEMBERS, Vec::new()).map_err(failed)?;
        fill(&mut writer, bucket::MEMBERS_REMOVED, Vec::new()).map_err(failed)?;
        fill(&mut writer, bucket::META, self.meta()?).map_err(failed)?;
        writer.finish().map_err(failed)
    }

    fn meta(&self) -> Result<Entries, OfflineError> {
        let mut meta = vec![(name::CONSISTENT_INDEX.to_vec(), 1_u64.to_be_bytes().to_vec())];
        let compacted = self.view.compacted()?;
        if compacted > 0 {
            let revision = Revision { main: compacted, sub: 0, is_tombstone: false }.encode();
            meta.extend([(name::COMPACTED.to_vec(), revision.clone()), (name::SCHEDULED.to_vec(), revision)]);
        }
        meta.push((name::TERM.to_vec(), 1_u64.to_be_bytes().to_vec()));
        Ok(meta)
    }

    fn history(
        &mut self,
        bucket: &mut BucketWriter<'_>,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), OfflineError> {
        let (compacted, newest) = (self.view.compacted()?, self.view.revision()?);
        self.done.revision = newest;
        let mut put = |at: Revision, value: Vec<u8>| {
            bucket.put(&at.encode(), &value).map_err(|error| OfflineError::etcd(path, error))
        };
        if compacted > 0 {
            self.kept(compacted, &mut put)?;
        }
        let mut from = compacted.max(0) + 1;
        while from <= newest {
            let query = HistoryQuery {
                from,
                to: newest,
                wants: &|_, _, _| true,
                prev_kv: false,
                bytes_max: REVISIONS_BYTES,
                revisions_max: REVISIONS,
                entries_max: usize::MAX,
            };
            let history = self.view.history(&query)?;
            for revision in &history.revisions {
                for (sub, event) in revision.events.iter().enumerate() {
                    let is_tombstone = event.kind == EventKind::Delete;
                    let sub = i64::try_from(sub).unwrap_or(i64::MAX);
                    let value = if is_tombstone { blank(event.kv.key.clone()) } else { self.opened(event.kv.clone())? };
                    self.done.changes += 1;
                    put(Revision { main: revision.revision, sub, is_tombstone }, records::encode_key_value(value))?;
                }
            }
            progress(self.done.changes);
            from = history.next;
        }
        Ok(())
    }

    /// What the last compaction left of before: the keys as they were then, in the order of their revisions. Which of several of one
    /// revision came first is not known any more; they get the order of their names.
    fn kept(
        &mut self,
        compacted: i64,
        put: &mut dyn FnMut(Revision, Vec<u8>) -> Result<(), OfflineError>,
    ) -> Result<(), OfflineError> {
        let mut kept: Vec<(i64, Bytes)> = Vec::new();
        each_key(self.view, b"", compacted, &mut |kv| {
            kept.push((kv.mod_revision, kv.key));
            Ok(())
        })?;
        kept.sort();
        let (mut main, mut sub) = (0, 0);
        for (revision, key) in kept {
            (main, sub) = if revision == main { (main, sub + 1) } else { (revision, 0) };
            let query = RangeQuery { revision: compacted, ..RangeQuery::all(KeyRange::single(key)) };
            for kv in self.view.range(&query)?.kvs {
                let value = records::encode_key_value(self.opened(kv)?);
                self.done.changes += 1;
                put(Revision { main, sub, is_tombstone: false }, value)?;
            }
        }
        Ok(())
    }

    fn opened(&mut self, kv: KeyValue<Sealed>) -> Result<KeyValue<Bytes>, OfflineError> {
        if kv.value.is_sealed() {
            if !self.writes_plaintext {
                return Err(OfflineError::WouldOpen);
            }
            self.done.opened += 1;
        }
        kv.try_map(&mut |key, value| self.keys.open(key, value))
    }
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn fill(writer: &mut Writer, name: &[u8], entries: Entries) -> Result<(), BoltError> {
    let mut bucket = writer.bucket(name)?;
    entries.iter().try_for_each(|(key, value)| bucket.put(key, value))?;
    bucket.finish()
}

/// A deleted key, of which etcd keeps the name alone.
fn blank(key: Bytes) -> KeyValue<Bytes> {
    KeyValue { key, create_revision: 0, mod_revision: 0, version: 0, lease: 0, value: Bytes::new() }
}

/// Puts the SHA-256 of the file behind it, as `etcdutl` expects it of a snapshot.
fn add_digest(path: &Path) -> io::Result<()> {
    let digest = archive::hash(File::open(path)?)?.finish();
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(digest.as_ref())?;
    file.sync_all()
}

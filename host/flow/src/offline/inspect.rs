//! Looking into a snapshot or a data directory, and checking all of it.

use std::path::Path;

use archive::{Contents, Signature};
use bytes::Bytes;
use consensus::{AppliedLog, IDENTITY_FILE, Identity, LogError};
use seal::{Keyring, SealConfig, Sealed};
use store::{Findings, PieceLimits, Store, View};
use types::{KeyRange, KeyValue};

use super::OfflineError;
use crate::ending::state_dir;

/// Keys that are read at a time.
const PIECE: PieceLimits = PieceLimits { keys: 1000, bytes: 8 << 20 };

/// What is known of who wrote a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authenticity {
    /// A member of its cluster, with these data keys.
    Signed(Vec<u32>),
    /// There is no signature that the root keys at hand can check.
    Unsigned,
    /// No root keys were given.
    Unchecked,
}

/// A snapshot that is as it was written.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The file.
    pub contents: Contents,
    /// Who wrote it.
    pub authenticity: Authenticity,
    /// What is in it, and whether that fits together.
    pub findings: Findings,
}

/// A key of a snapshot, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The key.
    pub key: Bytes,
    /// The revision at which it was last put.
    pub mod_revision: i64,
    /// How often it was put since it was created.
    pub version: i64,
    /// Its lease, zero for none.
    pub lease: i64,
    /// Bytes of its value as it is stored.
    pub value_bytes: usize,
    /// Whether that is sealed.
    pub is_sealed: bool,
}

/// Checks every byte of a snapshot, whether what is in it fits together, and, with root keys, who wrote it and that every sealed value
/// opens. It is unpacked for that, into the folder for temporary files.
///
/// # Errors
/// [`OfflineError`] if it cannot be used at all; what is wrong within it is in [`Findings::faults`].
pub fn verify_snapshot(snapshot: &Path, seal: Option<&SealConfig>) -> Result<Verified, OfflineError> {
    let Unpacked { dir, contents } = Unpacked::of(snapshot)?;
    let current = Store::current(dir.path());
    let keys = Keys::of(&current, contents.manifest.cluster_id, seal)?;
    let authenticity = keys.authenticity(snapshot, &contents)?;
    let findings = keys.check(&current)?;
    Ok(Verified { contents, authenticity, findings })
}

/// Gives the keys of a snapshot that begin with a prefix, in order.
///
/// # Errors
/// The snapshot cannot be read, or what `each` answers.
pub fn list_snapshot(
    snapshot: &Path,
    prefix: &[u8],
    each: &mut dyn FnMut(ListedKey) -> std::io::Result<()>,
) -> Result<(), OfflineError> {
    let unpacked = Unpacked::of(snapshot)?;
    let store = Store::open(unpacked.dir.path())?;
    store.view_once(|view| {
        each_key(view, prefix, 0, &mut |kv| {
            let listed = ListedKey {
                mod_revision: kv.mod_revision,
                version: kv.version,
                lease: kv.lease,
                value_bytes: kv.value.bytes().len(),
                is_sealed: kv.value.is_sealed(),
                key: kv.key,
            };
            each(listed).map_err(OfflineError::Output)
        })
    })
}

/// Gives the keys that begin with a prefix as they were at a revision, zero for the newest, in order.
pub(super) fn each_key(
    view: &View<'_>,
    prefix: &[u8],
    revision: i64,
    each: &mut dyn FnMut(KeyValue<Sealed>) -> Result<(), OfflineError>,
) -> Result<(), OfflineError> {
    let mut left = Some(KeyRange::prefix(prefix));
    while let Some(range) = left {
        let piece = view.piece(&range, revision, PIECE)?;
        left = piece.kvs.last().filter(|_| piece.more).map(|last| range.behind(&last.key));
        piece.kvs.into_iter().try_for_each(&mut *each)?;
    }
    Ok(())
}

/// Checks the data directory of a member that does not run: its log, every block of its state, whether that fits together and fits the
/// log and, with root keys, that every sealed value opens. What is damaged is in [`Findings::faults`], each with what to do.
///
/// # Errors
/// [`OfflineError`] if it cannot be looked at: a member has it open, it is of another version, the root keys are not its own.
pub fn check_data(data_dir: &Path, seal: Option<&SealConfig>) -> Result<Findings, OfflineError> {
    if !data_dir.join(IDENTITY_FILE).is_file() {
        return Err(OfflineError::NoData { path: data_dir.to_owned() });
    }
    let identity = Identity::load(data_dir)?;
    let log = match consensus::check_log(data_dir) {
        Err(error) if !matches!(error, LogError::Damaged { .. } | LogError::Missing(_)) => return Err(error.into()),
        log => log,
    };
    let current = Store::current(&state_dir(data_dir));
    let mut findings = check_state(&current, identity.cluster_id, seal)?;
    let fault = match (log, AppliedLog::read(&current)) {
        // It never got as far as to its first entry.
        (Err(LogError::Missing(_)), Ok(AppliedLog { index: None, .. })) => None,
        (Err(error), _) => Some(format!("log: {error}")),
        (Ok(newest), Ok(applied)) => lost_entries(newest, &applied, identity.member_id),
        // That the state cannot be read was found before.
        (Ok(_), Err(_)) if findings.fault_count > 0 => None,
        (Ok(_), Err(error)) => Some(format!(
            "meta: how far the log is applied cannot be read: {error}; restore this member from a snapshot or from its peers"
        )),
    };
    if let Some(fault) = fault {
        // Before those of the state, of which not all may be told.
        findings.fault_count += 1;
        findings.faults.insert(0, fault);
    }
    Ok(findings)
}

/// All of a state; one that is damaged is a finding, too.
fn check_state(current: &Path, cluster_id: u64, seal: Option<&SealConfig>) -> Result<Findings, OfflineError> {
    let found = Keys::of(current, cluster_id, seal).and_then(|keys| keys.check(current));
    match found {
        Err(OfflineError::Store(error)) if error.is_damage() => {
            let mut findings = Findings::default();
            findings.note_damage(&error);
            Ok(findings)
        }
        found => found,
    }
}

/// A log that ends before what is applied. The state of one member of many may be ahead of its log at a crash, and the next start puts that
/// right: the others had committed what its own disk had not written yet, or had sent it a snapshot. Whoever votes alone applies nothing that
/// is not in the log.
fn lost_entries(newest: Option<u64>, applied: &AppliedLog, member_id: u64) -> Option<String> {
    let index = applied.index.filter(|index| newest.is_none_or(|newest| newest < *index))?;
    if !applied.voters.iter().eq([&member_id]) {
        return None;
    }
    let ends = newest.map_or_else(|| "has no entry".to_owned(), |newest| format!("ends with entry {newest}"));
    Some(format!(
        "log: it {ends}, and entry {index} is applied in the state: a part of the log is lost, or it was put back from an older copy. Put the \
         newest log back, or restore this member from a backup"
    ))
}

/// A snapshot, unpacked until it is let go of.
struct Unpacked {
    dir: tempfile::TempDir,
    contents: Contents,
}

impl Unpacked {
    fn of(snapshot: &Path) -> Result<Self, OfflineError> {
        let dir = tempfile::tempdir().map_err(OfflineError::file(&std::env::temp_dir()))?;
        let contents = archive::read(snapshot, Some(&Store::current(dir.path())))?;
        Ok(Self { dir, contents })
    }
}

/// The data keys of a state, as far as root keys were given.
pub(super) struct Keys(Option<Keyring>);

impl Keys {
    /// Those of the database at `current`, which nobody has open.
    pub(super) fn of(current: &Path, cluster_id: u64, seal: Option<&SealConfig>) -> Result<Self, OfflineError> {
        let (rules, keys) = Store::read_keyring(current)?;
        let providers = seal.map(SealConfig::open_providers).transpose()?.flatten();
        let open = |providers| Keyring::open(cluster_id, &rules, &keys, Some(&providers), None);
        Ok(Self(providers.map(open).transpose()?))
    }

    /// Who wrote a snapshot, as far as the keys tell.
    pub(super) fn authenticity(&self, snapshot: &Path, contents: &Contents) -> Result<Authenticity, OfflineError> {
        let Some(keyring) = &self.0 else { return Ok(Authenticity::Unchecked) };
        let mut signed = Vec::new();
        for Signature { data_key, mac } in &contents.signatures {
            match keyring.verify(contents.sums.as_bytes(), *data_key, mac) {
                Some(true) => signed.push(*data_key),
                Some(false) => return Err(OfflineError::Forged { path: snapshot.to_owned() }),
                None => {}
            }
        }
        Ok(if signed.is_empty() { Authenticity::Unsigned } else { Authenticity::Signed(signed) })
    }

    /// A value as whoever wrote it knows it.
    pub(super) fn open(&self, key: &[u8], value: Sealed) -> Result<Bytes, OfflineError> {
        match &self.0 {
            Some(keyring) => Ok(keyring.open_value(key, value)?.release()),
            None if value.is_sealed() => Err(OfflineError::NoRootKey),
            None => Ok(Keyring::empty(0).open_value(key, value)?.release()),
        }
    }

    fn check(&self, current: &Path) -> Result<Findings, OfflineError> {
        let open =
            self.0.as_ref().map(|keyring| move |key: &[u8], value: Sealed| keyring.open_value(key, value).map(drop));
        let opens = open.as_ref().map(|open| open as &dyn Fn(&[u8], Sealed) -> Result<(), seal::SealError>);
        Ok(store::check(current, opens)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_votes_alone_has_lost_what_its_log_does_not_have() {
        let applied = |index, voters: &[u64]| AppliedLog { index, voters: voters.iter().copied().collect() };
        let alone = applied(Some(9), &[7]);
        for sound in [Some(9), Some(10)] {
            assert_eq!(lost_entries(sound, &alone, 7), None);
        }
        assert!(lost_entries(Some(8), &alone, 7).is_some_and(|fault| fault.contains("ends with entry 8")));
        assert!(lost_entries(None, &alone, 7).is_some_and(|fault| fault.contains("has no entry")));
        assert_eq!(lost_entries(None, &applied(None, &[7]), 7), None);
        assert_eq!(lost_entries(Some(8), &applied(Some(9), &[7, 8, 9]), 7), None, "a crash leaves it so");
        assert_eq!(lost_entries(None, &alone, 8), None, "a learner that got a snapshot");
    }
}

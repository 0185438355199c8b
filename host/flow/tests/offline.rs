//! Snapshots that become new clusters, what is imported, and data directories that are checked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::fixture::{config, put, read, write};
use archive::{Archive, Sign};
use auth::{Administrator, Auditor, BackupOperator, Caller};
use flow::{
    Member, MemberConfig, SnapshotStart,
    offline::{self, AsOf, Authenticity, Export, Founding, Import, OfflineError, Restore, Restored, Revisions},
};
use seal::{DataKeyRecord, KeyFile, KeyState, SealConfig, unwrap_elsewhere};
use store::Store;
use types::{DeleteRange, KeyRange, Operation, RangeQuery};

const PEER_URL: &str = "http://127.0.0.1:1";

/// Longer than any of what is waited for takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file with a snapshot of the member.
async fn saved(member: &Member, path: PathBuf) -> PathBuf {
    let mut snapshot = member.snapshot(&BackupOperator::bootstrap(), SnapshotStart::Once).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = snapshot.pieces.recv().await {
        bytes.extend_from_slice(&piece.unwrap().blob);
    }
    fs::write(&path, bytes).unwrap();
    path
}

/// The configuration of a member with the root key of `home` and data of its own.
fn elsewhere(home: &Path, name: &str) -> MemberConfig {
    MemberConfig { data_dir: home.join(name), cluster_token: name.to_owned(), ..config(home, &["/s/"]) }
}

fn restore_of(snapshot: &Path, config: &MemberConfig) -> Restore {
    let founding = Founding {
        data_dir: config.data_dir.clone(),
        own_urls: vec![PEER_URL.to_owned()],
        cluster_urls: vec![vec![PEER_URL.to_owned()]],
        cluster_token: config.cluster_token.clone(),
    };
    let revisions = Revisions::default();
    let (seal, as_of) = (config.seal.clone(), None);
    Restore { snapshot: snapshot.to_owned(), founding, as_of, revisions, seal, accepts_unsigned: false }
}

/// A member with something to restore, which has stopped, and its snapshot.
async fn source(home: &Path) -> PathBuf {
    let member = Member::start(config(home, &["/s/"])).await.unwrap();
    for (key, value) in [("/s/a", "first"), ("/s/a", "second"), ("/p/b", "plain")] {
        write(&member, put(key, value)).await.unwrap();
    }
    let file = saved(&member, home.join("snapshot.db")).await;
    member.shutdown().await;
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_of_one_snapshot_have_its_data_and_share_no_data_key_that_seals() {
    let home = tempfile::tempdir().unwrap();
    let snapshot = source(home.path()).await;
    let (mut materials, mut clusters) = (Vec::new(), Vec::new());
    for name in ["one", "other"] {
        let config = elsewhere(home.path(), name);
        let Restored { identity, revision, authenticity, .. } =
            offline::restore(restore_of(&snapshot, &config)).await.unwrap();
        assert_eq!((revision, authenticity), (4, Authenticity::Signed(vec![1])));
        assert_eq!(offline::check_data(&config.data_dir, config.seal.as_ref()).unwrap().fault_count, 0);
        let member = Member::start(config).await.unwrap();
        assert_eq!(member.header().cluster_id, identity.cluster_id);
        assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"second"[..]));
        assert_eq!(read(&member, "/p/b").await.as_deref(), Some(&b"plain"[..]));
        let before = RangeQuery { revision: 2, ..RangeQuery::all(KeyRange::single("/s/a")) };
        let before = member.range(&Caller::internal(), before).await.unwrap().body.kvs;
        assert_eq!(before[0].value.expose(), b"first");
        assert_eq!(write(&member, put("/s/a", "third")).await.unwrap(), 5);
        assert!(member.wait_settled(&Auditor::bootstrap(), PATIENCE).await.unwrap().0);
        let states: Vec<_> = member
            .key_status(&Auditor::bootstrap())
            .await
            .unwrap()
            .keys
            .iter()
            .map(|key| (key.id, key.state))
            .collect();
        assert_eq!(states, [(1, KeyState::Destroyed), (2, KeyState::Active)], "all is sealed with the new one");
        let (cluster_id, records) = member.wrapped_keys(&Administrator::bootstrap()).unwrap();
        for record in records {
            let record = DataKeyRecord::decode(record).unwrap();
            let root = KeyFile::open(home.path().join("root.key")).unwrap();
            materials.push(unwrap_elsewhere(cluster_id, &record, root).unwrap());
        }
        clusters.push(identity.cluster_id);
        member.shutdown().await;
    }
    assert_ne!(clusters[0], clusters[1]);
    let [one, other] = &materials[..] else { panic!("{} data keys", materials.len()) };
    assert_ne!(one[..32], other[..32]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_are_raised_and_compacted_as_asked() {
    let home = tempfile::tempdir().unwrap();
    let snapshot = source(home.path()).await;
    let config = elsewhere(home.path(), "raised");
    let restore = Restore {
        revisions: Revisions { bump: 1000, mark_compacted: true },
        seal: None,
        ..restore_of(&snapshot, &config)
    };
    let restored = offline::restore(restore.clone()).await.unwrap();
    assert_eq!((restored.revision, restored.authenticity), (1004, Authenticity::Unchecked));
    let again = offline::restore(restore).await.unwrap_err();
    assert!(matches!(again, OfflineError::Exists { .. }), "what is there is never overwritten: {again}");
    let member = Member::start(config).await.unwrap();
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"second"[..]));
    let old = RangeQuery { revision: 4, ..RangeQuery::all(KeyRange::single("/s/a")) };
    let old = member.range(&Caller::internal(), old).await.map(drop).unwrap_err();
    assert!(matches!(old, flow::FlowError::Compacted), "{old}");
    assert_eq!(write(&member, put("/p/c", "x")).await.unwrap(), 1005);
    member.shutdown().await;
}

/// A fatal delete is undone from a snapshot that was made after it, also of what is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_restored_as_of_an_earlier_revision() {
    let home = tempfile::tempdir().unwrap();
    let member = Member::start(config(home.path(), &["/s/"])).await.unwrap();
    for (key, value) in [("/s/a", "first"), ("/s/a", "second"), ("/p/b", "plain")] {
        write(&member, put(key, value)).await.unwrap();
    }
    let delete = DeleteRange { range: KeyRange::prefix(b"/"), prev_kv: false };
    member.write(&Caller::internal(), Operation::DeleteRange(delete)).await.unwrap();
    write(&member, put("/s/a", "too late")).await.unwrap();
    let snapshot = saved(&member, home.path().join("snapshot.db")).await;
    member.shutdown().await;
    let config = elsewhere(home.path(), "earlier");
    for outside in [0, 7] {
        let restore = Restore { as_of: Some(AsOf::Revision(outside)), ..restore_of(&snapshot, &config) };
        let refused = offline::restore(restore).await.unwrap_err();
        assert!(matches!(refused, OfflineError::NoSuchRevision { oldest: 1, newest: 6, .. }), "{refused}");
        assert!(!config.data_dir.exists());
    }
    let restore = Restore { as_of: Some(AsOf::Revision(4)), ..restore_of(&snapshot, &config) };
    let restored = offline::restore(restore).await.unwrap();
    assert_eq!((restored.revision, restored.rewound.events), (4, 3));
    assert_eq!(offline::check_data(&config.data_dir, config.seal.as_ref()).unwrap().fault_count, 0);
    let member = Member::start(config).await.unwrap();
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"second"[..]));
    assert_eq!(read(&member, "/p/b").await.as_deref(), Some(&b"plain"[..]));
    assert_eq!(write(&member, put("/s/a", "third")).await.unwrap(), 5);
    member.shutdown().await;
}

/// Sums can be made by anybody; what cannot is the signature over them.
#[tokio::test(flavor = "multi_thread")]
async fn who_changes_a_snapshot_is_found_out_by_whoever_has_the_root_key() {
    let home = tempfile::tempdir().unwrap();
    let snapshot = source(home.path()).await;
    let unpacked = home.path().join("unpacked");
    let contents = archive::read(&snapshot, Some(&unpacked)).unwrap();
    assert_eq!(contents.signatures.len(), 1);
    fs::write(unpacked.join("smuggled"), "in").unwrap();
    let forge = |name: &str, signatures: Vec<archive::Signature>| {
        let sign = Sign { count: signatures.len(), sign: Box::new(move |_| signatures.clone()) };
        let file = home.path().join(name);
        Archive::of(&contents.manifest, &unpacked, Some(sign)).unwrap().save(&file).unwrap();
        file
    };
    let config = elsewhere(home.path(), "forged");
    let forged = forge("forged.db", contents.signatures.clone());
    let refused = offline::restore(restore_of(&forged, &config)).await.unwrap_err();
    assert!(matches!(refused, OfflineError::Forged { .. }), "{refused}");
    let unsigned = forge("unsigned.db", Vec::new());
    let refused = offline::restore(restore_of(&unsigned, &config)).await.unwrap_err();
    assert!(matches!(refused, OfflineError::Unsigned { .. }), "{refused}");
    assert!(!config.data_dir.exists(), "nothing is left of what was refused");
    let accepted = Restore { accepts_unsigned: true, ..restore_of(&unsigned, &config) };
    assert_eq!(offline::restore(accepted).await.unwrap().authenticity, Authenticity::Unsigned);
    let wrong = elsewhere(tempfile::tempdir().unwrap().path(), "wrong");
    let refused = Restore { seal: wrong.seal, ..restore_of(&snapshot, &elsewhere(home.path(), "wrong-root")) };
    let refused = offline::restore(refused).await.unwrap_err();
    assert!(matches!(refused, OfflineError::Seal(_)), "{refused}");
}

/// Data keys are made by each import anew, and what is read from an etcd that runs is of another moment each time. One file without
/// sealed prefixes makes the same state on every member.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_for_several_members_is_refused_unless_they_would_begin_alike() {
    let home = tempfile::tempdir().unwrap();
    let (snapshot, etcds) = (source(home.path()).await, home.path().join("etcd.db"));
    let seal = config(home.path(), &["/s/"]).seal;
    let export = Export { snapshot, to: etcds.clone(), seal: seal.clone(), writes_plaintext: true };
    offline::export(&export, &mut |_| {}).unwrap();
    let peers = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
    let import_of = |member: usize, seal: Option<SealConfig>, follows: bool| {
        let founding = Founding {
            data_dir: home.path().join(format!("imported{member}")),
            own_urls: vec![peers[member].to_owned()],
            cluster_urls: peers.iter().map(|url| vec![(*url).to_owned()]).collect(),
            cluster_token: "imported".to_owned(),
        };
        let revisions = Revisions::default();
        let source = etcds.clone();
        Import { source, founding, revisions, seal, decryption: None, writes_plaintext: false, follows }
    };
    for refused in [import_of(0, seal.clone(), false), import_of(0, None, true), import_of(0, seal.clone(), true)] {
        let error = offline::import(&refused, &mut |_| {}).await.unwrap_err();
        let is_told = match error {
            OfflineError::SealsForSeveral { members } => members == 2 && !refused.follows,
            OfflineError::FollowsForSeveral { members } => members == 2 && refused.follows,
            _ => false,
        };
        assert!(is_told && error.to_string().contains("add the others as learners"), "{error}");
        assert!(!refused.founding.data_dir.exists());
    }
    let mut states = Vec::new();
    for member in 0..peers.len() {
        let import = import_of(member, None, false);
        let imported = offline::import(&import, &mut |_| {}).await.unwrap();
        assert_eq!(offline::check_data(&import.founding.data_dir, None).unwrap().fault_count, 0);
        let store = Store::open(&import.founding.data_dir.join("state")).unwrap();
        let hash = store.view(|view| view.hash_kv(0)).unwrap();
        let applied = store.view(|view| view.applied_state()).unwrap();
        store.close().unwrap();
        states.push((imported.identity.cluster_id, imported.revision, hash, applied));
    }
    assert_eq!(states[0], states[1]);
    let alone = import_of(0, seal, false);
    let founding = Founding {
        data_dir: home.path().join("alone"),
        cluster_urls: vec![alone.founding.own_urls.clone()],
        ..alone.founding.clone()
    };
    let imported = offline::import(&Import { founding, ..alone }, &mut |_| {}).await.unwrap();
    assert_eq!(imported.sealed, 2, "for one member it is sealed on the way");
}

/// What a check of the data directory finds.
fn faults(config: &MemberConfig) -> Vec<String> {
    let findings = offline::check_data(&config.data_dir, config.seal.as_ref()).unwrap();
    assert_eq!(findings.fault_count, findings.faults.len() as u64);
    findings.faults
}

/// The one fault that a check of the data directory finds.
fn fault(config: &MemberConfig) -> String {
    let mut faults = faults(config);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Files of a folder that end so, the largest last.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == ending)).collect();
    files.sort_by_key(|path| fs::metadata(path).unwrap().len());
    files
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_cut_or_damaged_is_found_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let config = config(home.path(), &["/s/"]);
    let (log, older, newer) = (config.data_dir.join("log"), home.path().join("older"), home.path().join("newer"));
    let write_some = async |keys: usize| {
        let member = Member::start(config.clone()).await.unwrap();
        for key in 0..keys {
            write(&member, put(format!("/p/{key}"), &"x".repeat(1000))).await.unwrap();
        }
        member.shutdown().await;
    };
    write_some(20).await;
    assert!(faults(&config).is_empty());
    copy_folder(&log, &older);
    write_some(20).await;
    assert!(faults(&config).is_empty());

    fs::rename(&log, &newer).unwrap();
    let gone = fault(&config);
    assert!(gone.contains("there is no raft log in") && gone.contains("restored from a backup"), "{gone}");
    assert!(!log.exists(), "a check makes nothing");
    fs::create_dir(&log).unwrap();
    fs::write(log.join("lock"), "").unwrap();
    assert!(fault(&config).contains("there is no raft log in"));
    assert_eq!(fs::read_dir(&log).unwrap().count(), 1);

    fs::remove_dir_all(&log).unwrap();
    fs::rename(&older, &log).unwrap();
    let cut = fault(&config);
    assert!(cut.contains("log: it ends with entry") && cut.contains("Put the newest log back"), "{cut}");

    // The header of a segment, and a block of the state: both are told.
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&newer, &log).unwrap();
    assert!(faults(&config).is_empty());
    let segments = files(&log, "log");
    flip(segments.last().unwrap(), 0);
    assert!(fault(&config).contains("is damaged at byte 0"));
    let tables = files(&config.data_dir.join("state/current"), "sst");
    flip(tables.last().unwrap(), 10);
    let both = faults(&config);
    assert!(both.len() > 1 && both[0].starts_with("log: ") && both[0].contains("is damaged at byte 0"), "{both:?}");
}

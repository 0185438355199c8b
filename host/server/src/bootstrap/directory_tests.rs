//! The dev directory: made once, found again, and refused for clear reasons.

use super::*;

fn open(path: &Path) -> Result<DevDirectory, ServerError> {
    DevDirectory::open(path, None, OffsetDateTime::now_utc())
}

#[test]
fn a_second_start_finds_the_same_root_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dev");
    let key = || fs::read(path.join("keys/root.key")).unwrap();
    drop(open(&path).unwrap());
    let first = key();
    fs::create_dir(path.join("data")).unwrap();
    drop(open(&path).unwrap());
    assert_eq!(key(), first);
}

#[test]
fn a_missing_root_key_is_never_replaced_once_there_is_data() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::remove_file(dir.path().join("keys/root.key")).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), ServerError::RootKeyMissing { .. }));
    assert!(!dir.path().join("keys/root.key").exists());
}

#[test]
fn a_damaged_root_key_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::write(dir.path().join("keys/root.key"), "nonsense").unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), ServerError::RootKey(_)));
}

#[test]
fn the_number_of_members_is_that_of_the_first_start() {
    let dir = tempfile::tempdir().unwrap();
    let open = |members| DevDirectory::open(dir.path(), members, OffsetDateTime::now_utc());
    assert_eq!(open(Some(3)).unwrap().members(), 3);
    let again = open(None).unwrap();
    assert_eq!((again.members(), again.certificates().members.len()), (3, 3));
    assert!(again.certificates().members.iter().all(|member| member.peer.key.exists()));
    drop(again);
    let error = open(Some(1)).unwrap_err().to_string();
    assert!(error.contains("made for 3 members"), "{error}");

    let older = tempfile::tempdir().unwrap();
    fs::write(older.path().join("format"), format!("{FORMAT}\n")).unwrap();
    fs::create_dir_all(older.path().join("data")).unwrap();
    fs::create_dir_all(older.path().join("keys")).unwrap();
    seal::KeyFile::create(older.path().join("keys/root.key")).unwrap();
    assert_eq!(super::tests::open(older.path()).unwrap().members(), 1);
    assert!(DevDirectory::open(older.path(), Some(3), OffsetDateTime::now_utc()).is_err());
}

#[test]
fn one_process_per_directory() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), ServerError::DirectoryInUse { .. }));
    drop(held);
    open(dir.path()).unwrap();
}

#[test]
fn a_directory_of_another_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("format"), "strongroom-dev-99\n").unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("another version") && error.contains("strongroom-dev-99"), "{error}");
    assert!(!dir.path().join("certs").exists());
}

#[test]
fn a_directory_of_something_else_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "chapter 1").unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), ServerError::ForeignDirectory { .. }));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_first_start_that_was_interrupted_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lock"), "").unwrap();
    open(dir.path()).unwrap();
}

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::provider::conformance::{Subject, conforms};
use crate::provider::key_line::{FILE_BYTES_MAX, MARKER};

struct Created {
    file: KeyFile,
    _directory: tempfile::TempDir,
}

impl Subject for Created {
    type Provider = KeyFile;

    fn make() -> Self {
        let (directory, path) = scratch();
        Self { file: KeyFile::create(path).unwrap(), _directory: directory }
    }

    fn provider(&self) -> &KeyFile {
        &self.file
    }

    fn secrets(&self) -> Vec<Vec<u8>> {
        vec![self.file.key.expose().to_vec()]
    }
}

conforms!(Created);

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    (directory, path)
}

fn write_text(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_created_key_is_found_again() {
    let (_directory, path) = scratch();
    let created = KeyFile::create(&path).unwrap();
    let opened = KeyFile::open(&path).unwrap();
    assert_eq!(opened.name(), created.name());
    let blob = created.wrap(b"data key", b"aad").unwrap();
    assert_eq!(opened.unwrap(&blob, b"aad").unwrap().as_slice(), b"data key");
    assert!(matches!(opened.unwrap(&blob, b"other"), Err(SealError::NotUnwrapped { .. })));
}

#[test]
fn a_created_file_is_one_line_for_its_owner_only() {
    let (_directory, path) = scratch();
    KeyFile::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.len(), FILE_BYTES_MAX);
    assert!(text.starts_with("strongroom-root-key-v1:") && text.ends_with("=\n"));
}

#[test]
fn two_created_keys_differ() {
    let (one, other) = (scratch(), scratch());
    assert_ne!(KeyFile::create(&one.1).unwrap().name(), KeyFile::create(&other.1).unwrap().name());
}

#[test]
fn a_key_file_is_never_overwritten() {
    let (_directory, path) = scratch();
    KeyFile::create(&path).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(KeyFile::create(&path), Err(SealError::KeyFileExists { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn only_modes_that_keep_others_out_are_accepted() {
    let (_directory, path) = scratch();
    KeyFile::create(&path).unwrap();
    for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o700, false), (0o4600, false)]
    {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match KeyFile::open(&path) {
            Ok(_) => assert!(good, "{mode:o}"),
            Err(error) => {
                assert!(!good && error.to_string().contains(&format!("has mode {mode:04o}")), "{mode:o}: {error}");
            }
        }
    }
}

#[test]
fn what_is_missing_or_not_a_file_is_said_so() {
    let (directory, path) = scratch();
    let error = KeyFile::open(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no root key file at {}", path.display()));
    assert!(matches!(KeyFile::open(directory.path()), Err(SealError::KeyFileMalformed { .. })));
    assert!(matches!(KeyFile::create(path.join("below")), Err(SealError::Io { .. })));
}

#[test]
fn other_text_is_refused_without_repeating_it() {
    let (_directory, path) = scratch();
    KeyFile::create(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let key = good.trim_end().strip_prefix(MARKER).unwrap();
    let wrong = [
        String::new(),
        key.to_owned(),
        format!("strongroom-root-key-v2:{key}\n"),
        format!("{MARKER}{}\n", &key[1..]),
        format!("{MARKER}?{}\n", &key[1..]),
        format!("{MARKER}{}A\n", &key[..43]),
        format!("{good}\n"),
        format!(" {good}"),
        good.repeat(1000),
    ];
    for text in wrong {
        write_text(&path, &text);
        let error = KeyFile::open(&path).unwrap_err();
        assert!(matches!(error, SealError::KeyFileMalformed { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains(&key[20..30]));
    }
    write_text(&path, good.trim_end());
    assert!(KeyFile::open(&path).is_ok(), "an editor may drop the newline");
}

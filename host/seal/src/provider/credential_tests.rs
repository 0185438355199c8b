use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::KeyFile;
use crate::provider::conformance::{Subject, conforms};

const NAME: &str = "strongroom-root-key";

/// A directory as systemd leaves it, and the key file whose line was made a credential.
fn passed() -> (tempfile::TempDir, KeyFile) {
    let directory = tempfile::tempdir().unwrap();
    let file = KeyFile::create(directory.path().join("root.key")).unwrap();
    let path = directory.path().join(NAME);
    fs::copy(file.path(), &path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    (directory, file)
}

struct Passed {
    credential: Credential,
    _directory: tempfile::TempDir,
}

impl Subject for Passed {
    type Provider = Credential;

    fn make() -> Self {
        let (directory, _) = passed();
        let credential = Credential::open(directory.path(), NAME).unwrap();
        Self { credential, _directory: directory }
    }

    fn provider(&self) -> &Credential {
        &self.credential
    }

    fn secrets(&self) -> Vec<Vec<u8>> {
        vec![self.credential.key.expose().to_vec()]
    }
}

conforms!(Passed);

#[test]
fn a_key_may_move_from_a_file_to_a_credential() {
    let (directory, file) = passed();
    let blob = file.wrap(b"data key", b"aad").unwrap();
    fs::remove_file(file.path()).unwrap();
    let credential = Credential::open(directory.path(), NAME).unwrap();
    assert_eq!(credential.name(), file.name());
    assert_eq!(credential.path(), directory.path().join(NAME));
    assert_eq!(credential.unwrap(&blob, b"aad").unwrap().as_slice(), b"data key");
}

#[test]
fn owner_and_group_may_read_it_and_nobody_else() {
    let (directory, _file) = passed();
    let path = directory.path().join(NAME);
    for (mode, good) in [
        (0o400, true),
        (0o440, true),
        (0o600, true),
        (0o640, true),
        (0o444, false),
        (0o604, false),
        (0o660, false),
        (0o500, false),
        (0o4400, false),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match Credential::open(directory.path(), NAME) {
            Ok(_) => assert!(good, "{mode:o}"),
            Err(error) => {
                assert!(!good && error.to_string().contains(&format!("has mode {mode:04o}")), "{mode:o}: {error}");
            }
        }
    }
}

#[test]
fn a_credential_is_called_by_a_plain_file_name() {
    let (directory, _file) = passed();
    fs::create_dir(directory.path().join("below")).unwrap();
    let absolute = directory.path().join(NAME).display().to_string();
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    for name in ["", ".", "..", "below/../strongroom-root-key", "./strongroom-root-key", "a\0b", &absolute, &long] {
        let refused = Credential::open(directory.path(), name);
        assert!(matches!(refused, Err(SealError::CredentialName { .. })), "{name}");
    }
    let missing = Credential::open(directory.path(), "other").unwrap_err();
    assert!(missing.to_string().ends_with("/other"), "{missing}");
    assert!(matches!(Credential::open(directory.path(), "below"), Err(SealError::KeyFileMalformed { .. })));
}

#[test]
fn without_systemd_the_error_says_what_is_missing() {
    assert_eq!(directory(Some("/run/credentials/x".into())).unwrap(), Path::new("/run/credentials/x"));
    for unset in [None, Some(OsString::new())] {
        let error = directory(unset).unwrap_err();
        assert!(error.to_string().starts_with("CREDENTIALS_DIRECTORY is not set"), "{error}");
    }
}

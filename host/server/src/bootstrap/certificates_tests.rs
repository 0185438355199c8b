//! Certificates: what is made, verifies; what is there, is kept; what ends, is made again.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, client::WebPkiServerVerifier};

use super::*;

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn der(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(&pair.certificate).unwrap()
}

fn roots(all: &Certificates) -> std::sync::Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(&all.authority)).unwrap();
    roots.into()
}

fn accepts_client(all: &Certificates, pair: &Pair) -> bool {
    let provider = rustls::crypto::ring::default_provider().into();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(all), provider).build().unwrap();
    verifier.verify_client_cert(&der(pair), &[], UnixTime::now()).is_ok()
}

fn accepts_server(all: &Certificates, pair: &Pair, name: &'static str) -> bool {
    use rustls::client::danger::ServerCertVerifier;
    let provider = rustls::crypto::ring::default_provider().into();
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(all), provider).build().unwrap();
    let name = ServerName::try_from(name).unwrap();
    verifier.verify_server_cert(&der(pair), &[], &name, &[], UnixTime::now()).is_ok()
}

#[test]
fn certificates_verify_for_their_purpose_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let all = Certificates::ensure(dir.path(), 1, OffsetDateTime::now_utc()).unwrap();
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert!(accepts_server(&all, &all.members[0].server, name), "{name}");
        assert!(accepts_server(&all, &all.members[0].peer, name), "{name}");
    }
    assert!(!accepts_server(&all, &all.members[0].server, "example.org"));
    assert!(!accepts_server(&all, &all.client, "localhost"));
    assert!(
        accepts_client(&all, &all.client)
            && accepts_client(&all, &all.admin)
            && accepts_client(&all, &all.members[0].peer)
    );
    assert!(!accepts_client(&all, &all.members[0].server));
}

#[test]
fn only_the_administrator_carries_the_administrators_name() {
    let dir = tempfile::tempdir().unwrap();
    let all = Certificates::ensure(dir.path(), 1, OffsetDateTime::now_utc()).unwrap();
    let identity = |pair: &Pair| auth::Identity::from_der(&der(pair)).unwrap();
    assert_eq!(identity(&all.admin).uris(), [ADMINISTRATOR]);
    assert_eq!(identity(&all.client).common_name(), Some("dev-client"));
    assert!(identity(&all.client).uris().is_empty());
}

#[test]
fn keys_are_for_their_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let all = Certificates::ensure(dir.path(), 1, OffsetDateTime::now_utc()).unwrap();
    for pair in [&all.authority, &all.members[0].server, &all.members[0].peer, &all.client, &all.admin] {
        assert_eq!(fs::metadata(&pair.key).unwrap().permissions().mode() & 0o777, 0o600, "{}", pair.key.display());
    }
}

#[test]
fn a_second_start_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let now = OffsetDateTime::now_utc();
    Certificates::ensure(dir.path(), 1, now).unwrap();
    let first = files(dir.path());
    Certificates::ensure(dir.path(), 1, now + Duration::days(i64::from(LEAF_DAYS) - RENEWAL_DAYS - 1)).unwrap();
    assert_eq!(files(dir.path()), first);
    assert_eq!(first.len(), 10);
}

#[test]
fn leaves_near_their_end_are_issued_again_by_the_same_authority() {
    let dir = tempfile::tempdir().unwrap();
    let now = OffsetDateTime::now_utc();
    Certificates::ensure(dir.path(), 1, now - Duration::days(i64::from(LEAF_DAYS) - RENEWAL_DAYS + 1)).unwrap();
    let first = files(dir.path());
    let all = Certificates::ensure(dir.path(), 1, now).unwrap();
    let second = files(dir.path());
    assert_eq!(second[&all.authority.certificate], first[&all.authority.certificate]);
    assert_ne!(second[&all.client.certificate], first[&all.client.certificate]);
    assert!(accepts_client(&all, &all.client) && accepts_server(&all, &all.members[0].server, "localhost"));
}

#[test]
fn a_lost_authority_is_made_again_with_all_that_it_issued() {
    let dir = tempfile::tempdir().unwrap();
    let now = OffsetDateTime::now_utc();
    let all = Certificates::ensure(dir.path(), 1, now).unwrap();
    fs::remove_file(&all.authority.key).unwrap();
    Certificates::ensure(dir.path(), 1, now).unwrap();
    assert!(accepts_client(&all, &all.client) && accepts_server(&all, &all.members[0].server, "localhost"));
}

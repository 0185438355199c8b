//! When a session may be resumed, who is let in, and that replaced files count.

use std::fs;
use std::path::Path;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::bootstrap::Certificates;
use crate::config::AllowedNames;

fn made() -> (tempfile::TempDir, Certificates) {
    let directory = tempfile::tempdir().unwrap();
    let made = Certificates::ensure(directory.path(), 1, OffsetDateTime::now_utc()).unwrap();
    (directory, made)
}

fn files(made: &Certificates) -> TlsFiles {
    let authority = Some(made.authority.certificate.clone());
    TlsFiles::mutual(made.members[0].server.certificate.clone(), made.members[0].server.key.clone(), authority)
}

fn issuer(made: &Certificates) -> Issuer<'static, KeyPair> {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let key = KeyPair::from_pem(&read(&made.authority.key)).unwrap();
    Issuer::from_ca_cert_pem(&read(&made.authority.certificate), key).unwrap()
}

/// A client's certificate with a common name, a host name and a serial number.
fn client(made: &Certificates, name: &str, serial: u64) -> CertificateDer<'static> {
    certificate(made, name, serial, ExtendedKeyUsagePurpose::ClientAuth)
}

fn certificate(
    made: &Certificates,
    name: &str,
    serial: u64,
    purpose: ExtendedKeyUsagePurpose,
) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params.signed_by(&KeyPair::generate().unwrap(), &issuer(made)).unwrap().der().clone()
}

/// A list of revoked certificates that counts for a day.
fn revocations(made: &Certificates, serials: &[u64]) -> String {
    revocations_for(made, serials, Duration::days(1))
}

fn revocations_for(made: &Certificates, serials: &[u64], time: Duration) -> String {
    let now = OffsetDateTime::now_utc();
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: now,
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: now - Duration::hours(1),
        next_update: now + time,
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&issuer(made)).unwrap().pem().unwrap()
}

fn verifier(files: &TlsFiles) -> CallerVerifier {
    let authority = files.client_authority.as_deref().unwrap();
    CallerVerifier::load(authority, files, &Arc::new(ring::default_provider())).unwrap()
}

fn is_let_in(verifier: &CallerVerifier, certificate: &CertificateDer<'_>) -> bool {
    verifier.verify_client_cert(certificate, &[], UnixTime::now()).is_ok()
}

fn resumes(tls: &api::Tls) -> bool {
    let config = &tls.config;
    config.send_tls13_tickets > 0 || config.session_storage.can_cache() || config.ticketer.enabled()
}

#[test]
fn who_must_show_a_certificate_shows_it_on_every_connection() {
    let (_directory, made) = made();
    let rules = TlsRules::default();
    let mutual = files(&made);
    let alone = TlsFiles { client_authority: None, ..mutual.clone() };
    assert!(!resumes(&for_clients(&mutual, &rules).unwrap()));
    assert!(!resumes(&for_administrators(&mutual).unwrap()));
    assert!(resumes(&for_clients(&alone, &rules).unwrap()), "without certificates there is nothing to verify again");
}

#[test]
fn revoked_certificates_are_turned_away_also_when_the_list_grows() {
    let (directory, made) = made();
    let list = directory.path().join("crl.pem");
    fs::write(&list, revocations(&made, &[1])).unwrap();
    let verifier = verifier(&TlsFiles { revoked: Some(list.clone()), ..files(&made) });
    let [first, second] = [1, 2].map(|serial| client(&made, "a", serial));
    assert!(!is_let_in(&verifier, &first));
    assert!(is_let_in(&verifier, &second));
    fs::write(&list, revocations(&made, &[1, 2])).unwrap();
    assert!(!is_let_in(&verifier, &second));
    fs::write(&list, "damaged").unwrap();
    assert!(!is_let_in(&verifier, &second), "the list before stays");
}

#[test]
fn a_list_of_revoked_certificates_counts_until_it_expires() {
    let (directory, made) = made();
    let list = directory.path().join("crl.pem");
    fs::write(&list, revocations_for(&made, &[1], -Duration::minutes(1))).unwrap();
    let verifier = verifier(&TlsFiles { revoked: Some(list.clone()), ..files(&made) });
    let second = client(&made, "a", 2);
    assert!(!is_let_in(&verifier, &second), "who knows what a newer one says");
    fs::write(&list, revocations(&made, &[1])).unwrap();
    assert!(is_let_in(&verifier, &second));
}

#[test]
fn a_list_of_another_issuer_or_with_a_wrong_signature_revokes_nobody() {
    let ((directory, own), (_other_directory, other)) = (made(), made());
    let list = directory.path().join("crl.pem");
    fs::write(&list, revocations(&other, &[1])).unwrap();
    let verifier = verifier(&TlsFiles { revoked: Some(list.clone()), ..files(&own) });
    let [first, second] = [1, 2].map(|serial| client(&own, "a", serial));
    // Both authorities have one name: that list cannot be ours, so it says nothing, and whom it might be about is not let in.
    assert!(!is_let_in(&verifier, &first) && !is_let_in(&verifier, &second));
    fs::write(&list, revocations(&own, &[1])).unwrap();
    assert!(!is_let_in(&verifier, &first) && is_let_in(&verifier, &second));
}

#[test]
fn who_was_let_in_is_judged_again_when_files_are_replaced() {
    use api::Trust as _;
    let (directory, made) = made();
    let list = directory.path().join("crl.pem");
    fs::write(&list, revocations(&made, &[1])).unwrap();
    let verifier = verifier(&TlsFiles { revoked: Some(list.clone()), ..files(&made) });
    let chain = [client(&made, "a", 2)];
    let version = verifier.version();
    assert!(verifier.trusts(&chain) && verifier.version() == version);
    fs::write(&list, revocations(&made, &[1, 2])).unwrap();
    assert_ne!(verifier.version(), version);
    assert!(!verifier.trusts(&chain) && !verifier.trusts(&[]));
}

#[test]
fn who_was_dialled_is_judged_again_when_files_are_replaced() {
    let (directory, made) = made();
    let list = directory.path().join("crl.pem");
    fs::write(&list, revocations(&made, &[1])).unwrap();
    let files = TlsFiles { revoked: Some(list.clone()), ..files(&made) };
    let trust = for_dialling(&files, &TlsRules::default()).unwrap().trust;
    let chain = [certificate(&made, "a", 2, ExtendedKeyUsagePurpose::ServerAuth)];
    let host = |name: &'static str| rustls::pki_types::ServerName::try_from(name).unwrap();
    let version = trust.version();
    assert!(trust.trusts(&chain, &host("a.example")) && !trust.trusts(&chain, &host("b.example")));
    assert!(!trust.trusts(&[client(&made, "a", 3)], &host("a.example")), "it is no server's");
    fs::write(&list, revocations(&made, &[1, 2])).unwrap();
    assert_ne!(trust.version(), version);
    assert!(!trust.trusts(&chain, &host("a.example")) && !trust.trusts(&[], &host("a.example")));
}

#[test]
fn a_list_of_revoked_certificates_that_is_none_is_refused() {
    let (directory, made) = made();
    let list = directory.path().join("crl.pem");
    fs::write(&list, "damaged").unwrap();
    let error = for_clients(&TlsFiles { revoked: Some(list), ..files(&made) }, &TlsRules::default()).unwrap_err();
    assert!(error.to_string().contains("crl.pem"), "{error}");
}

#[test]
fn only_allowed_names_are_let_in() {
    let (_directory, made) = made();
    let (a, b) = (client(&made, "a", 1), client(&made, "b", 2));
    for allowed in [AllowedNames::Common(vec!["a".into()]), AllowedNames::Hosts(vec!["x".into(), "a.example".into()])] {
        let verifier = verifier(&TlsFiles { allowed, ..files(&made) });
        assert!(is_let_in(&verifier, &a));
        assert!(!is_let_in(&verifier, &b));
    }
    assert!(is_let_in(&verifier(&files(&made)), &b));
}

#[test]
fn another_authority_counts_from_the_next_handshake_on() {
    let (directory, own) = made();
    let (_other_directory, other) = made();
    let authority = directory.path().join("clients.crt");
    fs::copy(&own.authority.certificate, &authority).unwrap();
    let verifier = verifier(&TlsFiles { client_authority: Some(authority.clone()), ..files(&own) });
    let (ours, theirs) = (client(&own, "a", 1), client(&other, "a", 1));
    assert!(is_let_in(&verifier, &ours) && !is_let_in(&verifier, &theirs));
    fs::remove_file(&authority).unwrap();
    fs::copy(&other.authority.certificate, &authority).unwrap();
    assert!(!is_let_in(&verifier, &ours) && is_let_in(&verifier, &theirs));
}

#[test]
fn a_renewed_certificate_is_shown_and_a_damaged_one_is_not() {
    let (directory, made) = made();
    let path = directory.path().join("shown.crt");
    fs::copy(&made.members[0].server.certificate, &path).unwrap();
    let key = directory.path().join("shown.key");
    fs::copy(&made.members[0].server.key, &key).unwrap();
    let files = TlsFiles::mutual(path.clone(), key.clone(), None);
    let shown = OwnCertificate::load(&files.certificate, &files.key, &Arc::new(ring::default_provider())).unwrap();
    let of = |path: &Path| CertificateDer::from_pem_file(path).unwrap();
    assert_eq!(shown.current().cert[0], of(&made.members[0].server.certificate));
    fs::write(&path, "damaged").unwrap();
    assert_eq!(shown.current().cert[0], of(&made.members[0].server.certificate));
    fs::copy(&made.members[0].peer.key, &key).unwrap();
    fs::copy(&made.members[0].peer.certificate, &path).unwrap();
    assert_eq!(shown.current().cert[0], of(&made.members[0].peer.certificate));
}

/// What the dialling side says to a member that shows this certificate.
async fn dial(tls: &flow::PeerTls, listener: &TlsFiles, host: &str) -> bool {
    let server = tokio_rustls::TlsAcceptor::from(for_clients(listener, &TlsRules::default()).unwrap().config);
    let client = tokio_rustls::TlsConnector::from(tls.config.clone());
    let (near, far) = tokio::io::duplex(1 << 14);
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).unwrap();
    let (accepted, connected) = tokio::join!(server.accept(far), client.connect(name, near));
    accepted.is_ok() && connected.is_ok()
}

#[tokio::test]
async fn members_prove_themselves_to_each_other() {
    let (_directory, made) = made();
    let authority = || Some(made.authority.certificate.clone());
    let peer =
        TlsFiles::mutual(made.members[0].peer.certificate.clone(), made.members[0].peer.key.clone(), authority());
    let config = for_dialling(&peer, &TlsRules::default()).unwrap();
    assert!(dial(&config, &peer, "localhost").await);
    assert!(!dial(&config, &peer, "elsewhere.example").await);
    let (_other, others) = self::made();
    let stranger =
        TlsFiles::mutual(others.members[0].peer.certificate.clone(), others.members[0].peer.key.clone(), authority());
    assert!(!dial(&config, &stranger, "localhost").await);
    let unchecked = TlsFiles { client_authority: None, self_signed_years: Some(1), ..peer.clone() };
    let unchecked = for_dialling(&unchecked, &TlsRules::default()).unwrap();
    assert!(dial(&unchecked, &TlsFiles { client_authority: None, ..stranger }, "elsewhere.example").await);
    let dialling = Some((made.client.certificate.clone(), made.client.key.clone()));
    let shown = for_dialling(&TlsFiles { dialling, ..peer.clone() }, &TlsRules::default()).unwrap();
    let named = TlsFiles { allowed: AllowedNames::Common(vec!["dev-client".to_owned()]), ..peer.clone() };
    assert!(dial(&shown, &named, "localhost").await && !dial(&config, &named, "localhost").await);
}

use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SanType};

use super::*;

fn params(names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.subject_alt_names = names;
    params
}

fn der(params: &CertificateParams) -> Vec<u8> {
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

#[test]
fn every_kind_of_name_is_read() {
    let mut params = params(vec![uri("spiffe://x/y"), dns("a.example"), uri("https://z/"), dns("b.example")]);
    params.distinguished_name.push(DnType::OrganizationName, "not a common name");
    params.distinguished_name.push(DnType::CommonName, "jane");
    let der = der(&params);
    let identity = Identity::from_der(&der).unwrap();
    assert_eq!(identity.common_name(), Some("jane"));
    assert_eq!(identity.uris(), ["spiffe://x/y", "https://z/"]);
    assert_eq!(identity.dns_names(), ["a.example", "b.example"]);
    assert_eq!(identity.fingerprint(), hex::encode(digest(&SHA256, &der)));
}

#[test]
fn a_certificate_without_names_is_known_by_its_fingerprint() {
    let identity = Identity::from_der(&der(&params(vec![]))).unwrap();
    assert_eq!((identity.common_name(), identity.uris(), identity.dns_names()), (None, &[][..], &[][..]));
    assert_eq!(identity.display_name(), format!("SHA256:{}", identity.fingerprint()));
}

#[test]
fn of_two_common_names_none_counts() {
    let mut params = params(vec![]);
    params.distinguished_name.push(DnType::CommonName, "admin");
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "mallory");
    assert_eq!(Identity::from_der(&der(&params)).unwrap().common_name(), None);
}

#[test]
fn a_repeated_extension_is_refused() {
    let mut params = params(vec![uri("spiffe://x/y")]);
    let uri_again = [&[0x30, 0x08, 0x86, 0x06][..], b"spiffe"].concat();
    params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], uri_again));
    assert!(matches!(Identity::from_der(&der(&params)), Err(AuthError::BadCertificate { .. })));
}

#[test]
fn damaged_bytes_are_an_error_never_a_panic() {
    let good = der(&params(vec![uri("spiffe://x/y")]));
    for length in 0..good.len() {
        assert!(Identity::from_der(&good[..length]).is_err(), "length {length}");
    }
    assert!(Identity::from_der(&[&good[..], b"\0"].concat()).is_err(), "bytes after the end");
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 0xff;
        let _ = Identity::from_der(&altered);
    }
}

#[test]
fn the_shown_name_fits_one_line() {
    let mut params = params(vec![]);
    params.distinguished_name.push(DnType::CommonName, "jane\nlevel=info admin=true");
    let shown = Identity::from_der(&der(&params)).unwrap().display_name();
    assert_eq!(shown, "CN:jane\\nlevel=info admin=true");
}

//! `--auto-tls` and `--peer-auto-tls`: certificates of the member's own making, made at the first start and kept.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};

use crate::bootstrap::file::{OWNER_ONLY, READABLE, write_whole};
use crate::config::url::Url;
use crate::config::{Config, Door};
use crate::error::ServerError;

/// etcd's year.
const YEAR: Duration = Duration::days(365);

/// The calendar ends some thousand years from now.
const YEARS_MAX: u64 = 1000;

/// Makes what the doors ask for and is not there yet.
///
/// # Errors
///
/// [`ServerError::File`] or [`ServerError::Certificate`].
pub(crate) fn ensure(config: &Config, now: OffsetDateTime) -> Result<(), ServerError> {
    for door in [&config.client, &config.peer] {
        ensure_for(door, now)?;
    }
    Ok(())
}

fn ensure_for(door: &Door, now: OffsetDateTime) -> Result<(), ServerError> {
    let Some(files) = &door.tls else { return Ok(()) };
    let Some(years) = files.self_signed_years else { return Ok(()) };
    // As in etcd, what is there is used until it is taken away, be it expired.
    if files.certificate.exists() && files.key.exists() {
        return Ok(());
    }
    let until = now + YEAR * i32::try_from(years.min(YEARS_MAX)).unwrap_or(i32::MAX);
    tracing::warn!("certificate-validity-bound-not-after" = %until, "automatically generate certificates");
    let failed = |source| ServerError::Certificate { path: files.certificate.clone(), source };
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params(&door.listen, now, until).and_then(|params| params.self_signed(&key)).map_err(failed)?;
    let folder = files.certificate.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(ServerError::file("make the directory", folder))?;
    // The key first: a certificate without its key would be taken for whole.
    write_whole(&files.key, &key.serialize_pem(), OWNER_ONLY)?;
    write_whole(&files.certificate, &certificate.pem(), READABLE)
}

/// For every host that is listened on.
fn params(listen: &[Url], now: OffsetDateTime, until: OffsetDateTime) -> Result<CertificateParams, rcgen::Error> {
    let mut hosts: Vec<_> = listen.iter().filter_map(Url::host).map(str::to_owned).collect();
    hosts.sort();
    hosts.dedup();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "strongroom");
    (params.not_before, params.not_after) = (now, until);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AllowedNames, TlsFiles, TlsRules};

    fn door(dir: &Path) -> Door {
        let files = TlsFiles {
            certificate: dir.join("fixtures/client/cert.pem"),
            key: dir.join("fixtures/client/key.pem"),
            client_authority: None,
            revoked: None,
            allowed: AllowedNames::Any,
            self_signed_years: Some(2),
            dialling: None,
        };
        let listen = ["https://127.0.0.1:1", "https://localhost:2"].map(|url| url.parse().unwrap()).to_vec();
        Door { flag: "--listen-client-urls", listen, advertised: Vec::new(), tls: Some(files) }
    }

    #[test]
    fn a_certificate_is_made_once_for_the_hosts_that_are_listened_on() {
        let dir = tempfile::tempdir().unwrap();
        let door = door(dir.path());
        let files = door.tls.as_ref().unwrap();
        ensure_for(&door, OffsetDateTime::now_utc()).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&first).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap().value.general_names.len();
        assert_eq!(names, 2);
        let days =
            (certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp()) / 86_400;
        assert_eq!(days, 730);
        crate::tls::for_clients(files, &TlsRules::default()).unwrap();
        ensure_for(&door, OffsetDateTime::now_utc()).unwrap();
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
    }
}

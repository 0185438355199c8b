//! Resolves which TLS the client and peer listeners speak.

use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::cipher_suites;
use super::error::ConfigError;
use super::reader::Reader;

/// What TLS the client, peer and metrics listeners speak. The admin listener has rules of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TlsRules {
    /// Versions, the newest first.
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    /// Suites that are offered.
    pub(crate) suites: Vec<SupportedCipherSuite>,
}

impl Default for TlsRules {
    /// Both versions with all suites.
    fn default() -> Self {
        Self { versions: vec![&TLS13, &TLS12], suites: rustls::crypto::ring::ALL_CIPHER_SUITES.to_vec() }
    }
}

/// `--tls-min-version`, `--tls-max-version` and `--cipher-suites`.
pub(super) fn rules(reader: &mut Reader<'_>) -> TlsRules {
    // Nothing means whatever there is, as in etcd.
    let versions: &[&'static SupportedProtocolVersion] =
        match (version(reader, "tls-min-version"), version(reader, "tls-max-version")) {
            (None | Some(Version::Tls12), None | Some(Version::Tls13)) => &[&TLS13, &TLS12],
            (Some(Version::Tls13), None | Some(Version::Tls13)) => &[&TLS13],
            (None | Some(Version::Tls12), Some(Version::Tls12)) => &[&TLS12],
            (Some(Version::Tls13), Some(Version::Tls12)) => {
                reader.report(ConfigError::Conflict("--tls-min-version is above --tls-max-version".to_owned()));
                &[]
            }
        };
    if versions == [&TLS13] && !reader.list("cipher-suites").is_empty() {
        reader.report(ConfigError::Conflict(
            "--cipher-suites are of TLS 1.2, which --tls-min-version rules out; leave out one of them".to_owned(),
        ));
    }
    TlsRules { versions: versions.to_vec(), suites: cipher_suites::suites(reader) }
}

#[derive(Clone, Copy)]
enum Version {
    Tls12,
    Tls13,
}

fn version(reader: &mut Reader<'_>, name: &str) -> Option<Version> {
    reader
        .parsed(name, "TLS1.2 or TLS1.3", |text| match text {
            "" => Some(None),
            "TLS1.2" => Some(Some(Version::Tls12)),
            "TLS1.3" => Some(Some(Version::Tls13)),
            _ => None,
        })
        .flatten()
}

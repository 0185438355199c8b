//! `--cipher-suites`: Go's names for the suites of TLS 1.2.

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::ALL_CIPHER_SUITES;

use super::error::ConfigError;
use super::reader::Reader;
use super::remark::Remark;

const FLAG: &str = "cipher-suites";

/// Suites that Go knows and nobody should use: without forward secrecy, or with CBC, RC4 or 3DES. They are left out.
const LEFT_OUT: [&str; 16] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// Go takes the names of TLS 1.3 and does nothing with them: its suites cannot be chosen.
const OF_TLS13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// The suites to offer: those of TLS 1.3, and of TLS 1.2 the named ones, or all when none is named.
pub(super) fn suites(reader: &mut Reader<'_>) -> Vec<SupportedCipherSuite> {
    let names = reader.list(FLAG);
    if names.is_empty() {
        return ALL_CIPHER_SUITES.to_vec();
    }
    let mut suites: Vec<_> = ALL_CIPHER_SUITES.iter().copied().filter(|suite| suite.tls13().is_some()).collect();
    let of_tls13 = suites.len();
    for name in &names {
        let origin = reader.origin(FLAG);
        match named(name) {
            Some(suite) => suites.push(suite),
            None if OF_TLS13.contains(&name.as_str()) => {}
            None if LEFT_OUT.contains(&name.as_str()) => {
                let why = "a weak suite is not offered";
                reader.remark(Remark::Moot { origin: format!("{name} of {origin}"), why });
            }
            None => {
                reader.report(ConfigError::BadValue { origin, value: name.clone(), expected: "a TLS cipher suite" });
            }
        }
    }
    if suites.len() == of_tls13 && names.iter().any(|name| LEFT_OUT.contains(&name.as_str())) {
        let origin = reader.origin(FLAG);
        reader.report(ConfigError::Conflict(format!("{origin} names weak suites only; name one with ECDHE and GCM")));
    }
    suites
}

fn named(name: &str) -> Option<SupportedCipherSuite> {
    // Go's older name for the two of ChaCha20.
    let name = if name.ends_with("_CHACHA20_POLY1305") { format!("{name}_SHA256") } else { name.to_owned() };
    let suites = ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_none());
    suites.copied().find(|suite| format!("{:?}", suite.suite()) == name)
}

//! What a plugin's answers may be: the bounds that kube-apiserver holds its plugins to
//! (`k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2`).

use std::collections::BTreeMap;

use bytes::Bytes;
use tonic::Code;

/// What a plugin that is well says of itself.
pub(super) const HEALTHY: &str = "ok";

/// The versions of the protocol, which are the same.
const VERSIONS: [&str; 2] = ["v2", "v2beta1"];

const KEY_ID_BYTES_MAX: usize = 1024;
const CIPHERTEXT_BYTES_MAX: usize = 1024;

/// Names and values of all annotations together.
const ANNOTATIONS_BYTES_MAX: usize = 32 * 1024;

/// Longest domain name, and longest label of one, in bytes (RFC 1123, section 2.1).
const DOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

pub(super) fn check_version(version: &str) -> Result<(), &'static str> {
    require(VERSIONS.contains(&version), "its version is neither v2 nor v2beta1")
}

pub(super) fn check_key_id(key_id: &str) -> Result<(), &'static str> {
    require(!key_id.is_empty(), "its key id is empty")?;
    require(key_id.len() <= KEY_ID_BYTES_MAX, "its key id is longer than 1024 bytes")
}

pub(super) fn check_ciphertext(ciphertext: &[u8]) -> Result<(), &'static str> {
    require(!ciphertext.is_empty(), "its ciphertext is empty")?;
    require(ciphertext.len() <= CIPHERTEXT_BYTES_MAX, "its ciphertext is longer than 1024 bytes")
}

pub(super) fn check_annotations(annotations: &BTreeMap<String, Bytes>) -> Result<(), &'static str> {
    let total: usize = annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
    require(total <= ANNOTATIONS_BYTES_MAX, "its annotations are longer than 32768 bytes")?;
    require(annotations.keys().all(|name| is_domain(name)), "the name of an annotation is not a domain name")
}

/// Whether a plugin says by this code that it did not make the ciphertext, or cannot decrypt it any more.
pub(super) fn refuses(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition)
}

/// Whether the code says that no answer of this plugin will ever do: it knows other calls, or its answer is too long.
pub(super) fn breaks(code: Code) -> bool {
    matches!(code, Code::Unimplemented | Code::OutOfRange)
}

/// A fully qualified domain name as Kubernetes has it: two labels or more, lower case, a dot at its end or not.
fn is_domain(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= DOMAIN_BYTES_MAX && name.contains('.') && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = !label.starts_with('-') && !label.ends_with('-');
    (1..=LABEL_BYTES_MAX).contains(&label.len()) && edges && label.bytes().all(plain)
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_names_are_those_of_kubernetes() {
        let (label, long_label) = ("x".repeat(63), "x".repeat(64));
        let (longest, too_long) = ("x.".repeat(126) + "x", "x.".repeat(127) + "x");
        let good = ["a.b", "a.b.", "kms.example.com", "0-1.x2", &longest, &format!("{label}.com")];
        for name in good {
            assert!(is_domain(name), "{name}");
        }
        let bad = [
            "",
            ".",
            "..",
            "a",
            "a.",
            "a..b",
            ".a.b",
            "a.b..",
            "A.b",
            "a_b.c",
            "-a.b",
            "a-.b",
            "a.b-",
            "a b.c",
            "ä.b",
            "a.b\n",
            &too_long,
            &format!("{long_label}.com"),
        ];
        for name in bad {
            assert!(!is_domain(name), "{name}");
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        assert!(check_key_id(&"x".repeat(1024)).is_ok() && check_key_id(&"x".repeat(1025)).is_err());
        assert!(check_ciphertext(&[0; 1024]).is_ok() && check_ciphertext(&[0; 1025]).is_err());
        let annotations = |bytes: usize| BTreeMap::from([("a.b".to_owned(), Bytes::from(vec![0; bytes - 3]))]);
        assert!(check_annotations(&annotations(32 * 1024)).is_ok());
        assert!(check_annotations(&annotations(32 * 1024 + 1)).is_err());
    }
}

//! What counts as a secret.

use crate::{kubernetes, text, token};

/// How many layers of string escapes are taken off. A manifest in an annotation of a JSON object has two.
const ESCAPE_LAYERS_MAX: usize = 3;

/// A kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The head of a PEM private key of any algorithm.
    PemPrivateKey,
    /// An AWS access key id, long-lived or temporary.
    AwsAccessKeyId,
    /// A signed JSON Web Token.
    Jwt,
    /// A Kubernetes Secret as JSON, YAML or protobuf.
    KubernetesSecret,
}

impl Finding {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::PemPrivateKey, Self::AwsAccessKeyId, Self::Jwt, Self::KubernetesSecret];

    /// For programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PemPrivateKey => "pem-private-key",
            Self::AwsAccessKeyId => "aws-access-key-id",
            Self::Jwt => "jwt",
            Self::KubernetesSecret => "kubernetes-secret",
        }
    }

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PemPrivateKey => "a PEM private key",
            Self::AwsAccessKeyId => "an AWS access key id",
            Self::Jwt => "a JSON Web Token",
            Self::KubernetesSecret => "a Kubernetes Secret object",
        }
    }

    fn is_in(self, text: &[u8]) -> bool {
        match self {
            Self::PemPrivateKey => token::has_pem_private_key(text),
            Self::AwsAccessKeyId => token::has_aws_access_key_id(text),
            Self::Jwt => token::has_jwt(text),
            Self::KubernetesSecret => kubernetes::has_secret(text),
        }
    }
}

/// Every kind of secret in `value`, each once, in the order of [`Finding::ALL`].
///
/// The value is searched as it is, and again with each layer of JSON string escapes taken off: a ConfigMap stored as
/// JSON holds its files as escaped strings.
#[must_use]
pub fn findings(value: &[u8]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut layer = std::borrow::Cow::Borrowed(value);
    for _ in 0..=ESCAPE_LAYERS_MAX {
        let fresh = Finding::ALL.into_iter().filter(|kind| !found.contains(kind) && kind.is_in(&layer));
        let fresh: Vec<Finding> = fresh.collect();
        found.extend(fresh);
        match text::unescaped(&layer) {
            Some(next) => layer = next.into(),
            None => break,
        }
    }
    found.sort_unstable();
    found
}

//! Who is on the other end of a request.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::{Identity, Official, Token};

/// The origin of one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    origin: Origin,
    remote: Option<SocketAddr>,
    credential: Credential,
}

/// What a request shows to prove which user it is from. The gate decides which of them counts.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// A token.
    Token(Token),
    /// The common name of its certificate.
    CommonName,
    /// It comes from whom the admin listener lets make this call, and who needs no user.
    Official,
}

#[derive(Clone, Debug)]
enum Origin {
    /// The member itself, such as lease expiry.
    Internal,
    /// A client without a certificate.
    Anonymous,
    /// A client with a verified certificate.
    Certified(Arc<Identity>),
}

impl Caller {
    /// A client that showed no certificate.
    #[must_use]
    pub fn anonymous(remote: Option<SocketAddr>) -> Self {
        Self { origin: Origin::Anonymous, remote, credential: Credential::None }
    }

    /// A client whose certificate the TLS layer has verified.
    #[must_use]
    pub fn certified(identity: impl Into<Arc<Identity>>, remote: Option<SocketAddr>) -> Self {
        Self { origin: Origin::Certified(identity.into()), remote, credential: Credential::None }
    }

    /// The member itself. It is nobody's administrator: see [`crate::Administrator::bootstrap`].
    #[must_use]
    pub fn internal() -> Self {
        Self { origin: Origin::Internal, remote: None, credential: Credential::None }
    }

    /// The same caller, with a token.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { credential: Credential::Token(token), ..self }
    }

    /// The same caller, known by the common name of its certificate. Without a certificate it stays nobody.
    #[must_use]
    pub fn by_common_name(self) -> Self {
        let credential = if self.identity().is_some() { Credential::CommonName } else { Credential::None };
        Self { credential, ..self }
    }

    /// The same caller, when a certificate has proven it to hold the office that its call takes.
    #[must_use]
    pub fn as_official<Office>(self, evidence: &Official<Office>) -> Self {
        let proven = evidence.fingerprint().is_some();
        Self { credential: if proven { Credential::Official } else { Credential::None }, ..self }
    }

    /// What it shows to prove which user it is.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// What its certificate says, if it has one.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match &self.origin {
            Origin::Certified(identity) => Some(identity),
            Origin::Internal | Origin::Anonymous => None,
        }
    }

    /// Where it connects from, if that is known.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The name under which what it takes is counted: that of its certificate, or else the address that it connects from.
    #[must_use]
    pub fn counted_as(&self) -> String {
        match (self.identity(), self.remote) {
            (None, Some(remote)) => remote.ip().to_string(),
            _ => self.display_name(),
        }
    }

    /// Whether it is the member itself.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self.origin, Origin::Internal)
    }

    /// The name for logs and audit, in one line.
    #[must_use]
    pub fn display_name(&self) -> String {
        match &self.origin {
            Origin::Internal => "the member itself".to_owned(),
            Origin::Anonymous => "anonymous".to_owned(),
            Origin::Certified(identity) => identity.display_name(),
        }
    }
}

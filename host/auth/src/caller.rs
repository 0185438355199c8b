//! Who is on the other end of a request.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::Identity;

/// The origin of one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    origin: Origin,
    remote: Option<SocketAddr>,
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
        Self { origin: Origin::Anonymous, remote }
    }

    /// A client whose certificate the TLS layer has verified.
    #[must_use]
    pub fn certified(identity: impl Into<Arc<Identity>>, remote: Option<SocketAddr>) -> Self {
        Self { origin: Origin::Certified(identity.into()), remote }
    }

    /// The member itself. It is nobody's administrator: see [`crate::Administrator::bootstrap`].
    #[must_use]
    pub fn internal() -> Self {
        Self { origin: Origin::Internal, remote: None }
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

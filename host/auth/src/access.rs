//! How much an admin call asks of its caller.

use std::fmt;
use std::str::FromStr;

/// What makes a caller of the client listener an administrator: `--admin-access`.
///
/// The two wider settings exist for clusters that replace etcd in place, where whoever reached the client listener
/// could change its members and users all along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdminAccess {
    /// A verified certificate that a rule names.
    #[default]
    Mtls,
    /// Any verified certificate, as in an etcd with `--client-cert-auth`.
    ClientCert,
    /// Nothing at all, as in an etcd without.
    Any,
}

impl AdminAccess {
    /// Whether anybody without a certificate may change the cluster.
    #[must_use]
    pub fn is_unsafe(self) -> bool {
        self == Self::Any
    }
}

impl FromStr for AdminAccess {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "mtls" => Ok(Self::Mtls),
            "client-cert" => Ok(Self::ClientCert),
            "any" => Ok(Self::Any),
            _ => Err(()),
        }
    }
}

impl fmt::Display for AdminAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mtls => "mtls",
            Self::ClientCert => "client-cert",
            Self::Any => "any",
        })
    }
}

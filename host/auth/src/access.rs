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
    /// What is unsafe about it, in a sentence for logs and probes.
    #[must_use]
    pub fn danger(self) -> Option<&'static str> {
        (self == Self::Any).then_some(
            "--admin-access=any is unsafe: whoever reaches the client listener may change members, users and alarms, and take the whole data away",
        )
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

//! Which certificates belong to administrators, and whose writes a plugin reviews, as the operator writes it.

use std::fmt;
use std::str::FromStr;

use crate::{Actor, AuthError, Caller, Identity, Permit};

/// Longest rule in bytes: a SPIFFE id is at most 2048, with room for the kind in front.
pub const RULE_BYTES_MAX: usize = 2_100;

/// One name that makes its holder an administrator: `URI:spiffe://x/y`, `DNS:name` or `CN:name`.
///
/// Names match whole. URIs and common names match to the byte, DNS names without regard to ASCII case.
/// There are no wildcards: an administrator is somebody in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorRule(Name);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Uri(String),
    Dns(String),
    Common(String),
}

impl AdministratorRule {
    /// Whether the identity carries the name.
    #[must_use]
    pub fn matches(&self, identity: &Identity) -> bool {
        match &self.0 {
            Name::Uri(uri) => identity.uris().contains(uri),
            Name::Dns(dns) => identity.dns_names().iter().any(|name| name.eq_ignore_ascii_case(dns)),
            Name::Common(common) => identity.common_name() == Some(common),
        }
    }
}

impl FromStr for AdministratorRule {
    type Err = AuthError;

    fn from_str(rule: &str) -> Result<Self, AuthError> {
        parse(rule).map(Self).map_err(|reason| {
            let shown = rule.chars().take(RULE_BYTES_MAX).collect();
            AuthError::BadRule { rule: shown, reason }
        })
    }
}

impl fmt::Display for AdministratorRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Uri(name) => write!(f, "URI:{name}"),
            Name::Dns(name) => write!(f, "DNS:{name}"),
            Name::Common(name) => write!(f, "CN:{name}"),
        }
    }
}

/// One name by which a writer is told: `USER:alice` of users and roles, or one of a certificate as in [`AdministratorRule`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriterRule {
    /// The user as which a write was permitted.
    User(String),
    /// A name in a verified client certificate.
    Certificate(AdministratorRule),
}

impl WriterRule {
    /// Whether whoever holds the permit goes by this name.
    #[must_use]
    pub fn matches(&self, permit: &Permit) -> bool {
        match permit.actor() {
            Actor::User(user) => self.names(permit.caller(), Some(user.as_ref())),
            Actor::Nobody | Actor::Root => self.names(permit.caller(), None),
        }
    }

    /// Whether a caller, acting as this user if there is one, goes by this name.
    #[must_use]
    pub fn names(&self, caller: &Caller, user: Option<&str>) -> bool {
        match self {
            Self::User(name) => user == Some(name),
            Self::Certificate(rule) => caller.identity().is_some_and(|identity| rule.matches(identity)),
        }
    }
}

impl fmt::Display for WriterRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "USER:{name}"),
            Self::Certificate(rule) => rule.fmt(f),
        }
    }
}

impl FromStr for WriterRule {
    type Err = AuthError;

    fn from_str(rule: &str) -> Result<Self, AuthError> {
        match rule.strip_prefix("USER:") {
            Some(name) if !name.is_empty() && rule.len() <= RULE_BYTES_MAX => Ok(Self::User(name.to_owned())),
            Some(_) | None => rule.parse().map(Self::Certificate),
        }
    }
}

fn parse(rule: &str) -> Result<Name, &'static str> {
    if rule.len() > RULE_BYTES_MAX {
        return Err("it is too long");
    }
    let (kind, name) = rule.split_once(':').ok_or("expected URI:, DNS: or CN: in front of the name")?;
    if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
        return Err("the name is empty, or has spaces around it or control characters in it");
    }
    match kind {
        "URI" if name.contains("://") => Ok(Name::Uri(name.to_owned())),
        "URI" => Err("a URI needs a scheme, as in spiffe://example.org/admin"),
        "DNS" if name.contains('*') => Err("wildcards are not allowed: name each administrator"),
        "DNS" => Ok(Name::Dns(name.to_owned())),
        "CN" => Ok(Name::Common(name.to_owned())),
        _ => Err("expected URI:, DNS: or CN: in front of the name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_as_written() {
        for rule in ["URI:spiffe://strongroom/admin", "DNS:admin.example.org", "CN:Root: the admin"] {
            assert_eq!(rule.parse::<AdministratorRule>().unwrap().to_string(), rule);
        }
    }

    #[test]
    fn what_is_not_a_rule_is_refused_with_the_rule_in_the_error() {
        for rule in ["", "admin", "cn:admin", "CN:", "CN: admin", "CN:a\nb", "URI:admin", "DNS:*.example.org", "IP:::1"]
        {
            let error = rule.parse::<AdministratorRule>().unwrap_err();
            assert!(matches!(error, AuthError::BadRule { rule: ref shown, .. } if shown == rule), "{rule:?}: {error}");
        }
        assert!("CN:".to_owned().repeat(RULE_BYTES_MAX).parse::<AdministratorRule>().is_err());
    }
}

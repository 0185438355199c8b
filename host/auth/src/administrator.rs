//! Who may change the cluster.

use crate::{AdminAccess, AdministratorRule, AuthError, Caller, Identity};

/// Who is an administrator on one listener: whom a rule names, or whoever the listener's [`AdminAccess`] lets be one.
/// Without a rule and with the usual access there are no administrators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Administrators {
    rules: Vec<AdministratorRule>,
    access: AdminAccess,
}

impl Administrators {
    /// The same rules, with another access.
    #[must_use]
    pub fn with_access(self, access: AdminAccess) -> Self {
        Self { access, ..self }
    }

    /// The rules, in the order they were written.
    #[must_use]
    pub fn rules(&self) -> &[AdministratorRule] {
        &self.rules
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Decides whether the caller is an administrator.
    ///
    /// # Errors
    /// [`AuthError::CertificateRequired`] without a certificate, [`AuthError::NotAdministrator`] when no rule names it.
    pub fn admit(&self, caller: &Caller) -> Result<Administrator, AuthError> {
        let fingerprint = caller.identity().map(|identity| identity.fingerprint().to_owned());
        Ok(Administrator { name: self.name(caller)?, fingerprint })
    }

    /// The rule that names the caller, or what the caller is called when none has to.
    fn name(&self, caller: &Caller) -> Result<String, AuthError> {
        match (self.access, caller.identity()) {
            (AdminAccess::Any, _) => Ok(caller.display_name()),
            (_, None) => Err(AuthError::CertificateRequired),
            (AdminAccess::ClientCert, Some(identity)) => Ok(identity.display_name()),
            (AdminAccess::Mtls, Some(identity)) => self.rule_of(identity).map(AdministratorRule::to_string),
        }
    }

    fn rule_of(&self, identity: &Identity) -> Result<&AdministratorRule, AuthError> {
        let named = self.rules.iter().find(|rule| rule.matches(identity));
        named.ok_or_else(|| AuthError::NotAdministrator { caller: identity.display_name() })
    }
}

impl FromIterator<AdministratorRule> for Administrators {
    fn from_iter<I: IntoIterator<Item = AdministratorRule>>(rules: I) -> Self {
        Self::from(rules.into_iter().collect::<Vec<_>>())
    }
}

impl From<Vec<AdministratorRule>> for Administrators {
    fn from(rules: Vec<AdministratorRule>) -> Self {
        Self { rules, access: AdminAccess::default() }
    }
}

/// Evidence that an admin call comes from an administrator.
#[derive(Debug)]
pub struct Administrator {
    name: String,
    fingerprint: Option<String>,
}

impl Administrator {
    /// The member itself, installing its own policy at its first start, before any listener is open.
    #[must_use]
    pub fn bootstrap() -> Self {
        Self { name: "the member itself".to_owned(), fingerprint: None }
    }

    /// The rule that admitted them, or what they call themselves where none has to; for audit.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of their certificate in hex, for audit; `None` for the member itself.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }
}

#[cfg(test)]
#[path = "administrator_tests.rs"]
mod tests;

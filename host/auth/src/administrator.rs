//! Who may change the cluster.

use crate::{AdministratorRule, AuthError, Caller};

/// The certificates that belong to administrators. Without any rule there are no administrators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Administrators(Vec<AdministratorRule>);

impl Administrators {
    /// The rules, in the order they were written.
    #[must_use]
    pub fn rules(&self) -> &[AdministratorRule] {
        &self.0
    }

    /// Whether there are no rules, so that nobody is an administrator.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decides whether the caller is an administrator.
    ///
    /// # Errors
    /// [`AuthError::CertificateRequired`] without a certificate, [`AuthError::NotAdministrator`] when no rule names it.
    pub fn admit(&self, caller: &Caller) -> Result<Administrator, AuthError> {
        let identity = caller.identity().ok_or(AuthError::CertificateRequired)?;
        let rule = self.0.iter().find(|rule| rule.matches(identity));
        let rule = rule.ok_or_else(|| AuthError::NotAdministrator { caller: identity.display_name() })?;
        Ok(Administrator { name: rule.to_string(), fingerprint: Some(identity.fingerprint().to_owned()) })
    }
}

impl FromIterator<AdministratorRule> for Administrators {
    fn from_iter<I: IntoIterator<Item = AdministratorRule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl From<Vec<AdministratorRule>> for Administrators {
    fn from(rules: Vec<AdministratorRule>) -> Self {
        Self(rules)
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

    /// The rule that admitted them, for audit.
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

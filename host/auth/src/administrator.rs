//! Who may change the cluster, see how it is administered, or take its data away.

use std::fmt;
use std::marker::PhantomData;

use crate::{AdminAccess, AdministratorRule, AuthError, Caller};

/// Who holds which office on one listener: whom a rule names, or whoever the listener's [`AdminAccess`] lets be one. An administrator
/// holds the others as well. Without a rule and with the usual access nobody holds any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Administrators {
    rules: Vec<AdministratorRule>,
    auditors: Vec<AdministratorRule>,
    backup_operators: Vec<AdministratorRule>,
    access: AdminAccess,
}

impl Administrators {
    /// The same rules, with another access.
    #[must_use]
    pub fn with_access(self, access: AdminAccess) -> Self {
        Self { access, ..self }
    }

    /// The same, with rules that name auditors and rules that name those who take snapshots.
    #[must_use]
    pub fn with_others(self, auditors: Vec<AdministratorRule>, backup_operators: Vec<AdministratorRule>) -> Self {
        Self { auditors, backup_operators, ..self }
    }

    /// How much an admin call asks of its caller.
    #[must_use]
    pub fn access(&self) -> AdminAccess {
        self.access
    }

    /// The rules that name administrators, in the order they were written.
    #[must_use]
    pub fn rules(&self) -> &[AdministratorRule] {
        &self.rules
    }

    /// Whether no rule names an administrator.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Decides whether the caller is an administrator.
    ///
    /// # Errors
    /// [`AuthError::CertificateRequired`] without a certificate, [`AuthError::NoOffice`] when no rule names it.
    pub fn admit(&self, caller: &Caller) -> Result<Administrator, AuthError> {
        self.admit_to(caller, &[], "administrator")
    }

    /// Decides whether the caller is an auditor, or an administrator.
    ///
    /// # Errors
    /// As [`Administrators::admit`].
    pub fn admit_auditor(&self, caller: &Caller) -> Result<Auditor, AuthError> {
        self.admit_to(caller, &self.auditors, "auditor")
    }

    /// Decides whether the caller may take snapshots, or is an administrator.
    ///
    /// # Errors
    /// As [`Administrators::admit`].
    pub fn admit_backup_operator(&self, caller: &Caller) -> Result<BackupOperator, AuthError> {
        self.admit_to(caller, &self.backup_operators, "operator of backups")
    }

    /// Whether a rule names the caller as an auditor or an operator of backups, and none as an administrator: then that is all it does.
    #[must_use]
    pub fn confines(&self, caller: &Caller) -> bool {
        let names = |rules: &[AdministratorRule]| {
            caller.identity().is_some_and(|identity| rules.iter().any(|rule| rule.matches(identity)))
        };
        (names(&self.auditors) || names(&self.backup_operators)) && !names(&self.rules)
    }

    fn admit_to<O>(
        &self,
        caller: &Caller,
        others: &[AdministratorRule],
        office: &'static str,
    ) -> Result<Official<O>, AuthError> {
        let name = match (self.access, caller.identity()) {
            (AdminAccess::Any, _) => caller.display_name(),
            (_, None) => return Err(AuthError::CertificateRequired { office }),
            (AdminAccess::ClientCert, Some(identity)) => identity.display_name(),
            (AdminAccess::Mtls, Some(identity)) => {
                let named = self.rules.iter().chain(others).find(|rule| rule.matches(identity));
                let refused = || AuthError::NoOffice { caller: identity.display_name(), office };
                named.ok_or_else(refused)?.to_string()
            }
        };
        let fingerprint = caller.identity().map(|identity| identity.fingerprint().to_owned());
        Ok(Official { name, fingerprint, office: PhantomData })
    }
}

impl FromIterator<AdministratorRule> for Administrators {
    fn from_iter<I: IntoIterator<Item = AdministratorRule>>(rules: I) -> Self {
        Self::from(rules.into_iter().collect::<Vec<_>>())
    }
}

impl From<Vec<AdministratorRule>> for Administrators {
    fn from(rules: Vec<AdministratorRule>) -> Self {
        Self { rules, ..Self::default() }
    }
}

/// Evidence that an admin call comes from whoever holds the office that it takes.
pub struct Official<Office> {
    name: String,
    fingerprint: Option<String>,
    office: PhantomData<fn() -> Office>,
}

/// Changes the cluster, its keys, its plugins and its users.
pub enum Administers {}
/// Sees how the cluster is administered, and changes nothing.
pub enum Audits {}
/// Takes snapshots, and nothing else.
pub enum BacksUp {}

/// Evidence of an administrator.
pub type Administrator = Official<Administers>;
/// Evidence of an auditor, or an administrator.
pub type Auditor = Official<Audits>;
/// Evidence of whoever may take snapshots.
pub type BackupOperator = Official<BacksUp>;

impl<Office> fmt::Debug for Official<Office> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Official").field("name", &self.name).field("fingerprint", &self.fingerprint).finish()
    }
}

impl<Office> Official<Office> {
    /// The member itself, installing its own policy at its first start, before any listener is open.
    #[must_use]
    pub fn bootstrap() -> Self {
        Self { name: "the member itself".to_owned(), fingerprint: None, office: PhantomData }
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

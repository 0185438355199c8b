//! From a request's credentials to the subject whose permissions count.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use types::{KeyRange, Operation};

use crate::{Caller, Credential, Denial, Moment, Permit, ReadPermit, Realm, Requirement, Standing, Subject, Tokens};

/// The newest realm and the tokens of this member. Cheap to clone; whoever holds the realm's other end replaces it.
#[derive(Clone, Debug)]
pub struct Warden {
    realm: Arc<ArcSwap<Realm>>,
    tokens: Arc<Tokens>,
}

impl Warden {
    /// Watches over `realm`.
    #[must_use]
    pub fn new(realm: Arc<ArcSwap<Realm>>, tokens: Arc<Tokens>) -> Self {
        Self { realm, tokens }
    }

    /// The rules in force.
    #[must_use]
    pub fn realm(&self) -> Guard<Arc<Realm>> {
        self.realm.load()
    }

    /// The tokens of this member.
    #[must_use]
    pub fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// Whose permissions count. Without users and roles nobody's credentials are looked at, as in etcd.
    ///
    /// # Errors
    /// [`Denial::InvalidToken`].
    pub fn subject(&self, realm: &Realm, caller: &Caller) -> Result<Subject, Denial> {
        if caller.is_internal() {
            return Ok(Subject::Root);
        }
        match caller.credential() {
            Credential::Official => Ok(Subject::Root),
            _ if !realm.is_enabled() => Ok(Subject::Nobody),
            Credential::None => Ok(Subject::Nobody),
            Credential::Token(token) => self.tokens.resolve(token, realm, Moment::now()),
            // A certificate without a common name is a user without a name, who has no permissions.
            Credential::CommonName => {
                let name = caller.identity().and_then(|identity| identity.common_name()).unwrap_or_default();
                Ok(Subject::User { name: name.into(), revision: realm.revision() })
            }
        }
    }

    /// Enforces what an RPC requires whatever its message says.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn enforce(&self, requirement: Requirement, caller: &Caller) -> Result<(), Denial> {
        let realm = self.realm();
        // What asks for a permit later answers in its own way, a watch on its stream; so credentials are not judged here.
        if !realm.is_enabled() || matches!(requirement, Requirement::Nothing | Requirement::Permit) {
            return Ok(());
        }
        let subject = self.subject(&realm, caller)?;
        match requirement {
            Requirement::Root => realm.permit_root(subject).map(drop),
            Requirement::User => realm.permit_user(subject).map(drop),
            Requirement::Nothing | Requirement::GoodCredentials | Requirement::Permit => Ok(()),
        }
    }

    /// Leave to do an operation.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn write(&self, caller: &Caller, operation: &Operation) -> Result<Permit, Denial> {
        let realm = self.realm();
        realm.permit_write(caller, self.subject(&realm, caller)?, operation)
    }

    /// Leave to read a range.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn read(&self, caller: &Caller, range: &KeyRange) -> Result<ReadPermit, Denial> {
        let realm = self.realm();
        realm.permit_read(self.subject(&realm, caller)?, range)
    }

    /// Leave to manage users, roles and the cluster.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn root(&self, caller: &Caller) -> Result<Standing, Denial> {
        let realm = self.realm();
        realm.permit_root(self.subject(&realm, caller)?)
    }

    /// Some user, for what names no keys.
    ///
    /// # Errors
    /// [`Denial::UserEmpty`], or [`Denial::InvalidToken`].
    pub fn user(&self, caller: &Caller) -> Result<Standing, Denial> {
        let realm = self.realm();
        realm.permit_user(self.subject(&realm, caller)?)
    }

    /// Anybody whose credentials, if any, are good.
    ///
    /// # Errors
    /// [`Denial::InvalidToken`].
    pub fn anyone(&self, caller: &Caller) -> Result<Standing, Denial> {
        let realm = self.realm();
        Ok(realm.permit_anyone(self.subject(&realm, caller)?))
    }
}

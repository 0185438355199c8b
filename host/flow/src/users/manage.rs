//! Changing and listing users and roles.

use auth::{Caller, ROOT, Standing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use consensus::Proposal;
use store::{
    Outcome,
    users::{AuthChange, PermissionRecord, UserAdd, UserChangePassword},
};
use types::Plain;

use super::Passwords;
use crate::{FlowError, Header, Member, Reply};

/// A user to add.
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// Its password; not looked at when it shall have none.
    pub password: Plain,
    /// Whether it shall have no password, and be known by a certificate only.
    pub no_password: bool,
}

/// Whether users and roles are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthStatus {
    /// Whether they are.
    pub enabled: bool,
    /// How often they changed.
    pub revision: u64,
}

impl Member {
    /// Changes users or roles. Whether the caller may is judged when the change is applied.
    ///
    /// # Errors
    /// etcd's, for what cannot be changed as asked; otherwise as for a write.
    pub async fn change_auth(&self, caller: &Caller, change: AuthChange) -> Result<Header, FlowError> {
        let standing = self.shared.warden.anyone(caller)?;
        self.propose_change(&standing, change).await
    }

    /// Adds a user.
    ///
    /// # Errors
    /// As for [`Self::change_auth`], or the password is too long.
    pub async fn user_add(&self, caller: &Caller, user: NewUser) -> Result<Header, FlowError> {
        Passwords::check_length(&user.password)?;
        // Hashing is work, which is not done for somebody who is refused afterwards.
        let standing = self.shared.warden.root(caller)?;
        let NewUser { name, password, no_password } = user;
        let password_hash = if no_password { Bytes::new() } else { self.shared.passwords.hash(password).await? };
        self.propose_change(&standing, AuthChange::UserAdd(UserAdd { name, password_hash, no_password })).await
    }

    /// Changes a user's password: to this one, or without one to what was hashed already and is given in base64.
    ///
    /// # Errors
    /// As for [`Self::user_add`].
    pub async fn user_change_password(
        &self,
        caller: &Caller,
        name: String,
        password: Plain,
        hashed: &str,
    ) -> Result<Header, FlowError> {
        Passwords::check_length(&password)?;
        let standing = self.shared.warden.root(caller)?;
        let password_hash = if password.is_empty() {
            STANDARD.decode(hashed).ok().map(Bytes::from)
        } else {
            Some(self.shared.passwords.hash(password).await?)
        };
        let change = AuthChange::UserChangePassword(UserChangePassword { name, password_hash });
        self.propose_change(&standing, change).await
    }

    async fn propose_change(&self, standing: &Standing, change: AuthChange) -> Result<Header, FlowError> {
        let name = change.name();
        let applied = self.shared.consensus.propose(Proposal::change_auth(standing, change)).await?;
        match applied.result? {
            Outcome::AuthChanged => {
                let revision = self.shared.warden.realm().revision();
                tracing::info!(change = name, by = ?standing.actor(), auth_revision = revision, "users or roles changed");
                Ok(self.header_at(applied.revision))
            }
            other => Err(FlowError::Corrupt(format!("a change of users came out as {other:?}"))),
        }
    }

    /// Whether users and roles are enforced. Anybody may ask.
    ///
    /// # Errors
    /// A token that is not good; leadership cannot be confirmed.
    pub async fn auth_status(&self, caller: &Caller) -> Result<Reply<AuthStatus>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        self.shared.warden.anyone(caller)?;
        let realm = self.shared.warden.realm();
        Ok(Reply {
            header: self.header(),
            body: AuthStatus { enabled: realm.is_enabled(), revision: realm.revision() },
        })
    }

    /// The roles of a user. Users may ask for their own.
    ///
    /// # Errors
    /// No leave to ask, or no such user.
    pub async fn user_roles(&self, caller: &Caller, name: &str) -> Result<Reply<Vec<String>>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        let standing = self.shared.warden.anyone(caller)?;
        if standing.subject().user() != Some(name) {
            self.shared.warden.root(caller)?;
        }
        let user = self.shared.store.view(|view| view.user(name))?.ok_or(auth::Denial::UserNotFound)?;
        Ok(Reply { header: self.header(), body: user.roles })
    }

    /// Names of all users.
    ///
    /// # Errors
    /// No leave to ask.
    pub async fn user_names(&self, caller: &Caller) -> Result<Reply<Vec<String>>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        self.shared.warden.root(caller)?;
        let users = self.view_off_thread(|view| Ok(view.users()?)).await?;
        Ok(Reply { header: self.header(), body: users.into_iter().map(|user| user.name).collect() })
    }

    /// The permissions of a role. Users may ask for those of their own roles.
    ///
    /// # Errors
    /// No leave to ask, or no such role.
    pub async fn role_permissions(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Reply<Vec<PermissionRecord>>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        let standing = self.shared.warden.anyone(caller)?;
        let has_it = |user| self.shared.warden.realm().has_role(user, name);
        if !standing.subject().user().is_some_and(has_it) {
            self.shared.warden.root(caller)?;
        }
        let role = self.shared.store.view(|view| view.role(name))?.ok_or(auth::Denial::RoleNotFound)?;
        // What the root role allows stands in no record.
        let everything = || vec![PermissionRecord { kind: 2, key: Bytes::new(), range_end: Bytes::from_static(&[0]) }];
        let body = if name == ROOT { everything() } else { role.permissions };
        Ok(Reply { header: self.header(), body })
    }

    /// Names of all roles.
    ///
    /// # Errors
    /// No leave to ask.
    pub async fn role_names(&self, caller: &Caller) -> Result<Reply<Vec<String>>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        self.shared.warden.root(caller)?;
        let roles = self.view_off_thread(|view| Ok(view.roles()?)).await?;
        Ok(Reply { header: self.header(), body: roles.into_iter().map(|role| role.name).collect() })
    }
}

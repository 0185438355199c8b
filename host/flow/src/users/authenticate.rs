//! A name and a password for a token.

use auth::{Denial, Moment, Token};
use store::users::UserRecord;
use types::Plain;

use crate::{FlowError, Member, Reply, write::ATTEMPTS_MAX};

impl Member {
    /// Checks a password and makes a token.
    ///
    /// # Errors
    /// Users and roles are off, or name or password is wrong; too many passwords are being checked.
    pub async fn authenticate(&self, name: &str, password: Plain) -> Result<Reply<Token>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        for _ in 0..ATTEMPTS_MAX {
            let revision = self.check_password(name, password.clone()).await?;
            // The check takes long: what it was made against may have changed since.
            let realm = self.shared.warden.realm();
            if realm.is_enabled() && realm.revision() == revision {
                let index = self.shared.consensus.status().applied_index;
                let body = self.shared.warden.tokens().issue(name, revision, index, Moment::now())?;
                return Ok(Reply { header: self.header(), body });
            }
        }
        Err(Denial::OldRevision.into())
    }

    /// The auth revision at which the password is right.
    async fn check_password(&self, name: &str, password: Plain) -> Result<u64, FlowError> {
        if !self.shared.warden.realm().is_enabled() {
            return Err(Denial::NotEnabled.into());
        }
        let found =
            self.shared.store.view(|view| Ok::<_, store::StoreError>((view.auth_revision()?, view.user(name)?)))?;
        let (revision, Some(user)) = found else { return Err(Denial::AuthenticationFailed.into()) };
        let UserRecord { no_password, password_hash, .. } = user;
        if no_password {
            return Err(Denial::NoPasswordUser.into());
        }
        if !self.shared.passwords.check(password, password_hash).await? {
            tracing::warn!(user = name, "wrong password");
            return Err(Denial::AuthenticationFailed.into());
        }
        Ok(revision)
    }
}

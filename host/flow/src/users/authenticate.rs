//! A name and a password for a token.

use auth::{Denial, Moment, Token, TokenDigest};
use consensus::Proposal;
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
                let made = self.shared.warden.tokens().make(name, revision, index, Moment::now())?;
                match self.tell(name, revision, made.to_tell).await {
                    Err(FlowError::PolicyChanging) => continue,
                    told => told?,
                }
                return Ok(Reply { header: self.header(), body: made.token });
            }
        }
        Err(Denial::OldRevision.into())
    }

    /// Has every member know a token, unless users or roles have changed.
    async fn tell(&self, user: &str, auth_revision: u64, digest: Option<TokenDigest>) -> Result<(), FlowError> {
        let Some(digest) = digest else { return Ok(()) };
        let proposal = Proposal::tell_token(user, auth_revision, digest);
        self.shared.consensus.propose(proposal).await?.result?;
        Ok(())
    }

    /// Waits until this member knows of every token that was given before this call, if it does not know this one.
    pub async fn look_up(&self, token: &Token) {
        let warden = &self.shared.warden;
        if warden.realm().is_enabled() && !warden.tokens().knows(token) {
            // Without a leader the token is judged by what is known.
            let _ = self.shared.consensus.confirm_read().await;
        }
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

//! Those outside of the state who must hear of what was applied: who checks tokens, and who writes down what
//! administrators did. What they make of it is this member's own and decides nothing in the state.

use std::sync::{Arc, OnceLock};

use auth::{Moment, Tokens};
use tokio::sync::Notify;

use crate::{Applied, Outcome, Store, users::TellToken};

#[derive(Default)]
pub(crate) struct Bystanders {
    tokens: OnceLock<Arc<Tokens>>,
    acted: Arc<Notify>,
}

impl Bystanders {
    /// Called after the commit.
    pub(crate) fn tell(&self, applied: &[Applied]) {
        for one in applied {
            match &one.result {
                Ok(Outcome::TokenTold(token)) => self.token_told(token),
                Ok(Outcome::ActionRecorded) => self.acted.notify_one(),
                _ => {}
            }
        }
    }

    fn token_told(&self, token: &TellToken) {
        // A digest of another length is of a later version, which this one could not check.
        if let (Some(tokens), Ok(digest)) = (self.tokens.get(), token.digest.as_ref().try_into()) {
            tokens.admit(digest, &token.user, token.auth_revision, Moment::now());
        }
    }
}

impl Store {
    /// Where tokens that members tell of are remembered from now on. The first call counts.
    pub fn tell_tokens_to(&self, tokens: Arc<Tokens>) {
        let _ = self.shared.bystanders.tokens.set(tokens);
    }

    /// Told when what an administrator does was recorded; not of records that came with another member's state.
    #[must_use]
    pub fn acted(&self) -> Arc<Notify> {
        self.shared.bystanders.acted.clone()
    }
}

//! Those outside of the state who must hear of what was applied: who checks tokens. What they make of it is memory of
//! this member and decides nothing in the state.

use std::sync::{Arc, OnceLock};

use auth::{Moment, Tokens};

use crate::{Applied, Outcome, Store, users::TellToken};

#[derive(Default)]
pub(crate) struct Bystanders {
    tokens: OnceLock<Arc<Tokens>>,
}

impl Bystanders {
    /// Called after the commit.
    pub(crate) fn tell(&self, applied: &[Applied]) {
        for one in applied {
            if let Ok(Outcome::TokenTold(token)) = &one.result {
                self.token_told(token);
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
}

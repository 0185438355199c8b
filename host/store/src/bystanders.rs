//! Those outside of the state who must hear of what was applied: the clock of leases, and who checks tokens. What they
//! make of it is memory of this member and decides nothing in the state.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use auth::{Moment, Tokens};

use crate::{Applied, LeaseRecord, Outcome, Store, users::TellToken};

/// Most leases that wait for the clock, which asks twice a second: a member that is asked for more looks through all.
const GRANTED_MAX: usize = 4096;

/// Leases that were granted since the clock asked last.
#[derive(Debug, Default)]
pub struct GrantedLeases {
    /// The leases; some may be gone again.
    pub leases: Vec<LeaseRecord>,
    /// Whether there were too many, and some are missing here.
    pub is_incomplete: bool,
}

#[derive(Default)]
pub(crate) struct Bystanders {
    granted: Mutex<GrantedLeases>,
    tokens: OnceLock<Arc<Tokens>>,
}

impl Bystanders {
    /// Called after the commit.
    pub(crate) fn tell(&self, applied: &[Applied]) {
        for one in applied {
            match &one.result {
                Ok(Outcome::LeaseGranted(lease)) => self.granted(*lease),
                Ok(Outcome::TokenTold(token)) => self.token_told(token),
                _ => {}
            }
        }
    }

    fn granted(&self, lease: LeaseRecord) {
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if granted.leases.len() < GRANTED_MAX {
            granted.leases.push(lease);
        } else {
            granted.is_incomplete = true;
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
    /// The leases that were granted since the last call.
    #[must_use]
    pub fn take_granted(&self) -> GrantedLeases {
        std::mem::take(&mut *self.shared.bystanders.granted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where tokens that members tell of are remembered from now on. The first call counts.
    pub fn tell_tokens_to(&self, tokens: Arc<Tokens>) {
        let _ = self.shared.bystanders.tokens.set(tokens);
    }
}

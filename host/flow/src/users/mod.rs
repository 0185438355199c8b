//! Users and roles: managing them, and proving who one is.

mod authenticate;
mod manage;
mod passwords;

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{Jwt, JwtOptions, SimpleTokens, TokenOptions, Tokens, Warden};
use store::Store;

pub use manage::{AuthStatus, NewUser};
pub(crate) use passwords::Passwords;

use crate::{Member, StartError};

/// How long a simple token lives after its last use when nothing is said: etcd's.
pub const TOKEN_TTL: Duration = Duration::from_secs(300);

/// bcrypt's cost when nothing is said: etcd's. One more doubles the work.
pub const BCRYPT_COST: u32 = 10;

impl Member {
    /// Decides who a caller is and what they may do.
    #[must_use]
    pub fn warden(&self) -> &Warden {
        &self.shared.warden
    }
}

/// The warden over the state's users and roles, with tokens as the operator wants them.
pub(crate) fn warden(store: &Store, tokens: &TokenOptions, ttl: Duration) -> Result<Warden, StartError> {
    let tokens = match tokens {
        TokenOptions::Simple => Tokens::Simple(SimpleTokens::new(ttl, Instant::now())),
        TokenOptions::Jwt(options) => Tokens::Jwt(Box::new(load_keys(options)?)),
        TokenOptions::None => Tokens::None,
    };
    let tokens = Arc::new(tokens);
    store.tell_tokens_to(tokens.clone());
    Ok(Warden::new(store.realm(), tokens))
}

fn load_keys(options: &JwtOptions) -> Result<Jwt, StartError> {
    let read = |path: &Option<std::path::PathBuf>| {
        let file = path
            .as_ref()
            .map(|path| std::fs::read(path).map_err(|source| StartError::TokenKey { path: path.clone(), source }));
        file.transpose()
    };
    let (public, private) = (read(&options.public_key)?, read(&options.private_key)?);
    Ok(Jwt::new(options, public.as_deref(), private.as_deref())?)
}

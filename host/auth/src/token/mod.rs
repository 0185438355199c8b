//! Tokens: what a client shows instead of its password.

mod jwt;
mod key;
mod options;
mod simple;

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

pub use jwt::Jwt;
pub use options::{Algorithm, JwtOptions, TokenOptions};
pub use simple::{SimpleTokens, TOKENS_MAX, TokenDigest};

use crate::{Denial, Realm, Subject};

/// A token as a client shows it. It is as good as a password: it has no `Debug` of its own, and is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// The text of a `token` or `authorization` header; etcd's clients and gateway may write `Bearer ` before it.
    #[must_use]
    pub fn from_header(text: &str) -> Self {
        Self(text.strip_prefix("Bearer ").unwrap_or(text).into())
    }

    /// The text, for the answer to the client that authenticated.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }
}

/// A token that was just made.
#[derive(Debug)]
pub struct NewToken {
    /// The token.
    pub token: Token,
    /// What every member is to be told of it, or it will know nothing of it.
    pub to_tell: Option<TokenDigest>,
}

/// A point in time on both clocks: this crate reads none.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For what this member measures itself.
    pub instant: Instant,
    /// For what others may check: seconds since 1970.
    pub unix_seconds: u64,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let unix_seconds = failpoint::system_time().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { instant: Instant::now(), unix_seconds }
    }
}

/// Makes and checks the tokens of a member, as `--auth-token` says.
pub enum Tokens {
    /// Random words that members remember.
    Simple(SimpleTokens),
    /// Signed claims, which need no memory.
    Jwt(Box<Jwt>),
    /// No tokens: users are known by their certificates only (`--auth-token=`).
    None,
}

impl Tokens {
    /// Makes a token for a user whose password was found right at `auth_revision`. `index` is where the log stood.
    ///
    /// # Errors
    /// [`Denial::NoTokens`], or [`Denial::TooMany`].
    pub fn make(&self, user: &str, auth_revision: u64, index: u64, now: Moment) -> Result<NewToken, Denial> {
        match self {
            Self::Simple(tokens) => {
                let token = tokens.make(index, now.instant)?;
                Ok(NewToken { to_tell: Some(simple::digest_of(&token)), token })
            }
            Self::Jwt(jwt) => Ok(NewToken { token: jwt.issue(user, auth_revision, now.unix_seconds)?, to_tell: None }),
            Self::None => Err(Denial::NoTokens),
        }
    }

    /// Remembers a token that some member has made.
    pub fn admit(&self, digest: TokenDigest, user: &str, auth_revision: u64, now: Moment) {
        if let Self::Simple(tokens) = self {
            tokens.admit(digest, user, auth_revision, now.instant);
        }
    }

    /// Whether a token can be judged: if not, this member may not have been told of it yet.
    #[must_use]
    pub fn knows(&self, token: &Token) -> bool {
        match self {
            Self::Simple(tokens) => tokens.knows(token),
            Self::Jwt(_) | Self::None => true,
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Denial::InvalidToken`].
    pub fn resolve(&self, token: &Token, realm: &Realm, now: Moment) -> Result<Subject, Denial> {
        match self {
            Self::Simple(tokens) => tokens.resolve(token, realm, now.instant),
            Self::Jwt(jwt) => jwt.resolve(token, now.unix_seconds),
            Self::None => Err(Denial::InvalidToken),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple(_) => "simple tokens",
            Self::Jwt(_) => "signed tokens",
            Self::None => "no tokens",
        })
    }
}

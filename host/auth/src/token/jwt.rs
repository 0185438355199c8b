//! Signed tokens (RFC 7519) with etcd's claims: `username`, `revision` and `exp`.
//!
//! The algorithm is the operator's and never the token's: a token whose header names another one is refused before
//! its signature is looked at.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Token;
use super::key::SigningKey;
use super::options::{Algorithm, JwtOptions};
use crate::{AuthError, Denial, Subject};

/// Longest token that is looked at; etcd's own are a few hundred bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Makes and checks signed tokens.
pub struct Jwt {
    algorithm: Algorithm,
    key: SigningKey,
    ttl: Duration,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    username: String,
    revision: f64,
    #[serde(default, deserialize_with = "present")]
    exp: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
}

/// A claim that is there must be a number; `null` is none.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    f64::deserialize(deserializer).map(Some)
}

impl Jwt {
    /// With the keys in PEM (the shared secret as it is), as read from the files that `options` name.
    ///
    /// # Errors
    /// [`AuthError::BadTokenKey`]: what is wrong with them.
    pub fn new(options: &JwtOptions, public: Option<&[u8]>, private: Option<&[u8]>) -> Result<Self, AuthError> {
        let key = SigningKey::load(options.algorithm, public, private)?;
        Ok(Self { algorithm: options.algorithm, key, ttl: options.ttl })
    }

    pub(super) fn issue(&self, user: &str, auth_revision: u64, unix_seconds: u64) -> Result<Token, Denial> {
        let exp = unix_seconds.saturating_add(self.ttl.as_secs());
        let header = serde_json::json!({ "alg": self.algorithm.name(), "typ": "JWT" });
        let claims = serde_json::json!({ "exp": exp, "revision": auth_revision, "username": user });
        let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut text);
        let signature = self.key.sign(text.as_bytes()).ok_or(Denial::VerifyOnly)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(Token(text.into()))
    }

    /// The subject speaks of the revision in the token, so that what changed since makes it old.
    pub(super) fn resolve(&self, token: &Token, unix_seconds: u64) -> Result<Subject, Denial> {
        let claims = self.claims(token.reveal(), unix_seconds).ok_or(Denial::InvalidToken)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "cut and saturated: no revision is so large"
        )]
        let revision = claims.revision as u64;
        Ok(Subject::User { name: Arc::from(claims.username), revision })
    }

    fn claims(&self, token: &str, unix_seconds: u64) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.alg != self.algorithm.name() {
            return None;
        }
        self.key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?)?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
        let now = unix_seconds as f64;
        let in_time = claims.exp.is_none_or(|exp| now < exp) && claims.nbf.is_none_or(|nbf| now >= nbf);
        in_time.then_some(claims)
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;

//! Simple tokens: random words that every member remembers for a while after their last use.
//!
//! The member that made a token tells the others its digest, by way of the log: the token itself is in no file.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::Token;
use crate::{Denial, Realm, Subject};

/// Letters of a token, as etcd's: 16 of 52 are 91 bits.
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LENGTH: usize = 16;

/// Most tokens out at a time. Each costs its client a password check of milliseconds and this member about 150 bytes.
pub const TOKENS_MAX: usize = 1 << 18;

/// How often those that have run out are forgotten: etcd's `simpleTokenTTLResolution`.
const SWEEP_MS: u64 = 1_000;

/// What stands for a token where the token itself must not be: SHA-256, of 91 random bits and so not to be guessed.
pub type TokenDigest = [u8; 32];

/// The tokens that are out.
pub struct SimpleTokens {
    ttl_ms: u64,
    started: Instant,
    issued: RwLock<HashMap<TokenDigest, Issued>>,
    swept_ms: AtomicU64,
    random: SystemRandom,
}

struct Issued {
    user: Arc<str>,
    auth_revision: u64,
    /// Milliseconds after the start; moved on by each use.
    expires_ms: AtomicU64,
}

impl SimpleTokens {
    /// No token yet; each will live for `ttl` after its last use.
    #[must_use]
    pub fn new(ttl: Duration, now: Instant) -> Self {
        Self {
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX / 2),
            started: now,
            issued: RwLock::default(),
            swept_ms: AtomicU64::new(0),
            random: SystemRandom::new(),
        }
    }

    /// A new token, which no member knows yet. `index` is where the log stood.
    pub(super) fn make(&self, index: u64, now: Instant) -> Result<Token, Denial> {
        let now_ms = self.ms(now);
        let alive = |issued: &Issued| issued.expires_ms.load(Ordering::Relaxed) > now_ms;
        let tokens = self.issued.read().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS_MAX && tokens.values().filter(|issued| alive(issued)).count() >= TOKENS_MAX {
            return Err(Denial::TooMany);
        }
        Ok(Token(format!("{}.{index}", self.word()?).into()))
    }

    /// Remembers a token from now on. One too many is not remembered: its client asks for another.
    pub(super) fn admit(&self, digest: TokenDigest, user: &str, auth_revision: u64, now: Instant) {
        let now_ms = self.ms(now);
        let expires_ms = AtomicU64::new(now_ms.saturating_add(self.ttl_ms));
        let mut tokens = self.issued.write().unwrap_or_else(PoisonError::into_inner);
        if now_ms.saturating_sub(self.swept_ms.load(Ordering::Relaxed)) >= SWEEP_MS {
            tokens.retain(|_, issued| issued.expires_ms.load(Ordering::Relaxed) > now_ms);
            self.swept_ms.store(now_ms, Ordering::Relaxed);
        }
        if tokens.len() < TOKENS_MAX {
            tokens.insert(digest, Issued { user: user.into(), auth_revision, expires_ms });
        }
    }

    pub(super) fn knows(&self, token: &Token) -> bool {
        self.issued.read().unwrap_or_else(PoisonError::into_inner).contains_key(&digest_of(token))
    }

    pub(super) fn resolve(&self, token: &Token, realm: &Realm, now: Instant) -> Result<Subject, Denial> {
        let now_ms = self.ms(now);
        let tokens = self.issued.read().unwrap_or_else(PoisonError::into_inner);
        let issued = tokens.get(&digest_of(token)).ok_or(Denial::InvalidToken)?;
        let alive = issued.expires_ms.load(Ordering::Relaxed) > now_ms;
        if !alive || !realm.honours(&issued.user, issued.auth_revision) {
            return Err(Denial::InvalidToken);
        }
        issued.expires_ms.store(now_ms.saturating_add(self.ttl_ms), Ordering::Relaxed);
        Ok(Subject::User { name: Arc::clone(&issued.user), revision: realm.revision() })
    }

    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX / 2)
    }

    /// Each letter is drawn with the same probability: bytes beyond the last whole multiple of 52 are drawn again.
    fn word(&self) -> Result<String, Denial> {
        const FAIR: u8 = 52 * 4;
        let mut word = String::with_capacity(LENGTH);
        let mut bytes = [0; LENGTH * 2];
        while word.len() < LENGTH {
            self.random.fill(&mut bytes).map_err(|_| Denial::NoTokens)?;
            let letters =
                bytes.iter().filter(|byte| **byte < FAIR).map(|byte| char::from(LETTERS[usize::from(byte % 52)]));
            word.extend(letters.take(LENGTH - word.len()));
        }
        Ok(word)
    }
}

pub(super) fn digest_of(token: &Token) -> TokenDigest {
    let digest = digest(&SHA256, token.reveal().as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RealmState, User};

    impl SimpleTokens {
        fn issue(&self, user: &str, auth_revision: u64, index: u64, now: Instant) -> Result<Token, Denial> {
            let token = self.make(index, now)?;
            self.admit(digest_of(&token), user, auth_revision, now);
            Ok(token)
        }
    }

    const TTL: Duration = Duration::from_secs(300);

    fn realm(revision: u64, disabled_revision: u64, password_revision: u64) -> Realm {
        let user = User { name: "jane".into(), roles: Vec::new(), password_revision };
        Realm::new(RealmState { enabled: true, revision, disabled_revision, users: vec![user], roles: Vec::new() })
    }

    fn is_good(tokens: &SimpleTokens, token: &Token, realm: &Realm, at: Instant) -> bool {
        tokens.resolve(token, realm, at).is_ok()
    }

    #[test]
    fn a_token_has_etcds_form_and_names_its_user() {
        let now = Instant::now();
        let tokens = SimpleTokens::new(TTL, now);
        let token = tokens.issue("jane", 5, 77, now).unwrap();
        let (word, index) = token.reveal().split_once('.').unwrap();
        assert!(word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_alphabetic()) && index == "77", "{token:?}");
        let subject = tokens.resolve(&token, &realm(9, 0, 5), now).unwrap();
        assert_eq!(subject, Subject::User { name: "jane".into(), revision: 9 });
        assert_ne!(tokens.issue("jane", 5, 77, now).unwrap(), token);
        assert!(!is_good(&tokens, &Token::from_header(word), &realm(9, 0, 5), now));
    }

    #[test]
    fn a_token_counts_where_its_digest_was_told() {
        let now = Instant::now();
        let (maker, other) = (SimpleTokens::new(TTL, now), SimpleTokens::new(TTL, now));
        let token = maker.make(7, now).unwrap();
        assert!(!maker.knows(&token) && !is_good(&maker, &token, &realm(5, 0, 5), now));
        other.admit(digest_of(&token), "jane", 5, now);
        assert!(other.knows(&token) && is_good(&other, &token, &realm(5, 0, 5), now));
    }

    #[test]
    fn use_renews_a_token_and_disuse_ends_it() {
        let now = Instant::now();
        let tokens = SimpleTokens::new(TTL, now);
        let (used, unused) = (tokens.issue("jane", 5, 1, now).unwrap(), tokens.issue("jane", 5, 1, now).unwrap());
        assert!(is_good(&tokens, &used, &realm(5, 0, 5), now + TTL / 2));
        assert!(is_good(&tokens, &used, &realm(5, 0, 5), now + TTL));
        assert!(!is_good(&tokens, &unused, &realm(5, 0, 5), now + TTL));
        tokens.issue("jane", 5, 1, now + TTL).unwrap();
        assert_eq!(tokens.issued.read().unwrap().len(), 2, "the unused one is forgotten");
    }

    #[test]
    fn a_new_password_or_turning_users_off_voids_tokens() {
        let now = Instant::now();
        let tokens = SimpleTokens::new(TTL, now);
        let token = tokens.issue("jane", 5, 1, now).unwrap();
        assert!(is_good(&tokens, &token, &realm(8, 5, 5), now));
        assert!(!is_good(&tokens, &token, &realm(8, 6, 5), now));
        assert!(!is_good(&tokens, &token, &realm(8, 5, 6), now));
        let nobody = Realm::new(RealmState { enabled: true, revision: 8, ..RealmState::default() });
        assert!(!is_good(&tokens, &token, &nobody, now), "its user is gone");
    }
}

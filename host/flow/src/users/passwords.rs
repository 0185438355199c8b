//! Hashing and checking passwords, which is meant to be slow, away from everything else.

use std::sync::Arc;

use auth::Denial;
use bytes::Bytes;
use tokio::sync::Semaphore;
use types::Plain;

use crate::FlowError;

/// Most passwords that wait for their turn; further ones are told to try again. A check takes some 50 ms, so more than
/// this would have given up before it is theirs.
const WAITING_MAX: usize = 512;

/// bcrypt looks at no more bytes than this; longer passwords are refused, as etcd does.
const PASSWORD_BYTES_MAX: usize = 72;

/// Does bcrypt on at most half of the processors, so that requests and the log get the others.
pub(crate) struct Passwords {
    cost: u32,
    lanes: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    /// New hashes are made at `cost`: twice the work for each one more.
    pub(crate) fn new(cost: u32) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let lanes = (processors / 2).max(1);
        Self { cost, lanes: Arc::new(Semaphore::new(lanes)), places: Arc::new(Semaphore::new(lanes + WAITING_MAX)) }
    }

    /// Whether bcrypt would look at all of it.
    pub(crate) fn check_length(password: &Plain) -> Result<(), Denial> {
        if password.len() > PASSWORD_BYTES_MAX { Err(Denial::PasswordTooLong) } else { Ok(()) }
    }

    /// The hash of a new password, in the form that Go's bcrypt writes.
    pub(crate) async fn hash(&self, password: Plain) -> Result<Bytes, FlowError> {
        Self::check_length(&password)?;
        let cost = self.cost;
        let hashed = self.work(move || bcrypt::hash_with_result(password.expose(), cost)).await?;
        let hash = hashed.map_err(|error| FlowError::Corrupt(format!("bcrypt: {error}")))?;
        Ok(hash.format_for_version(bcrypt::Version::TwoA).into())
    }

    /// Whether a password is the one that was hashed. A hash that is none matches no password.
    pub(crate) async fn check(&self, password: Plain, hash: Bytes) -> Result<bool, FlowError> {
        let check = move || {
            let hash = std::str::from_utf8(&hash).unwrap_or_default();
            bcrypt::verify(password.expose(), hash).unwrap_or(false)
        };
        self.work(check).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, FlowError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| FlowError::TooManyRequests)?;
        let lane = Arc::clone(&self.lanes).acquire_owned().await.map_err(|_| FlowError::Stopped)?;
        // A caller that gives up does not stop the work; so the lane stays taken until it is done.
        let worked = tokio::task::spawn_blocking(move || {
            let _held = (place, lane);
            work()
        });
        Ok(worked.await?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn plain(text: &str) -> Plain {
        Plain::from(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn only_the_password_that_was_hashed_matches() {
        let passwords = Passwords::new(4);
        let hash = passwords.hash(plain("correct")).await.unwrap();
        assert!(hash.starts_with(b"$2a$04$"));
        assert!(passwords.check(plain("correct"), hash.clone()).await.unwrap());
        assert!(!passwords.check(plain("wrong"), hash).await.unwrap());
        assert!(!passwords.check(plain(""), Bytes::new()).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_etcd_made_is_checked() {
        // What golang.org/x/crypto/bcrypt wrote for "goodbye" at cost 4.
        let hash = Bytes::from_static(GO_HASH);
        let passwords = Passwords::new(10);
        assert!(passwords.check(plain("goodbye"), hash.clone()).await.unwrap());
        assert!(!passwords.check(plain("hello"), hash).await.unwrap());
    }

    #[tokio::test]
    async fn what_bcrypt_would_cut_off_is_refused() {
        let passwords = Passwords::new(4);
        assert!(passwords.hash(plain(&"x".repeat(72))).await.is_ok());
        assert!(matches!(passwords.hash(plain(&"x".repeat(73))).await, Err(FlowError::Auth(_))));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_crowd_of_checks_neither_stalls_others_nor_grows_without_bound() {
        let passwords = Arc::new(Passwords::new(4));
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let hold = Arc::new(std::sync::Mutex::new(hold));
        let lanes = passwords.lanes.available_permits();
        let busy: Vec<_> = (0..lanes + WAITING_MAX)
            .map(|_| {
                let (passwords, hold) = (Arc::clone(&passwords), Arc::clone(&hold));
                tokio::spawn(async move { passwords.work(move || hold.lock().unwrap().recv().is_err()).await })
            })
            .collect();
        while passwords.places.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(matches!(passwords.work(|| ()).await, Err(FlowError::TooManyRequests)));
        // Nobody waits on a thread of the runtime, so this is answered at once.
        tokio::time::timeout(Duration::from_secs(5), tokio::spawn(async {})).await.unwrap().unwrap();
        drop(release);
        for work in busy {
            assert!(work.await.unwrap().unwrap());
        }
        assert!(passwords.work(|| ()).await.is_ok());
    }

    const GO_HASH: &[u8] = b"$2a$04$nqRJ5C0giNIBkbmNDMqXSOzSjxDIneL4C0ZWMF/WP/4q1TgaduQ9S";
}

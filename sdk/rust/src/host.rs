//! What a plugin may ask of its host; outside WebAssembly, what stands for that in tests.

use crate::Request;
pub use crate::bindings::strongroom::admission::host::{Entry, Listing, ReadError};

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
use native as real;

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Error,
}

#[cfg(target_family = "wasm")]
mod real {
    use super::Level;
    use crate::bindings::strongroom::admission::host;
    pub(super) use crate::bindings::strongroom::admission::host::{get, list};

    pub(super) fn log(level: Level, message: &str) {
        let level = match level {
            Level::Debug => host::Level::Debug,
            Level::Info => host::Level::Info,
            Level::Warning => host::Level::Warning,
            Level::Error => host::Level::Error,
        };
        host::log(level, message);
    }

    pub(super) fn settings() -> String {
        host::settings()
    }
}

/// Adds a line to this plugin's log, which administrators read (`strongroom plugin logs`). What is longer than 1 KiB is
/// cut off, and after sixteen lines a call adds no more. What is logged during the review of a sealed value is dropped.
///
/// In native tests the line goes to standard error.
pub fn log(level: Level, message: &str) {
    real::log(level, message);
}

/// The settings that the administrator gave; empty for none. In native tests, those of [`set_settings`].
#[must_use]
pub fn settings() -> String {
    real::settings()
}

/// A key of the store, or nothing if there is none. In native tests the store is that of [`set_store`].
///
/// All reads during the reviews of one client request are of one revision. Where the verdict holds, so does what was
/// read: if a write that came in between has changed it, the request is reviewed again.
///
/// ```
/// use strongroom_plugin::{Entry, ReadError, get, set_store};
///
/// set_store(&[b"/registry/"], [Entry::new(b"/registry/pods/default/web", b"v1"), Entry::new(b"/other", b"")]);
/// assert_eq!(get(b"/registry/pods/default/web")?.unwrap().value.unwrap(), b"v1");
/// assert!(get(b"/registry/pods/default/none")?.is_none());
/// assert_eq!(get(b"/other").unwrap_err(), ReadError::NotGranted);
/// # Ok::<(), ReadError>(())
/// ```
///
/// # Errors
/// The administrator did not let this plugin read there, or this call has read as much as one call may.
pub fn get(key: &[u8]) -> Result<Option<Entry>, ReadError> {
    real::get(key)
}

/// Keys that begin with `prefix`, in their order, from `start` on (empty: from the first), at most `limit`, which counts
/// as 1 to 1,000. To go on, start at the last key with a zero byte after it.
///
/// ```
/// use strongroom_plugin::{Entry, ReadError, list, set_store};
///
/// set_store(&[b"/registry/"], [Entry::new(b"/registry/a", b"1"), Entry::new(b"/registry/b", b"2")]);
/// let first = list(b"/registry/", b"", 1)?;
/// assert_eq!((first.entries[0].key.as_slice(), first.more), (b"/registry/a".as_slice(), true));
/// let second = list(b"/registry/", b"/registry/a\0", 1)?;
/// assert_eq!((second.entries[0].key.as_slice(), second.more), (b"/registry/b".as_slice(), false));
/// # Ok::<(), ReadError>(())
/// ```
///
/// # Errors
/// As for [`get`].
pub fn list(prefix: &[u8], start: &[u8], limit: u32) -> Result<Listing, ReadError> {
    real::list(prefix, start, limit)
}

impl Request {
    /// What the store has under the request's key: for a put, what it is about to replace.
    ///
    /// ```
    /// use strongroom_plugin::{Entry, Request, set_store};
    ///
    /// set_store(&[b""], [Entry::new(b"/a", b"old")]);
    /// assert_eq!(Request::put(b"/a", b"new").previous().unwrap().unwrap().value.unwrap(), b"old");
    /// ```
    ///
    /// # Errors
    /// As for [`get`].
    pub fn previous(&self) -> Result<Option<Entry>, ReadError> {
        get(&self.key)
    }
}

impl Entry {
    /// A key that was put once, in revision 1, for tests of policies.
    #[must_use]
    pub fn new(key: &[u8], value: &[u8]) -> Self {
        Self { value: Some(value.to_vec()), ..Self::withheld(key) }
    }

    /// The same, with a value that the plugin may not see.
    #[must_use]
    pub fn withheld(key: &[u8]) -> Self {
        Self { key: key.to_vec(), value: None, create_revision: 1, mod_revision: 1, version: 1, lease: 0 }
    }
}

/// Gives this thread settings, for native tests of policies. Inside WebAssembly it does nothing: they come from the host.
pub fn set_settings(settings: &str) {
    #[cfg(not(target_family = "wasm"))]
    real::SETTINGS.with_borrow_mut(|own| settings.clone_into(own));
    #[cfg(target_family = "wasm")]
    let _ = settings;
}

/// Gives this thread a store, for native tests of policies: the prefixes that the plugin was granted to read, and the
/// keys that there are. Before the first, nothing is granted.
///
/// The contract's limits hold: 100 reads and 4 MiB, counted from here on. A test that reviews often sets it anew for each
/// review. Inside WebAssembly it does nothing.
pub fn set_store(granted: &[&[u8]], entries: impl IntoIterator<Item = Entry>) {
    #[cfg(not(target_family = "wasm"))]
    real::STORE.set(real::Store::new(granted, entries));
    #[cfg(target_family = "wasm")]
    let _ = (granted, entries.into_iter());
}

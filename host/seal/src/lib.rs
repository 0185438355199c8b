//! Values of sealed prefixes, encrypted before they leave the member that received them.
//!
//! ```text
//!  RootKeyProvider --unwraps--> DataKeyRecord --> Keyring --seal--> Sealed --> log, state, peers, backups
//!   (key file)                  (replicated)             <--open--
//! ```
//!
//! AES-256-GCM under a message key that XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>) derives from a data key and a
//! random 192-bit nonce. Each sealed value carries a keyed digest of (key, value), so equality can be decided without a key.
//!
//! It is *not* the place where data keys are kept (that is the replicated state) nor where it is decided when to make one.
//! It hides values, not keys, lengths, or that one key got the same value twice.
//!
//! Invariants:
//! - A value of a sealed prefix becomes a [`Sealed`] only through [`Keyring::seal`], or by reading back what that wrote.
//! - The associated data binds cluster id, user key, data-key id, digest and format. A value moved to another key or
//!   cluster, or altered in any bit, does not open.
//! - A value is opened with the data key it names, never by trying keys; data-key ids are unique in a cluster.
//! - Nonces and keys come from the operating system's random generator only. There is no counter to repeat.
//! - No error and no `Debug` text holds a byte of a value or of a key.
//!
//! Limits: [`ENVELOPE_OVERHEAD_BYTES`] more per sealed value; [`PREFIXES_MAX`] prefixes of [`PREFIX_BYTES_MAX`] each in a
//! configuration of [`CONFIG_BYTES_MAX`].
//!
//! Failure: a [`SealError`] that says who is at fault. A member without the root key is *keyless*: its keyring knows
//! what is sealed and refuses it with [`SealError::Keyless`]; it neither guesses nor falls back to clear text.
//!
//! ```
//! use seal::{KeyFile, Keyring, SealError};
//! # let directory = std::env::temp_dir().join(format!("seal-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory).expect("a scratch directory");
//! # let path = directory.join("root.key");
//! # let _ = std::fs::remove_file(&path);
//! let root = KeyFile::create(&path)?;
//! let record = Keyring::generate(7, &"/secrets/".into(), 1, 1_700_000_000, None, &root)?;
//! let keyring = Keyring::open(7, &[record], Some(&root))?;
//!
//! let sealed = keyring.seal(b"/secrets/db", &b"hunter2".to_vec().into())?;
//! assert!(sealed.is_sealed());
//! assert_eq!(keyring.open_value(b"/secrets/db", &sealed)?.expose(), b"hunter2");
//! assert!(keyring.open_value(b"/secrets/other", &sealed).is_err());
//! # std::fs::remove_dir_all(&directory).expect("the scratch directory goes");
//! # Ok::<(), SealError>(())
//! ```

mod binding;
mod config;
mod data_key;
mod envelope;
mod error;
mod key_file;
mod keyring;
mod operand;
mod provider;
mod random;
mod record;
mod root_key;
mod sealed;
mod xaes;

pub use config::{CONFIG_BYTES_MAX, KeyFileConfig, PREFIX_BYTES_MAX, PREFIXES_MAX, ProviderConfig, SealConfig};
pub use envelope::OVERHEAD_BYTES as ENVELOPE_OVERHEAD_BYTES;
pub use error::SealError;
pub use key_file::KeyFile;
pub use keyring::Keyring;
pub use operand::Operand;
pub use provider::RootKeyProvider;
pub use record::{DataKeyRecord, Wrap};
pub use root_key::RootKey;
pub use sealed::Sealed;

/// A value's keyed digest: HMAC-SHA256 over (user key, value).
pub type Digest = [u8; 32];

#[cfg(test)]
mod canary_tests;
#[cfg(test)]
mod fixtures;

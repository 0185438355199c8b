//! Values of sealed prefixes, encrypted before they leave the member that received them.
//!
//! ```text
//!  RootKeyProvider --unwraps--> DataKeyRecord --> Keyring --seal--> Sealed --> log, state, peers, backups
//!   (key file, credential,      (replicated)             <--open--
//!    KMS, recovery key)
//! ```
//!
//! AES-256-GCM under a message key that XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>) derives from a data key and the
//! first half of a random 192-bit nonce. Each sealed value carries a keyed digest of (key, value), so equality can be decided
//! without a key.
//!
//! Root keys come from a [`KeyFile`], a [`Credential`] of systemd, or a [`Kms`] behind a plugin's socket. Beside them a
//! [`RecoveryRecipient`] wraps without being able to unwrap: that takes the passphrase, kept elsewhere ([`RecoveryKey`]).
//!
//! What kube-apiserver encrypted with its own keys, before it came here, is opened by a [`Decrypter`]; nothing is encrypted that way.
//!
//! It is *not* the place where data keys are kept (that is the replicated state) nor where it is decided when to make one.
//! It hides values, not keys, lengths, or that one key got the same value twice.
//!
//! Invariants:
//! - A value of a sealed prefix becomes a [`Sealed`] only through [`Keyring::seal`], or by reading back what that wrote.
//! - The associated data binds cluster id, user key, data-key id, digest and format. A value moved to another key or
//!   cluster, or altered in any bit, does not open.
//! - A value is opened with the data key it names, never by trying keys; data-key ids are unique in a cluster.
//! - A value is sealed only by a use of its data key that was reserved before ([`Keyring::add_uses`]).
//! - Nonces and keys come from the operating system's random generator only. There is no counter to repeat.
//! - A wrap opens only with the root key that made it and for the cluster, prefix and data key that it was made for, whether
//!   the root key is here or in a KMS that knows no associated data.
//! - No error and no `Debug` text holds a byte of a value or of a key.
//!
//! Limits: [`ENVELOPE_OVERHEAD_BYTES`] more per sealed value; [`PREFIXES_MAX`] prefixes of [`PREFIX_BYTES_MAX`] each in a
//! configuration of [`CONFIG_BYTES_MAX`]; recovery passphrases of [`PASSPHRASE_CHARACTERS_MIN`] at least, at [`RecoveryCosts`]. A
//! KMS plugin is held to the bounds of kube-apiserver and answers within the timeout of its [`KmsOptions`], or has failed.
//!
//! Failure: a [`SealError`] that says who is at fault. A member without the root key is *keyless*: its keyring knows
//! what is sealed and refuses it with [`SealError::Keyless`]; it neither guesses nor falls back to clear text. A KMS that
//! cannot be asked ([`SealError::ProviderUnavailable`]) can be asked again; it is told from one that refuses a wrap
//! ([`SealError::NotUnwrapped`]) and from a plugin that breaks its protocol ([`SealError::ProviderBroken`]).
//!
//! ```
//! use seal::{KeyFile, KeyState, Keyring, Providers, SealError, SealRule};
//! # let directory = std::env::temp_dir().join(format!("seal-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory).expect("a scratch directory");
//! # let path = directory.join("root.key");
//! # let _ = std::fs::remove_file(&path);
//! let root = Providers::single(KeyFile::create(&path)?);
//! let rule = SealRule::seal("/secrets/".into());
//! let record = Keyring::empty(7).generate(&rule, 1_700_000_000, &root)?.in_state(KeyState::Active);
//! let keyring = Keyring::open(7, &[rule], &[record], Some(&root), None)?;
//! keyring.add_uses(1, 1000);
//!
//! let sealed = keyring.seal(b"/secrets/db", &b"hunter2".to_vec().into())?;
//! assert!(sealed.is_sealed());
//! assert_eq!(keyring.open_value(b"/secrets/db", sealed.clone())?.expose(), b"hunter2");
//! assert!(keyring.open_value(b"/secrets/other", sealed.clone()).is_err());
//! # std::fs::remove_dir_all(&directory).expect("the scratch directory goes");
//! # Ok::<(), SealError>(())
//! ```

mod binding;
mod config;
mod data_key;
mod envelope;
mod error;
mod keyring;
mod kubernetes;
mod mac_key;
mod message_key;
mod operand;
mod provider;
mod providers;
mod random;
mod record;
mod root_key;
mod rule;
mod sealed;
mod uses;
mod xaes;

pub use config::{
    CONFIG_BYTES_MAX, CredentialConfig, EncryptionConfig, KeyFileConfig, KmsConfig, KubernetesKey, KubernetesKeyKind,
    NamedProvider, PREFIX_BYTES_MAX, PREFIXES_MAX, PROVIDERS_MAX, ProviderConfig, RECOVERY_MAX, SealConfig,
    WhenUnavailable, parse_period,
};
pub use envelope::OVERHEAD_BYTES as ENVELOPE_OVERHEAD_BYTES;
pub use error::SealError;
pub use keyring::{Keyring, prove, unwrap_elsewhere};
pub use kubernetes::Decrypter;
pub use operand::Operand;
pub use provider::{
    Credential, KeyFile, Kms, KmsOptions, PASSPHRASE_CHARACTERS_MIN, RecoveryCosts, RecoveryKey, RecoveryRecipient,
    RootKeyProvider,
};
pub use providers::Providers;
pub use record::{DataKeyRecord, KeyState, Wrap};
pub use root_key::RootKey;
pub use rule::{
    PADDING_BYTES_MAX, PADDING_BYTES_MIN, PADDING_SIZES_MAX, PROVIDER_NAME_BYTES_MAX, ROTATE_AFTER_MIN,
    ROTATE_AFTER_USES_DEFAULT, ROTATE_AFTER_USES_MAX, SealRule,
};
pub use sealed::Sealed;

/// A value's keyed digest: HMAC-SHA-512-256 over (user key, value).
pub type Digest = [u8; 32];

#[cfg(test)]
mod canary_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod fixtures;

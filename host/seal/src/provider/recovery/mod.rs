//! A root key that no machine holds: the private half of a key pair comes from a passphrase that the operator keeps.
//!
//! A member wraps data keys for the public half, the *recipient*, and cannot unwrap them. Should every other root key be
//! lost, the passphrase and the text of the recipient open what it wrapped.
//!
//! ```text
//!  passphrase --Argon2id(salt, costs)--> private key --X25519--> public key      recipient = salt | costs | public key
//!
//!  ephemeral key pair --X25519 with the public key--> HKDF-SHA256 --> root key of this one wrap
//!  blob = version | ephemeral public key | wrap
//! ```

mod agreement;
mod costs;
mod key;
mod recipient;

pub use costs::{PASSPHRASE_CHARACTERS_MIN, RecoveryCosts};
pub use key::RecoveryKey;
pub use recipient::RecoveryRecipient;

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;

//! Who is calling, and what they may do. Pure rules: no I/O, no clock, no state.
//!
//! ```text
//!  verified certificate --> Identity --> Caller --+--> permit_write  --> Permit         (data)
//!                                                 +--> Administrators --> Administrator (admin)
//! ```
//!
//! It is *not* TLS: the listener has verified the certificate chain before an [`Identity`] is read from it.
//! It is *not* yet role-based access control: whoever the listener let in may read and write data.
//!
//! Invariants:
//! - A [`Permit`] or an [`Administrator`] is evidence. Their fields are private; the only ways to get one are the
//!   functions here, so a later stage that asks for one cannot be reached without the check.
//! - No administrator without a certificate: neither an anonymous caller nor the member's own internal calls are
//!   admitted by [`Administrators::admit`], unless the operator opened the listener with [`AdminAccess::Any`].
//! - Every doubt about a certificate (two common names, a repeated extension) counts against the caller.
//!
//! Limits: [`RULE_BYTES_MAX`] per administrator rule.
//!
//! Failure: everything fails with an [`AuthError`], whose variants say whether the caller or the operator is at fault.
//!
//! ```
//! use auth::{Administrators, AuthError, Caller};
//! let administrators: Administrators = ["URI:spiffe://strongroom/admin".parse()?].into_iter().collect();
//! let refused = administrators.admit(&Caller::anonymous(None));
//! assert!(matches!(refused, Err(AuthError::CertificateRequired)));
//! # Ok::<(), AuthError>(())
//! ```

mod access;
mod administrator;
mod caller;
mod class;
mod error;
mod identity;
mod permit;
mod rule;

pub use access::AdminAccess;
pub use administrator::{Administrator, Administrators};
pub use caller::Caller;
pub use class::RpcClass;
pub use error::AuthError;
pub use identity::Identity;
pub use permit::{AUTH_REVISION_FIRST, Permit, permit_write};
pub use rule::{AdministratorRule, RULE_BYTES_MAX};

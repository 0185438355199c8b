//! Who is calling, and what they may do. Pure rules: no I/O, no clock. Beside the tokens that are out it has no state.
//!
//! ```text
//!  certificate --> Identity --> Caller --+--> Administrators ----------> Administrator, Auditor ...     (by class)
//!  token ------> Credential -----^       +--> Warden --> Subject --+
//!                                             Realm ---------------+--> Permit, ReadPermit, Standing    (users and roles)
//! ```
//!
//! A [`Realm`] is what the replicated state says about users and roles at one auth revision: built once, with one
//! [`RangeSet`] of each user for reading and one for writing, then only read. Its rules are etcd's.
//!
//! It is *not* TLS: the listener has verified the certificate chain before an [`Identity`] is read from it.
//! It does *not* check passwords (`flow` does, on threads for that), and it stores nothing (`store` does).
//!
//! Invariants:
//! - A [`Permit`], [`ReadPermit`], [`Standing`] or [`Official`] is evidence. Their fields are private; the only ways
//!   to get one are the functions here, so a later stage that asks for one cannot be reached without the check.
//! - While users and roles are off nothing is looked up; everything is permitted that the listener let in.
//! - A [`Token`] has no `Debug` of its own. The algorithm of a signed one is the operator's, never the token's.
//! - Nobody holds an office without a certificate: neither an anonymous caller nor the member's own internal calls are
//!   admitted by [`Administrators::admit`], unless the operator opened the listener with [`AdminAccess::Any`].
//! - Every doubt about a certificate (two common names, a repeated extension) counts against the caller.
//!
//! Limits: [`RULE_BYTES_MAX`] per administrator rule, [`TOKENS_MAX`] simple tokens at a time.
//!
//! Failure: everything fails with an [`AuthError`], whose variants say whether the caller or the operator is at fault.
//!
//! ```
//! use auth::{Administrators, AuthError, Caller};
//! let administrators: Administrators = ["URI:spiffe://strongroom/admin".parse()?].into_iter().collect();
//! let refused = administrators.admit(&Caller::anonymous(None));
//! assert!(matches!(refused, Err(AuthError::CertificateRequired { .. })));
//! # Ok::<(), AuthError>(())
//! ```

mod access;
mod administrator;
mod caller;
mod class;
mod denial;
mod error;
mod identity;
mod permit;
mod range_set;
mod realm;
mod rule;
mod subject;
mod token;
mod warden;

pub use access::AdminAccess;
pub use administrator::{
    Administers, Administrator, Administrators, Auditor, Audits, BacksUp, BackupOperator, Official,
};
pub use caller::{Caller, Credential};
pub use class::{Requirement, RpcClass};
pub use denial::Denial;
pub use error::AuthError;
pub use identity::Identity;
pub use permit::{Evidence, Permit, ReadPermit, Standing};
pub use range_set::RangeSet;
pub use realm::{AUTH_REVISION_FIRST, KeyUse, Permission, ROOT, Realm, RealmState, Role, User};
pub use rule::{AdministratorRule, RULE_BYTES_MAX, WriterRule};
pub use subject::{Actor, Subject};
pub use token::{
    Algorithm, Jwt, JwtOptions, Moment, NewToken, SimpleTokens, TOKENS_MAX, Token, TokenDigest, TokenOptions, Tokens,
};
pub use warden::Warden;

//! Why a caller was turned away.

/// Everything that can go wrong in this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The caller's fault: an admin call without a client certificate.
    #[error("permission denied: this call needs the client certificate of an {office}")]
    CertificateRequired {
        /// Who may make it, besides administrators.
        office: &'static str,
    },
    /// The caller's fault: a verified certificate that no rule names for this.
    #[error("permission denied: {caller} is not an {office}")]
    NoOffice {
        /// Who the certificate says the caller is.
        caller: String,
        /// Who may make the call, besides administrators.
        office: &'static str,
    },
    /// The caller's fault: a certificate that is for an office and for nothing else.
    #[error("permission denied: {caller} holds an office, and reads and writes no data")]
    Confined {
        /// Who the certificate says the caller is.
        caller: String,
    },
    /// The caller's fault: a certificate that cannot be read or contradicts itself.
    #[error("the client certificate cannot be used: {reason}")]
    BadCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// By the rules of users and roles: see there.
    #[error(transparent)]
    Denied(#[from] crate::Denial),
    /// The operator's fault: `--auth-token` cannot be understood.
    #[error("--auth-token: {reason}")]
    BadTokenOptions {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The operator's fault: the keys that `--auth-token` names cannot be used.
    #[error("--auth-token: {reason}")]
    BadTokenKey {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The operator's fault: a rule that is not one.
    #[error("administrator rule {rule:?}: {reason}")]
    BadRule {
        /// The rule as written, cut at [`crate::RULE_BYTES_MAX`].
        rule: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

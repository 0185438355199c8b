//! `strongroom cert ...`: certificates for a cluster and its clients, and what is in one.

mod authority;
mod issue;
mod revoke;
mod show;

use issue::{InitCa, Issue};
use revoke::Revoke;
use show::Show;

use super::client::ClientError;

/// Certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Cert {
    /// Make an authority: ca.crt, which everybody gets, and ca.key, which issues
    InitCa(InitCa),
    /// Issue a certificate of the authority, with a new key
    Issue(Issue),
    /// Revoke certificates of the authority, or renew its list of revoked ones: ca.crl, which members are given by --client-crl-file and its kind
    Revoke(Revoke),
    /// Show what is in a certificate, and how --admin-identities would name its holder
    Show(Show),
}

impl Cert {
    /// Does what is asked and prints the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) fn run(self) -> Result<(), ClientError> {
        match self {
            Self::InitCa(command) => command.run(),
            Self::Issue(command) => command.run(),
            Self::Revoke(command) => command.run(),
            Self::Show(command) => command.run(),
        }
    }
}

//! What the log says about how the configuration came about, once there is a log.

use std::path::PathBuf;

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// A variable set a flag.
    UsedVariable { name: String },
    /// A variable with one of our prefixes means nothing.
    UnknownVariable { name: String },
    /// There is a configuration file, which stands for everything.
    IgnoredBesideFile { origin: String },
    /// A flag that has no effect here was given with another value than its default.
    Moot { origin: String, why: &'static str },
    /// An http listener beside https ones takes no certificates.
    PlainListener { url: String, flag: &'static str },
    /// Members are known by an authority that also issues to clients, and by nothing else.
    ClientsAmongPeers { authority: PathBuf },
}

impl Remark {
    /// Writes it to the log. Values are not written: one of them may be a password.
    pub(crate) fn log(&self) {
        match self {
            Self::UsedVariable { name } => {
                tracing::info!("variable-name" = name, "recognized and used environment variable");
            }
            Self::UnknownVariable { name } => {
                tracing::warn!("environment-variable" = name, "unrecognized environment variable");
            }
            Self::IgnoredBesideFile { origin } => {
                tracing::warn!(setting = origin, "ignored, because a configuration file stands for everything");
            }
            Self::Moot { origin, why } => tracing::warn!(setting = origin, reason = why, "this setting has no effect"),
            Self::PlainListener { url, flag } => {
                tracing::warn!(address = url, setting = flag, "scheme is http; certificates are not asked for here");
            }
            Self::ClientsAmongPeers { authority } => tracing::warn!(
                authority = %authority.display(),
                "whoever has a client's certificate may pass for a member; give --peer-trusted-ca-file an authority of members only, or \
                 name them with --peer-cert-allowed-cn"
            ),
        }
    }
}

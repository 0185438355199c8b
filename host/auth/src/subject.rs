//! Who a request is from, as far as users and roles are concerned.

use std::sync::Arc;

/// Whose permissions count for a request, once its credentials were found to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody in particular: no credentials were shown, or users and roles are off.
    Nobody,
    /// A user.
    User {
        /// Its name. There may be no such user: a token outlives its user, and a certificate names whom it likes.
        name: Arc<str>,
        /// The auth revision that its credentials speak of.
        revision: u64,
    },
    /// The member itself, or an administrator at the admin listener: may do everything.
    Root,
}

impl Subject {
    /// Whom the log names as the author of a change.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Nobody => Actor::Nobody,
            Self::User { name, .. } => Actor::User(name.to_string()),
            Self::Root => Actor::Root,
        }
    }

    /// The user's name, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::User { name, .. } => Some(name),
            Self::Nobody | Self::Root => None,
        }
    }
}

/// The author of a change in the log. Whether it may make the change is judged again when it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who did not say who they are.
    Nobody,
    /// A user.
    User(String),
    /// The member itself, or an administrator at the admin listener.
    Root,
}

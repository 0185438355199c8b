//! Changes of users and roles, as the log holds them. Passwords are hashed before they get here.

use auth::Actor;
use bytes::Bytes;
use prost::{Message, Oneof};

use super::PermissionRecord;

/// The author of a change; with neither field nobody in particular.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Author {
    /// A user's name.
    #[prost(string, optional, tag = "1")]
    pub user: Option<String>,
    /// The member itself, or an administrator at the admin listener.
    #[prost(bool, tag = "2")]
    pub root: bool,
}

impl Author {
    /// The author as the log names it; nobody is not named.
    #[must_use]
    pub fn of(actor: Actor) -> Option<Self> {
        match actor {
            Actor::Nobody => None,
            Actor::User(name) => Some(Self { user: Some(name), root: false }),
            Actor::Root => Some(Self { user: None, root: true }),
        }
    }
}

impl From<&Author> for Actor {
    fn from(author: &Author) -> Self {
        match (&author.user, author.root) {
            (_, true) => Self::Root,
            (Some(name), false) => Self::User(name.clone()),
            (None, false) => Self::Nobody,
        }
    }
}

/// Tells every member of a token that one of them gave for a password.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct TellToken {
    /// Whose password it was.
    #[prost(string, tag = "1")]
    pub user: String,
    /// The revision of users and roles at which it was right.
    #[prost(uint64, tag = "2")]
    pub auth_revision: u64,
    /// SHA-256 of the token.
    #[prost(bytes = "bytes", tag = "3")]
    pub digest: Bytes,
}

impl std::fmt::Debug for TellToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a token")
    }
}

/// Changes users or roles.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ChangeAuth {
    /// Who asks for it; without it nobody in particular.
    #[prost(message, optional, tag = "1")]
    pub author: Option<Author>,
    /// What to change; `None` only for a command of a later version.
    #[prost(oneof = "AuthChange", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12")]
    pub change: Option<AuthChange>,
}

/// What to change.
#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum AuthChange {
    /// Enforce users and roles.
    #[prost(message, tag = "2")]
    Enable(Nothing),
    /// Stop enforcing them.
    #[prost(message, tag = "3")]
    Disable(Nothing),
    /// Adds a user.
    #[prost(message, tag = "4")]
    UserAdd(UserAdd),
    /// Deletes a user.
    #[prost(message, tag = "5")]
    UserDelete(Named),
    /// Changes a user's password.
    #[prost(message, tag = "6")]
    UserChangePassword(UserChangePassword),
    /// Gives a role to a user.
    #[prost(message, tag = "7")]
    UserGrantRole(UserRole),
    /// Takes a role from a user.
    #[prost(message, tag = "8")]
    UserRevokeRole(UserRole),
    /// Adds a role.
    #[prost(message, tag = "9")]
    RoleAdd(Named),
    /// Deletes a role, and takes it from all users.
    #[prost(message, tag = "10")]
    RoleDelete(Named),
    /// Gives a permission to a role.
    #[prost(message, tag = "11")]
    RoleGrantPermission(RolePermission),
    /// Takes a permission from a role; its kind does not matter.
    #[prost(message, tag = "12")]
    RoleRevokePermission(RolePermission),
}

impl AuthChange {
    /// Its kind, for logs; never its content.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enable(_) => "enable",
            Self::Disable(_) => "disable",
            Self::UserAdd(_) => "add user",
            Self::UserDelete(_) => "delete user",
            Self::UserChangePassword(_) => "change password",
            Self::UserGrantRole(_) => "grant role",
            Self::UserRevokeRole(_) => "revoke role",
            Self::RoleAdd(_) => "add role",
            Self::RoleDelete(_) => "delete role",
            Self::RoleGrantPermission(_) => "grant permission",
            Self::RoleRevokePermission(_) => "revoke permission",
        }
    }
}

/// A change that needs no more said.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Nothing {}

/// A user or a role.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Named {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Adds a user.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct UserAdd {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// bcrypt hash of its password.
    #[prost(bytes = "bytes", tag = "2")]
    pub password_hash: Bytes,
    /// Whether it shall have no password.
    #[prost(bool, tag = "3")]
    pub no_password: bool,
}

/// Changes a user's password.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct UserChangePassword {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// bcrypt hash of the new password; `None` when the client sent one that is not base64.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub password_hash: Option<Bytes>,
}

/// A user and a role.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct UserRole {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub user: String,
    /// The role's name.
    #[prost(string, tag = "2")]
    pub role: String,
}

/// A role and a permission.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RolePermission {
    /// The role's name.
    #[prost(string, tag = "1")]
    pub role: String,
    /// The permission; a client may leave it out.
    #[prost(message, optional, tag = "2")]
    pub permission: Option<PermissionRecord>,
}

//! Users and roles as the `auth` family holds them.
//!
//! | key | value |
//! |---|---|
//! | `S` | [`Settings`] |
//! | `U` name | [`UserRecord`] |
//! | `R` name | [`RoleRecord`] |

use std::ops::ControlFlow;

use auth::{AUTH_REVISION_FIRST, Permission, RealmState, Role, User};
use bytes::Bytes;
use prost::Message;
use types::KeyRange;

use crate::{Beside, StoreError, family::Family, read::Read, stage::Stage};

/// Whether users and roles are enforced, and how often they changed.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Settings {
    #[prost(bool, tag = "1")]
    pub(crate) enabled: bool,
    #[prost(uint64, tag = "2")]
    pub(crate) revision: u64,
    /// The revision at which they were last turned off.
    #[prost(uint64, tag = "3")]
    pub(crate) disabled_revision: u64,
}

/// A user. The hash of its password is why this has no `Debug` of its own.
#[derive(Clone, PartialEq, Eq, Message)]
#[prost(skip_debug)]
pub struct UserRecord {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// bcrypt hash of its password.
    #[prost(bytes = "bytes", tag = "2")]
    pub password_hash: Bytes,
    /// Whether it has no password, and is known by a certificate only.
    #[prost(bool, tag = "3")]
    pub no_password: bool,
    /// Names of its roles, sorted.
    #[prost(string, repeated, tag = "4")]
    pub roles: Vec<String>,
    /// The auth revision at which it was added or its password last changed.
    #[prost(uint64, tag = "5")]
    pub password_revision: u64,
}

impl std::fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "user {:?}", self.name)
    }
}

/// A role.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RoleRecord {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it allows, by key.
    #[prost(message, repeated, tag = "2")]
    pub permissions: Vec<PermissionRecord>,
}

/// A permission on some keys.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PermissionRecord {
    /// 0 to read, 1 to write, 2 for both, as on etcd's wire.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// First key.
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
    /// etcd's `range_end`.
    #[prost(bytes = "bytes", tag = "3")]
    pub range_end: Bytes,
}

pub(crate) const SETTINGS: &[u8] = b"S";

pub(crate) fn user_key(name: &str) -> Vec<u8> {
    [b"U", name.as_bytes()].concat()
}

pub(crate) fn role_key(name: &str) -> Vec<u8> {
    [b"R", name.as_bytes()].concat()
}

pub(crate) fn settings(read: &dyn Read) -> Result<Settings, StoreError> {
    let found = read.get(Family::Auth, SETTINGS)?.map(|bytes| decode(&bytes)).transpose()?;
    Ok(found.unwrap_or(Settings { enabled: false, revision: AUTH_REVISION_FIRST, disabled_revision: 0 }))
}

pub(crate) fn enabled(read: &dyn Read) -> Result<bool, StoreError> {
    Ok(settings(read)?.enabled)
}

pub(crate) fn revision(read: &dyn Read) -> Result<u64, StoreError> {
    Ok(settings(read)?.revision)
}

pub(crate) fn user(read: &dyn Read, name: &str) -> Result<Option<UserRecord>, StoreError> {
    read.get(Family::Auth, &user_key(name))?.map(|bytes| decode(&bytes)).transpose()
}

pub(crate) fn role(read: &dyn Read, name: &str) -> Result<Option<RoleRecord>, StoreError> {
    read.get(Family::Auth, &role_key(name))?.map(|bytes| decode(&bytes)).transpose()
}

/// What a state begins with.
pub(crate) fn take_in(stage: &mut Stage<'_>, beside: &Beside) {
    let Beside { users, roles, auth_enabled, auth_revision, .. } = beside;
    let settings =
        Settings { enabled: *auth_enabled, revision: (*auth_revision).max(AUTH_REVISION_FIRST), disabled_revision: 0 };
    stage.put(Family::Auth, SETTINGS, settings.encode_to_vec());
    users.iter().for_each(|user| stage.put(Family::Auth, user_key(&user.name), user.encode_to_vec()));
    roles.iter().for_each(|role| stage.put(Family::Auth, role_key(&role.name), role.encode_to_vec()));
}

/// Every user, by name.
pub(crate) fn users(read: &dyn Read) -> Result<Vec<UserRecord>, StoreError> {
    all(read, b"U", b"V")
}

/// Every role, by name.
pub(crate) fn roles(read: &dyn Read) -> Result<Vec<RoleRecord>, StoreError> {
    all(read, b"R", b"S")
}

/// Everything that a realm is made of.
pub(crate) fn realm_state(read: &dyn Read) -> Result<RealmState, StoreError> {
    let Settings { enabled, revision, disabled_revision } = settings(read)?;
    let users = users(read)?.into_iter();
    let users =
        users.map(|user| User { name: user.name, roles: user.roles, password_revision: user.password_revision });
    let roles = roles(read)?.into_iter().map(|role| Role {
        name: role.name,
        permissions: role.permissions.into_iter().map(Permission::from).collect(),
    });
    Ok(RealmState { enabled, revision, disabled_revision, users: users.collect(), roles: roles.collect() })
}

impl From<PermissionRecord> for Permission {
    fn from(record: PermissionRecord) -> Self {
        Self { kind: record.kind, range: KeyRange::from_wire(record.key, record.range_end) }
    }
}

fn all<T: Message + Default>(read: &dyn Read, from: &[u8], to: &[u8]) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    read.scan(Family::Auth, from, Some(to), &mut |_, value| {
        found.push(decode(value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn decode<T: Message + Default>(bytes: &[u8]) -> Result<T, StoreError> {
    T::decode(bytes).map_err(|_| StoreError::damaged("a record of the auth family"))
}

//! Users, roles and what they may do, as of one auth revision. Built once for each revision, then only read.

use std::collections::HashMap;
use std::sync::Arc;

use types::KeyRange;

use crate::{Actor, Denial, RangeSet, Subject};

/// The auth revision of a new cluster; etcd counts from one as well.
pub const AUTH_REVISION_FIRST: u64 = 1;

/// The user that must exist, with the role of the same name, before users and roles can be turned on.
pub const ROOT: &str = "root";

/// What a role allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// As on the wire: 0 to read, 1 to write, 2 for both. Other numbers are kept and allow nothing.
    pub kind: i32,
    /// The keys.
    pub range: KeyRange,
}

impl Permission {
    fn allows(&self, key_use: KeyUse) -> bool {
        matches!((self.kind, key_use), (2, _) | (0, KeyUse::Read) | (1, KeyUse::Write))
    }
}

/// A role with its permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

/// A user, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Names of its roles; those that do not exist allow nothing.
    pub roles: Vec<String>,
    /// The auth revision at which it was added or its password changed; tokens from before are void.
    pub password_revision: u64,
}

/// What is done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Reading it.
    Read,
    /// Writing or deleting it.
    Write,
}

/// Everything that the state says about users and roles.
#[derive(Clone, Debug)]
pub struct RealmState {
    /// Whether users and roles are enforced.
    pub enabled: bool,
    /// The auth revision.
    pub revision: u64,
    /// The auth revision at which they were last turned off; tokens from before are void.
    pub disabled_revision: u64,
    /// Every user.
    pub users: Vec<User>,
    /// Every role.
    pub roles: Vec<Role>,
}

impl Default for RealmState {
    fn default() -> Self {
        let (users, roles) = (Vec::new(), Vec::new());
        Self { enabled: false, revision: AUTH_REVISION_FIRST, disabled_revision: 0, users, roles }
    }
}

/// The rules of users and roles at one auth revision.
#[derive(Debug)]
pub struct Realm {
    enabled: bool,
    revision: u64,
    disabled_revision: u64,
    users: HashMap<String, Account>,
}

#[derive(Debug)]
struct Account {
    roles: Vec<String>,
    password_revision: u64,
    grants: Arc<Grants>,
}

/// What a set of roles allows, as one set of keys for each use.
#[derive(Debug, Default)]
struct Grants {
    everything: bool,
    read: RangeSet,
    write: RangeSet,
}

impl Realm {
    /// The realm of a state. Users with the same roles share their sets of keys.
    #[must_use]
    pub fn new(state: RealmState) -> Self {
        let roles: HashMap<&str, &[Permission]> =
            state.roles.iter().map(|role| (role.name.as_str(), role.permissions.as_slice())).collect();
        let mut known: HashMap<Vec<String>, Arc<Grants>> = HashMap::new();
        let users = state.users.into_iter().map(|user| {
            let grants = known.entry(user.roles.clone()).or_insert_with(|| Arc::new(Grants::of(&user.roles, &roles)));
            let grants = Arc::clone(grants);
            (user.name, Account { roles: user.roles, password_revision: user.password_revision, grants })
        });
        Self {
            users: users.collect(),
            enabled: state.enabled,
            revision: state.revision,
            disabled_revision: state.disabled_revision,
        }
    }

    /// Whether users and roles are enforced.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The auth revision.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether a token that was made for `user` at `revision` is still good.
    #[must_use]
    pub fn honours(&self, user: &str, revision: u64) -> bool {
        let account = self.users.get(user);
        revision >= self.disabled_revision && account.is_some_and(|account| revision >= account.password_revision)
    }

    /// Whether a user has a role.
    #[must_use]
    pub fn has_role(&self, user: &str, role: &str) -> bool {
        self.users.get(user).is_some_and(|account| account.roles.iter().any(|has| has == role))
    }

    /// etcd's `isOpPermitted`.
    pub(crate) fn check(&self, subject: &Subject, range: &KeyRange, key_use: KeyUse) -> Result<(), Denial> {
        if !self.enabled {
            return Ok(());
        }
        match subject {
            Subject::Root => Ok(()),
            Subject::Nobody | Subject::User { revision: 0, .. } => Err(Denial::UserEmpty),
            Subject::User { revision, .. } if *revision < self.revision => Err(Denial::OldRevision),
            Subject::User { name, .. } => self.check_user(name, range, key_use),
        }
    }

    pub(crate) fn check_user(&self, user: &str, range: &KeyRange, key_use: KeyUse) -> Result<(), Denial> {
        let grants = &self.users.get(user).ok_or(Denial::PermissionDenied)?.grants;
        if grants.allow(range, key_use) { Ok(()) } else { Err(Denial::PermissionDenied) }
    }

    /// etcd's `IsAdminPermitted`: who may manage users, roles and the cluster.
    ///
    /// # Errors
    /// Nobody, an unknown user, or one without the root role.
    pub fn check_root(&self, actor: &Actor) -> Result<(), Denial> {
        if !self.enabled {
            return Ok(());
        }
        match actor {
            Actor::Root => Ok(()),
            Actor::Nobody => Err(Denial::UserEmpty),
            Actor::User(name) if name.is_empty() => Err(Denial::UserEmpty),
            Actor::User(name) => {
                let account = self.users.get(name).ok_or(Denial::UserNotFound)?;
                if account.grants.everything { Ok(()) } else { Err(Denial::PermissionDenied) }
            }
        }
    }

    /// Whether the author of a change may write a key, as apply asks it of the keys of a lease.
    ///
    /// # Errors
    /// [`Denial::PermissionDenied`].
    pub fn check_actor(&self, actor: &Actor, key: &bytes::Bytes) -> Result<(), Denial> {
        match actor {
            _ if !self.enabled => Ok(()),
            Actor::Root => Ok(()),
            Actor::Nobody => Err(Denial::UserEmpty),
            Actor::User(name) => self.check_user(name, &KeyRange::single(key.clone()), KeyUse::Write),
        }
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self::new(RealmState::default())
    }
}

impl Grants {
    fn of(names: &[String], roles: &HashMap<&str, &[Permission]>) -> Self {
        if names.iter().any(|name| name == ROOT) {
            return Self { everything: true, ..Self::default() };
        }
        let permissions = || names.iter().filter_map(|name| roles.get(name.as_str())).flat_map(|role| role.iter());
        let set = |key_use| {
            permissions()
                .filter(move |permission| permission.allows(key_use))
                .map(|permission| permission.range.clone())
        };
        Self { everything: false, read: set(KeyUse::Read).collect(), write: set(KeyUse::Write).collect() }
    }

    fn allow(&self, range: &KeyRange, key_use: KeyUse) -> bool {
        let set = match key_use {
            KeyUse::Read => &self.read,
            KeyUse::Write => &self.write,
        };
        self.everything || set.covers(range)
    }
}

#[cfg(test)]
#[path = "realm_tests.rs"]
mod tests;

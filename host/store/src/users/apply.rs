//! Applying changes of users and roles: etcd's `server/auth/store.go`, with its checks in its order.

use auth::{Actor, Denial, ROOT, Realm};
use prost::Message as _;

use super::{
    AuthChange, ChangeAuth, PermissionRecord, RoleRecord, UserRecord,
    command::{RolePermission, UserAdd, UserChangePassword, UserRole},
    record::{self, SETTINGS, Settings, role_key, user_key},
};
use crate::{ReadError, Refusal, StoreError, family::Family, stage::Stage};

/// Carries out a change, if its author may still ask for it.
pub(crate) fn change(stage: &mut Stage<'_>, realm: &Realm, command: &ChangeAuth) -> Result<(), ReadError> {
    let actor = command.author.as_ref().map_or(Actor::Nobody, Actor::from);
    realm.check_root(&actor).map_err(Refusal::Auth)?;
    let mut management = Management { settings: record::settings(stage)?, stage };
    match command.change.as_ref().ok_or(StoreError::UnknownCommand)? {
        AuthChange::Enable(_) => management.enable(),
        AuthChange::Disable(_) => management.disable(),
        AuthChange::UserAdd(user) => management.add_user(user),
        AuthChange::UserDelete(user) => management.delete_user(&user.name),
        AuthChange::UserChangePassword(user) => management.change_password(user),
        AuthChange::UserGrantRole(grant) => management.grant_role(grant),
        AuthChange::UserRevokeRole(grant) => management.revoke_role(grant),
        AuthChange::RoleAdd(role) => management.add_role(&role.name),
        AuthChange::RoleDelete(role) => management.delete_role(&role.name),
        AuthChange::RoleGrantPermission(grant) => management.grant_permission(grant),
        AuthChange::RoleRevokePermission(grant) => management.revoke_permission(grant),
    }
}

struct Management<'s, 'd> {
    stage: &'s mut Stage<'d>,
    settings: Settings,
}

impl Management<'_, '_> {
    /// Unlike every other change this does not raise the revision, as in etcd.
    fn enable(&mut self) -> Result<(), ReadError> {
        if self.settings.enabled {
            return Ok(());
        }
        let root = record::user(self.stage, ROOT)?.ok_or(denied(Denial::RootUserNotExist))?;
        if !root.roles.iter().any(|role| role == ROOT) {
            return Err(denied(Denial::RootRoleNotExist));
        }
        self.settings.enabled = true;
        self.save_settings();
        Ok(())
    }

    fn disable(&mut self) -> Result<(), ReadError> {
        if self.settings.enabled {
            self.settings.enabled = false;
            self.raise_revision();
            self.settings.disabled_revision = self.settings.revision;
            self.save_settings();
        }
        Ok(())
    }

    fn add_user(&mut self, user: &UserAdd) -> Result<(), ReadError> {
        if user.name.is_empty() {
            return Err(denied(Denial::UserEmpty));
        }
        if record::user(self.stage, &user.name)?.is_some() {
            return Err(denied(Denial::UserAlreadyExist));
        }
        self.raise_revision();
        self.put_user(&UserRecord {
            name: user.name.clone(),
            password_hash: user.password_hash.clone(),
            no_password: user.no_password,
            roles: Vec::new(),
            password_revision: self.settings.revision,
        });
        Ok(())
    }

    fn delete_user(&mut self, name: &str) -> Result<(), ReadError> {
        self.refuse_if_enabled(name == ROOT)?;
        self.user(name)?;
        self.stage.delete(Family::Auth, user_key(name));
        self.raise_revision();
        Ok(())
    }

    fn change_password(&mut self, change: &UserChangePassword) -> Result<(), ReadError> {
        let mut user = self.user(&change.name)?;
        if !user.no_password {
            user.password_hash = change.password_hash.clone().ok_or(denied(Denial::NoPasswordUser))?;
        }
        self.raise_revision();
        user.password_revision = self.settings.revision;
        self.put_user(&user);
        Ok(())
    }

    fn grant_role(&mut self, grant: &UserRole) -> Result<(), ReadError> {
        let mut user = self.user(&grant.user)?;
        // The root role need not exist to be granted.
        if grant.role != ROOT {
            self.role(&grant.role)?;
        }
        let Err(place) = user.roles.binary_search(&grant.role) else { return Ok(()) };
        user.roles.insert(place, grant.role.clone());
        self.put_user(&user);
        self.raise_revision();
        Ok(())
    }

    fn revoke_role(&mut self, grant: &UserRole) -> Result<(), ReadError> {
        self.refuse_if_enabled(grant.user == ROOT && grant.role == ROOT)?;
        let mut user = self.user(&grant.user)?;
        if !take_role(&mut user, &grant.role) {
            return Err(denied(Denial::RoleNotGranted));
        }
        self.put_user(&user);
        self.raise_revision();
        Ok(())
    }

    fn add_role(&mut self, name: &str) -> Result<(), ReadError> {
        if name.is_empty() {
            return Err(denied(Denial::RoleEmpty));
        }
        if record::role(self.stage, name)?.is_some() {
            return Err(denied(Denial::RoleAlreadyExist));
        }
        self.put_role(&RoleRecord { name: name.to_owned(), permissions: Vec::new() });
        self.raise_revision();
        Ok(())
    }

    fn delete_role(&mut self, name: &str) -> Result<(), ReadError> {
        self.refuse_if_enabled(name == ROOT)?;
        self.role(name)?;
        self.stage.delete(Family::Auth, role_key(name));
        for mut user in record::users(self.stage)? {
            if take_role(&mut user, name) {
                self.put_user(&user);
            }
        }
        self.raise_revision();
        Ok(())
    }

    fn grant_permission(&mut self, grant: &RolePermission) -> Result<(), ReadError> {
        let given = grant.permission.as_ref().ok_or(denied(Denial::PermissionNotGiven))?;
        if !is_valid_range(given) {
            return Err(denied(Denial::InvalidManagement));
        }
        let mut role = self.role(&grant.role)?;
        let place = role.permissions.partition_point(|has| has.key < given.key);
        match role.permissions.get_mut(place) {
            Some(has) if is_same_range(has, given) => has.kind = given.kind,
            // As in etcd, only the first permission with the same key is looked at: the others may come twice.
            _ => {
                role.permissions.push(given.clone());
                role.permissions.sort_by(|one, other| one.key.cmp(&other.key));
            }
        }
        self.put_role(&role);
        self.raise_revision();
        Ok(())
    }

    fn revoke_permission(&mut self, grant: &RolePermission) -> Result<(), ReadError> {
        let mut role = self.role(&grant.role)?;
        let taken = grant.permission.clone().unwrap_or_default();
        let before = role.permissions.len();
        role.permissions.retain(|has| !is_same_range(has, &taken));
        if role.permissions.len() == before {
            return Err(denied(Denial::PermissionNotGranted));
        }
        self.put_role(&role);
        self.raise_revision();
        Ok(())
    }

    /// Without the root user and its role nobody could manage users any more.
    fn refuse_if_enabled(&self, is_root: bool) -> Result<(), ReadError> {
        if self.settings.enabled && is_root { Err(denied(Denial::InvalidManagement)) } else { Ok(()) }
    }

    fn user(&self, name: &str) -> Result<UserRecord, ReadError> {
        record::user(self.stage, name)?.ok_or(denied(Denial::UserNotFound))
    }

    fn role(&self, name: &str) -> Result<RoleRecord, ReadError> {
        record::role(self.stage, name)?.ok_or(denied(Denial::RoleNotFound))
    }

    fn put_user(&mut self, user: &UserRecord) {
        self.stage.put(Family::Auth, user_key(&user.name), user.encode_to_vec());
    }

    fn put_role(&mut self, role: &RoleRecord) {
        self.stage.put(Family::Auth, role_key(&role.name), role.encode_to_vec());
    }

    fn raise_revision(&mut self) {
        self.settings.revision += 1;
        self.save_settings();
    }

    fn save_settings(&mut self) {
        self.stage.put(Family::Auth, SETTINGS, self.settings.encode_to_vec());
    }
}

fn denied(denial: Denial) -> ReadError {
    Refusal::Auth(denial).into()
}

/// Whether the user had it.
fn take_role(user: &mut UserRecord, role: &str) -> bool {
    let before = user.roles.len();
    user.roles.retain(|has| has != role);
    user.roles.len() < before
}

fn is_same_range(one: &PermissionRecord, other: &PermissionRecord) -> bool {
    one.key == other.key && one.range_end == other.range_end
}

/// etcd's `isValidPermissionRange`.
fn is_valid_range(permission: &PermissionRecord) -> bool {
    let PermissionRecord { key, range_end, .. } = permission;
    !key.is_empty() && (range_end.is_empty() || key < range_end || range_end.as_ref() == [0])
}

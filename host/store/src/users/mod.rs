//! Users and roles in the replicated state.

mod apply;
mod command;
mod record;

use std::sync::Arc;

use auth::Realm;

pub use command::{
    AuthChange, Author, ChangeAuth, Named, Nothing, RolePermission, TellToken, UserAdd, UserChangePassword, UserRole,
};
pub use record::{PermissionRecord, RoleRecord, UserRecord};

pub(crate) use apply::change;
pub(crate) use record::{enabled, realm_state, revision, role, roles, take_in, user, users};

use crate::{StoreError, stage::Stage};

/// The realm as a batch sees it: that of the state, until a command of the batch changes it.
pub(crate) struct StagedRealm {
    current: Arc<Realm>,
    is_stale: bool,
    changed: bool,
}

impl StagedRealm {
    pub(crate) fn new(current: Arc<Realm>) -> Self {
        Self { current, is_stale: false, changed: false }
    }

    /// Users or roles changed; the realm is built again when it is next asked for.
    pub(crate) fn outdate(&mut self) {
        (self.is_stale, self.changed) = (true, true);
    }

    pub(crate) fn get(&mut self, stage: &Stage<'_>) -> Result<&Arc<Realm>, StoreError> {
        if self.is_stale {
            self.current = Arc::new(Realm::new(realm_state(stage)?));
            self.is_stale = false;
        }
        Ok(&self.current)
    }

    /// The new realm, if the batch changed it.
    pub(crate) fn changed(mut self, stage: &Stage<'_>) -> Result<Option<Arc<Realm>>, StoreError> {
        if !self.changed {
            return Ok(None);
        }
        self.get(stage).cloned().map(Some)
    }
}

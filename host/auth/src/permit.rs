//! Leave to do one data operation.

use types::Operation;

use crate::{AuthError, Caller};

/// The auth revision while there are no users and roles; etcd counts from one as well.
pub const AUTH_REVISION_FIRST: u64 = 1;

/// Evidence that a caller may do an operation, under the rules of one auth revision.
#[derive(Debug)]
pub struct Permit {
    caller: Caller,
    auth_revision: u64,
}

impl Permit {
    /// Who may do it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The auth revision whose rules allowed it; apply refuses the write when it has moved on.
    #[must_use]
    pub fn auth_revision(&self) -> u64 {
        self.auth_revision
    }
}

/// Decides whether `caller` may do `_operation`. Without users and roles everyone whom the listener let in may.
///
/// # Errors
/// None yet; the rules of users and roles will refuse here.
pub fn permit_write(caller: &Caller, _operation: &Operation) -> Result<Permit, AuthError> {
    Ok(Permit { caller: caller.clone(), auth_revision: AUTH_REVISION_FIRST })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use types::{DeleteRange, KeyRange};

    #[test]
    fn a_permit_says_who_and_at_which_revision() {
        let range = KeyRange::single(Bytes::from_static(b"a"));
        let operation = Operation::DeleteRange(DeleteRange { range, prev_kv: false });
        let permit = permit_write(&Caller::internal(), &operation).unwrap();
        assert!(permit.caller().is_internal());
        assert_eq!(permit.auth_revision(), 1);
    }
}

//! Evidence that a check was made. A later stage asks for one, so that what skips the check does not compile.

use bytes::Bytes;
use types::{KeyRange, Operation, Put, Txn, TxnOp};

use crate::{Actor, Caller, Denial, KeyUse, Realm, Subject};

mod sealed {
    pub trait Sealed {}
}

/// Evidence that its holder may see some plaintext: what opens values asks for one.
pub trait Evidence: sealed::Sealed {}

/// Evidence that a caller may do an operation, under the rules of one auth revision.
#[derive(Clone, Debug)]
pub struct Permit {
    caller: Caller,
    subject: Subject,
    auth_revision: u64,
    enabled: bool,
}

impl Permit {
    /// Who may do it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whom the log names as the author.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.subject.actor()
    }

    /// The auth revision whose rules allowed it; apply refuses the write when it has moved on.
    #[must_use]
    pub fn auth_revision(&self) -> u64 {
        self.auth_revision
    }

    /// Whether it was given under the rules of `realm`.
    #[must_use]
    pub fn is_of(&self, realm: &Realm) -> bool {
        self.auth_revision == realm.revision() && self.enabled == realm.is_enabled()
    }
}

/// Evidence that a caller may read a range of keys.
#[derive(Clone, Debug)]
pub struct ReadPermit {
    subject: Subject,
    range: KeyRange,
    auth_revision: u64,
    enabled: bool,
}

impl ReadPermit {
    /// Whether it was given under the rules of `realm`.
    #[must_use]
    pub fn is_of(&self, realm: &Realm) -> bool {
        self.auth_revision == realm.revision() && self.enabled == realm.is_enabled()
    }

    /// Judges the same user and range again under other rules, as a watch does when they have changed under it. Its
    /// credentials were good when it was opened, and are not asked for again.
    ///
    /// # Errors
    /// Why it may no longer read the range.
    pub fn renew(&mut self, realm: &Realm) -> Result<(), Denial> {
        match &self.subject {
            Subject::User { name, .. } if realm.is_enabled() => {
                realm.check_user(name, &self.range, KeyUse::Read)?;
            }
            subject => realm.check(subject, &self.range, KeyUse::Read)?,
        }
        (self.auth_revision, self.enabled) = (realm.revision(), realm.is_enabled());
        Ok(())
    }
}

/// Evidence that a caller is known, where no keys are named: to grant a lease, to change the cluster.
#[derive(Clone, Debug)]
pub struct Standing {
    subject: Subject,
}

impl Standing {
    /// Whom the log names as the author.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.subject.actor()
    }

    /// Who they are.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}

impl sealed::Sealed for Permit {}
impl sealed::Sealed for ReadPermit {}
impl Evidence for Permit {}
impl Evidence for ReadPermit {}

impl Realm {
    /// Whether the subject may do an operation: every key that it may touch, in every branch. What depends on the
    /// keys of a lease is judged when it is applied.
    ///
    /// # Errors
    /// The first thing that it may not do.
    pub fn permit_write(&self, caller: &Caller, subject: Subject, operation: &Operation) -> Result<Permit, Denial> {
        if self.is_enabled() {
            match operation {
                Operation::Put(put) => self.check_put(&subject, put)?,
                Operation::DeleteRange(delete) => self.check_delete(&subject, &delete.range, delete.prev_kv)?,
                Operation::Txn(txn) => self.check_txn(&subject, txn)?,
            }
        }
        let (auth_revision, enabled) = (self.revision(), self.is_enabled());
        Ok(Permit { caller: caller.clone(), subject, auth_revision, enabled })
    }

    /// Whether the subject may read a range.
    ///
    /// # Errors
    /// Why it may not.
    pub fn permit_read(&self, subject: Subject, range: &KeyRange) -> Result<ReadPermit, Denial> {
        self.check(&subject, range, KeyUse::Read)?;
        let (auth_revision, enabled) = (self.revision(), self.is_enabled());
        Ok(ReadPermit { subject, range: range.clone(), auth_revision, enabled })
    }

    /// Whether the subject may use each of some keys, those of a lease above all. Whoever has the root role may.
    ///
    /// # Errors
    /// Why it may not.
    pub fn permit_keys(&self, subject: Subject, keys: &[Bytes], key_use: KeyUse) -> Result<Standing, Denial> {
        let standing = self.permit_user(subject)?;
        if self.check_root(&standing.actor()).is_err() {
            for key in keys {
                self.check(&standing.subject, &KeyRange::single(key.clone()), key_use)?;
            }
        }
        Ok(standing)
    }

    /// Whether the subject is anybody (etcd's `requireAuthInfo`).
    ///
    /// # Errors
    /// [`Denial::UserEmpty`].
    pub fn permit_user(&self, subject: Subject) -> Result<Standing, Denial> {
        if self.is_enabled() && subject == Subject::Nobody {
            return Err(Denial::UserEmpty);
        }
        Ok(Standing { subject })
    }

    /// Whether the subject may manage the cluster (etcd's `isPermitted`).
    ///
    /// # Errors
    /// Why it may not.
    pub fn permit_root(&self, subject: Subject) -> Result<Standing, Denial> {
        self.check_root(&subject.actor())?;
        Ok(Standing { subject })
    }

    /// Anybody at all, whose credentials, if any, are good: for calls that etcd does not guard.
    #[must_use]
    pub fn permit_anyone(&self, subject: Subject) -> Standing {
        Standing { subject }
    }

    fn check_put(&self, subject: &Subject, put: &Put) -> Result<(), Denial> {
        let range = KeyRange::single(put.key.clone());
        self.check(subject, &range, KeyUse::Write)?;
        if put.prev_kv { self.check(subject, &range, KeyUse::Read) } else { Ok(()) }
    }

    fn check_delete(&self, subject: &Subject, range: &KeyRange, prev_kv: bool) -> Result<(), Denial> {
        self.check(subject, range, KeyUse::Write)?;
        if prev_kv { self.check(subject, range, KeyUse::Read) } else { Ok(()) }
    }

    /// Recursion is bounded by [`types::TXN_DEPTH_MAX`].
    fn check_txn(&self, subject: &Subject, txn: &Txn) -> Result<(), Denial> {
        for compare in &txn.compare {
            self.check(subject, &compare.range, KeyUse::Read)?;
        }
        txn.success.iter().chain(&txn.failure).try_for_each(|op| match op {
            TxnOp::Range(query) => self.check(subject, &query.range, KeyUse::Read),
            TxnOp::Put(put) => self.check_put(subject, put),
            TxnOp::DeleteRange(delete) => self.check_delete(subject, &delete.range, delete.prev_kv),
            TxnOp::Txn(inner) => self.check_txn(subject, inner),
        })
    }
}

//! Applying committed log entries: the only way the state changes.
//!
//! Deterministic: the outcome follows from the state and the command alone. Nothing here runs a plugin, draws a
//! random number, reads a clock or opens a sealed value.

use std::sync::atomic::Ordering;

use auth::{Actor, Realm};
use bytes::Bytes;
use seal::Sealed;
use types::OpOutcome;

use crate::users::TellToken;
use crate::{
    AlarmRecord, LeaseRecord, MembershipEntry, ReadError, Refusal, RevisionEvents, Store, StoreError, actions, alarm,
    cluster,
    command::{Body, ClientWrite, Command, Compact, LeaseCheckpoint, LeaseGrant, LeaseRevoke, Op, OpKind, Stamp},
    execute::Execution,
    family::Family,
    keyring,
    layout::lease_key,
    lease, policy,
    read::{self, meta},
    rewrap,
    stage::Stage,
    users::{self, StagedRealm},
};

/// A committed entry of the log.
pub struct LogEntry {
    /// Its log id, as the consensus layer encodes it.
    pub applied: Bytes,
    /// The membership it sets, if it does.
    pub membership: Option<MembershipEntry>,
    /// The command, if it carries one.
    pub command: Option<Command>,
}

/// What one entry did.
#[derive(Debug)]
pub struct Applied {
    /// Newest revision after it.
    pub revision: i64,
    /// What came of it.
    pub result: Result<Outcome, Refusal>,
}

/// What a command did.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing: an entry without a command.
    Nothing,
    /// A client's write.
    Write(OpOutcome<Sealed>),
    /// History was given up.
    Compacted,
    /// A lease was created.
    LeaseGranted(LeaseRecord),
    /// How long leases have left was noted.
    LeasesCheckpointed,
    /// A lease was ended, and its keys deleted.
    LeaseRevoked,
    /// A component is kept.
    ComponentPut,
    /// The policy changed.
    PolicyChanged {
        /// The new epoch.
        epoch: u64,
    },
    /// Values were sealed otherwise.
    Rewrapped {
        /// How many.
        records: u64,
    },
    /// A member may use a data key.
    UsesReserved,
    /// An alarm that was raised, cleared, or stood already; `None` when there was nothing to do.
    Alarm(Option<AlarmRecord>),
    /// The cluster changed.
    ClusterChanged,
    /// Users or roles changed, or are as asked for already.
    AuthChanged,
    /// What an administrator does is known to every member.
    ActionRecorded,
    /// Every member knows a token.
    TokenTold(TellToken),
}

/// What a batch of entries did.
#[derive(Debug)]
pub struct AppliedBatch {
    /// One for each entry.
    pub applied: Vec<Applied>,
    /// What watchers are to be told, in order.
    pub events: Vec<RevisionEvents>,
}

impl Store {
    /// Applies entries in order and commits their data together with how far the log is applied.
    ///
    /// # Errors
    /// When the disk fails or the state is damaged; nothing of the batch is then in the state, and the member must stop.
    pub fn apply(&self, entries: Vec<LogEntry>) -> Result<AppliedBatch, StoreError> {
        let _writer = self.shared.writer.lock().expect("a panic while applying leaves the state unknown");
        self.with_database(|database| {
            let mut stage = Stage::counting(database, self.shared.counted.load_full());
            let mut realm = StagedRealm::new(self.shared.realm.load_full());
            let mut batch = AppliedBatch { applied: Vec::with_capacity(entries.len()), events: Vec::new() };
            for entry in entries {
                let result = apply_entry(&mut stage, &mut realm, &entry, &mut batch.events)?;
                if failpoint::planted_one_in("double-apply", 100) {
                    drop(apply_entry(&mut stage, &mut realm, &entry, &mut batch.events)?);
                }
                batch.applied.push(Applied { revision: read::revision(&stage)?, result });
            }
            // Before the commit: a reader that sees the new state must not find that the old rules still hold.
            let (realm, epoch) = (realm.changed(&stage)?, read::policy_epoch(&stage)?);
            if realm.is_some() || epoch != self.shared.policy_epoch.load(Ordering::SeqCst) {
                self.shared.rules_are_ahead.store(true, Ordering::SeqCst);
                self.shared.policy_epoch.store(epoch, Ordering::SeqCst);
                realm.into_iter().for_each(|realm| self.shared.realm.store(realm));
            }
            let commit = self.shared.metrics.commit_seconds.start_timer();
            stage.commit()?;
            commit.stop_and_record();
            self.shared.metrics.count(&batch.applied, &batch.events);
            self.shared.rules_are_ahead.store(false, Ordering::SeqCst);
            self.shared.bystanders.tell(&batch.applied);
            Ok(batch)
        })
    }
}

fn apply_entry(
    stage: &mut Stage<'_>,
    realm: &mut StagedRealm,
    entry: &LogEntry,
    events: &mut Vec<RevisionEvents>,
) -> Result<Result<Outcome, Refusal>, StoreError> {
    stage.put(Family::Meta, meta::APPLIED, entry.applied.clone());
    if let Some(membership) = &entry.membership {
        stage.put(Family::Meta, meta::MEMBERSHIP, membership.encoded.clone());
        cluster::set_members(stage, &membership.members)?;
    }
    let Some(command) = &entry.command else { return Ok(Ok(Outcome::Nothing)) };
    match apply_command(stage, realm, command, events) {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(ReadError::Refused(refusal)) => Ok(Err(refusal)),
        Err(ReadError::Store(error)) => Err(error),
    }
}

fn apply_command(
    stage: &mut Stage<'_>,
    realm: &mut StagedRealm,
    command: &Command,
    events: &mut Vec<RevisionEvents>,
) -> Result<Outcome, ReadError> {
    let body = command.body.as_ref().ok_or(StoreError::UnknownCommand)?;
    alarm::check(stage, body)?;
    match body {
        Body::Write(write) => client_write(stage, realm.get(stage)?, write, events),
        Body::Compact(compaction) => compact(stage, *compaction),
        Body::LeaseGrant(grant) => grant_lease(stage, *grant),
        Body::LeaseCheckpoint(checkpoint) => checkpoint_leases(stage, checkpoint),
        Body::LeaseRevoke(revoke) => revoke_lease(stage, realm.get(stage)?, revoke, events),
        Body::PutComponent(put) => Ok(policy::put_component(stage, put)),
        Body::PutPlugin(plugin) => policy::put(stage, plugin),
        Body::ChangePlugin(change) => policy::change(stage, change),
        Body::RemovePlugin(removal) => policy::remove(stage, removal),
        Body::ChangeKeyring(change) => keyring::change(stage, change),
        Body::Rewrap(command) => rewrap::rewrap(stage, command),
        Body::ReserveUses(reserve) => keyring::reserve(stage, reserve),
        Body::SetAlarm(change) => Ok(Outcome::Alarm(alarm::set(stage, change)?)),
        Body::ChangeCluster(change) => {
            cluster::change(stage, change)?;
            Ok(Outcome::ClusterChanged)
        }
        Body::RecordAction(action) => {
            actions::record(stage, action)?;
            Ok(Outcome::ActionRecorded)
        }
        Body::ChangeAuth(change) => {
            users::change(stage, realm.get(stage)?, change)?;
            realm.outdate();
            Ok(Outcome::AuthChanged)
        }
        Body::TellToken(token) => {
            let current = realm.get(stage)?.revision();
            let stale = !realm.get(stage)?.is_enabled() || token.auth_revision != current;
            if stale { Err(Refusal::StaleAuth { current }.into()) } else { Ok(Outcome::TokenTold(token.clone())) }
        }
    }
}

fn client_write(
    stage: &mut Stage<'_>,
    realm: &Realm,
    write: &ClientWrite,
    events: &mut Vec<RevisionEvents>,
) -> Result<Outcome, ReadError> {
    let stamp = write.stamp.clone().unwrap_or_default();
    let author = stamp.author.as_ref().map_or(Actor::Nobody, Actor::from);
    check_stamp(stage, realm, &stamp, &author)?;
    policy::check_premises(stage, &stamp.premises)?;
    let op = write.op.as_ref().ok_or(StoreError::UnknownCommand)?;
    if realm.is_enabled() && author != Actor::Root {
        check_leases(stage, realm, &author, op)?;
    }
    let mut execution = Execution::new(stage)?;
    let outcome = execution.run(op)?;
    publish(execution, events);
    Ok(Outcome::Write(outcome))
}

/// A write reviewed, sealed or permitted under other rules is not applied: its proposer does it all again.
fn check_stamp(stage: &Stage<'_>, realm: &Realm, stamp: &Stamp, author: &Actor) -> Result<(), ReadError> {
    let current = read::policy_epoch(stage)?;
    if stamp.policy_epoch != current && !failpoint::planted("skipped-epoch-check") {
        return Err(Refusal::StalePolicy { current }.into());
    }
    // Users and roles are turned on without a new revision; who is nobody was permitted while they were off.
    let permitted_while_off = realm.is_enabled() && *author == Actor::Nobody;
    if stamp.auth_revision != realm.revision() || permitted_while_off {
        return Err(Refusal::StaleAuth { current: realm.revision() }.into());
    }
    Ok(())
}

/// Whoever attaches a key to a lease can delete what else hangs on it, so they must be allowed to write that. Judged
/// here, because which keys those are changes with every write. As in etcd both branches of a transaction count.
fn check_leases(stage: &Stage<'_>, realm: &Realm, author: &Actor, op: &Op) -> Result<(), ReadError> {
    match op.kind.as_ref().ok_or(StoreError::UnknownCommand)? {
        OpKind::Put(put) if put.lease != 0 => check_lease(stage, realm, author, put.lease),
        OpKind::Txn(txn) => {
            txn.success.iter().chain(&txn.failure).try_for_each(|op| check_leases(stage, realm, author, op))
        }
        OpKind::Put(_) | OpKind::Range(_) | OpKind::DeleteRange(_) => Ok(()),
    }
}

fn check_lease(stage: &Stage<'_>, realm: &Realm, author: &Actor, lease: i64) -> Result<(), ReadError> {
    if realm.check_root(author).is_ok() {
        return Ok(());
    }
    let keys = lease::keys(stage, lease)?;
    let denied = keys.iter().find_map(|key| realm.check_actor(author, key).err());
    denied.map_or(Ok(()), |denial| Err(Refusal::Auth(denial).into()))
}

fn publish(execution: Execution<'_, '_>, events: &mut Vec<RevisionEvents>) {
    let changes = execution.into_events();
    if let Some(first) = changes.first() {
        events.push(RevisionEvents { revision: first.kv.mod_revision, events: changes.into() });
    }
}

fn compact(stage: &mut Stage<'_>, compaction: Compact) -> Result<Outcome, ReadError> {
    // As etcd: also the compacted revision itself cannot be compacted to again.
    if compaction.revision <= read::compacted(stage)? {
        return Err(Refusal::Compacted.into());
    }
    if compaction.revision > read::revision(stage)? {
        return Err(Refusal::FutureRevision.into());
    }
    stage.put_number(meta::COMPACTED, compaction.revision);
    Ok(Outcome::Compacted)
}

fn grant_lease(stage: &mut Stage<'_>, grant: LeaseGrant) -> Result<Outcome, ReadError> {
    if lease::find(stage, grant.id)?.is_some() {
        return Err(Refusal::LeaseExists.into());
    }
    let lease = LeaseRecord { id: grant.id, ttl_seconds: grant.ttl_seconds, remaining_seconds: 0 };
    lease::put(stage, lease);
    Ok(Outcome::LeaseGranted(lease))
}

fn checkpoint_leases(stage: &mut Stage<'_>, checkpoint: &LeaseCheckpoint) -> Result<Outcome, ReadError> {
    for remaining in &checkpoint.leases {
        if let Some(lease) = lease::find(stage, remaining.id)? {
            lease::put(stage, LeaseRecord { remaining_seconds: remaining.remaining_seconds, ..lease });
        }
    }
    Ok(Outcome::LeasesCheckpointed)
}

fn revoke_lease(
    stage: &mut Stage<'_>,
    realm: &Realm,
    revoke: &LeaseRevoke,
    events: &mut Vec<RevisionEvents>,
) -> Result<Outcome, ReadError> {
    if lease::find(stage, revoke.id)?.is_none() {
        return Err(Refusal::LeaseNotFound.into());
    }
    check_lease(stage, realm, &revoke.author.as_ref().map_or(Actor::Nobody, Actor::from), revoke.id)?;
    let keys = lease::keys(stage, revoke.id)?;
    let mut execution = Execution::new(stage)?;
    for key in keys {
        execution.delete_key(key)?;
    }
    publish(execution, events);
    stage.delete(Family::Lease, lease_key(revoke.id));
    Ok(Outcome::LeaseRevoked)
}

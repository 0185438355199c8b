//! Alarms: what members raised, and which commands are refused while they stand.

use prost::Message;

use crate::{
    ReadError, Refusal, StoreError,
    command::{Body, ClientWrite, Op, OpKind},
    family::Family,
    read::{Read, meta},
    stage::Stage,
};

/// Most alarms that may stand at a time: far more than members and kinds, and still read within microseconds.
const ALARMS_MAX: usize = 1024;

/// The quota is used up.
pub const ALARM_NO_SPACE: i32 = 1;

/// Members hold different data.
pub const ALARM_CORRUPT: i32 = 2;

/// An alarm that stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Message)]
pub struct AlarmRecord {
    /// The kind, as etcd counts; kinds that nobody knows are kept as well.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// The member that it was raised for.
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
}

/// Raises or clears an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct SetAlarm {
    /// Whether it is raised.
    #[prost(bool, tag = "1")]
    pub raised: bool,
    /// Which one.
    #[prost(message, required, tag = "2")]
    pub alarm: AlarmRecord,
}

/// Every alarm, by kind and member.
#[derive(Clone, PartialEq, Eq, Message)]
struct AlarmSet {
    #[prost(message, repeated, tag = "1")]
    alarms: Vec<AlarmRecord>,
}

/// What alarms keep from being applied.
#[derive(Clone, Copy)]
pub(crate) struct Blocked {
    growth: bool,
    change: bool,
}

pub(crate) fn all(read: &dyn Read) -> Result<Vec<AlarmRecord>, StoreError> {
    let Some(bytes) = read.get(Family::Meta, meta::ALARMS)? else { return Ok(Vec::new()) };
    Ok(AlarmSet::decode(bytes).map_err(|_| StoreError::damaged("the alarms"))?.alarms)
}

/// Carries out a change; the alarm that was there or was raised, as etcd answers.
pub(crate) fn set(stage: &mut Stage<'_>, change: &SetAlarm) -> Result<Option<AlarmRecord>, ReadError> {
    let mut alarms = all(stage)?;
    match (change.raised, alarms.binary_search(&change.alarm)) {
        // A kind of zero stands for all of them, and cannot be raised.
        (true, _) if change.alarm.kind == 0 => return Ok(None),
        (true, Ok(_)) => return Ok(Some(change.alarm)),
        (false, Err(_)) => return Ok(None),
        (true, Err(_)) if alarms.len() >= ALARMS_MAX => return Err(Refusal::TooManyAlarms.into()),
        (true, Err(at)) => alarms.insert(at, change.alarm),
        (false, Ok(at)) => drop(alarms.remove(at)),
    }
    stage.put(Family::Meta, meta::ALARMS, AlarmSet { alarms }.encode_to_vec());
    stage.blocked = None;
    Ok(Some(change.alarm))
}

/// Refuses what the alarms that stand do not let pass: without space what may grow the state, even by a branch that is
/// not taken, and on a corrupt cluster every change.
pub(crate) fn check(stage: &mut Stage<'_>, body: &Body) -> Result<(), ReadError> {
    let blocked = match stage.blocked {
        Some(blocked) => blocked,
        None => *stage.blocked.insert(blocked(stage)?),
    };
    if blocked.change && changes_keys(body) {
        return Err(Refusal::CorruptCluster.into());
    }
    if blocked.growth && may_grow(body) {
        return Err(Refusal::NoSpace.into());
    }
    Ok(())
}

fn blocked(read: &dyn Read) -> Result<Blocked, StoreError> {
    let alarms = all(read)?;
    let stands = |kind| alarms.iter().any(|alarm| alarm.kind == kind);
    Ok(Blocked { growth: stands(ALARM_NO_SPACE), change: stands(ALARM_CORRUPT) })
}

fn changes_keys(body: &Body) -> bool {
    matches!(body, Body::Write(_) | Body::Compact(_) | Body::LeaseGrant(_) | Body::LeaseRevoke(_))
}

fn may_grow(body: &Body) -> bool {
    match body {
        Body::LeaseGrant(_) => true,
        Body::Write(ClientWrite { op: Some(op), .. }) => puts(op),
        _ => false,
    }
}

fn puts(op: &Op) -> bool {
    match &op.kind {
        Some(OpKind::Put(_)) => true,
        Some(OpKind::Txn(txn)) => txn.success.iter().chain(&txn.failure).any(puts),
        Some(OpKind::Range(_) | OpKind::DeleteRange(_)) | None => false,
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;

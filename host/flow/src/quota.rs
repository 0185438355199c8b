//! Room: what the state may grow to, and what the disk has left, before writes are refused.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use store::{ALARM_NO_SPACE, Disk, Store, StoreError};
use types::{Operation, Put, PutValue, Txn, TxnOp};

use crate::{Alarm, FlowError, Member};

/// etcd's default quota.
pub const QUOTA_BYTES_DEFAULT: i64 = 2 << 30;

/// etcd's estimate of what a key costs beside its name and value.
const KEY_OVERHEAD_BYTES: u64 = 256;

/// etcd's estimate of what a lease costs.
pub(crate) const LEASE_BYTES: u64 = 64;

/// Measures state and disk only when what was left the last time is used up: measuring costs more than a write.
pub(crate) struct Quota {
    /// `None` for no limit.
    bytes_max: Option<u64>,
    /// What may be written until it is measured again.
    left: AtomicU64,
    /// Up to which revision the state was compacted when the alarm was raised. What is rewritten takes room before it gives any, so that
    /// on a short disk it waits for the next compaction: deletes need room as well.
    compacted: AtomicI64,
}

/// How often it is measured whatever is written, and how often in a row there has to be room before an alarm is taken back.
const LOOK: Duration = Duration::from_secs(5);
const LOOKS_MIN: u32 = 6;

/// How often the state is rewritten by itself at most while the alarm stands: that reads and writes all of it, so a second for each
/// 4 MiB of it, and five minutes at most.
const REWRITE_PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
const REWRITE_BYTES_A_SECOND: u64 = 4 << 20;

/// What is kept free of the disk, so that deletes can still be logged and the state be compacted; of a small disk a quarter.
const RESERVE_BYTES: u64 = 256 << 20;

/// What is kept free for merges of RocksDB beside that: as much as the state, since files are written before those go that they
/// replace, and a snapshot holds on to those until the next; of a large state less than all is merged at once.
const MERGE_BYTES_MAX: u64 = 512 << 20;

/// What a byte that is written takes of the disk: in the log, in the state, and once more while that is compacted.
const BYTES_ON_DISK: u64 = 3;

/// What there is still room for, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    /// Until the quota is reached.
    in_quota: u64,
    /// Until the reserve of the disk is touched.
    on_disk: u64,
    /// How much the reserve is, with what is kept for merges, and what else has to be free before it counts as room.
    reserve: u64,
    slack: u64,
    /// What the state takes of the disk, and what it may take once more while it is rewritten.
    state: u64,
    for_rewrite: u64,
}

/// What was seen while the alarm stood.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// How often in a row there was room.
    looks: u32,
    /// Up to which revision it was compacted, and how often it had been rewritten, when log and snapshot were cut for a short disk:
    /// they hold on to files of before.
    cut: Option<(i64, u64)>,
}

/// When the state was rewritten by itself, and up to which revision it was compacted then.
#[derive(Clone, Copy, Default)]
struct Rewritten(Option<(Instant, i64)>);

impl Rewritten {
    /// Whether there has been a compaction since, and time enough. Deletes alone leave nothing to be rewritten without: history keeps
    /// what was deleted.
    fn is_due(self, compacted: i64, state: u64, now: Instant) -> bool {
        let pause = REWRITE_PAUSE_MAX.min(Duration::from_secs(state / REWRITE_BYTES_A_SECOND));
        match self.0 {
            None => compacted > 0,
            Some((at, before)) => compacted > before && now.saturating_duration_since(at) >= pause,
        }
    }
}

impl Room {
    /// With a state of so many bytes, in memory and in files.
    fn of(bytes_max: Option<u64>, state: u64, disk: Disk) -> Self {
        let (reserve, merges) = (RESERVE_BYTES.min(disk.whole / 4), state.min(MERGE_BYTES_MAX));
        // What is in memory will be on disk, and nobody may have it any more.
        let free = disk.free.saturating_sub(disk.unflushed);
        Self {
            // As etcd counts: what reaches the quota is over it.
            in_quota: bytes_max.map_or(u64::MAX, |max| max.saturating_sub(state).saturating_sub(1)),
            on_disk: free.saturating_sub(reserve + merges),
            reserve: reserve + merges,
            slack: reserve / 4,
            state,
            for_rewrite: free.saturating_sub(reserve / 4),
        }
    }

    /// Whether next to nothing of the disk is left.
    fn is_short(self) -> bool {
        self.on_disk <= self.slack
    }

    fn bytes(self) -> u64 {
        self.in_quota.min(self.on_disk / BYTES_ON_DISK)
    }

    /// Whether the disk ends before the quota does.
    fn is_short_of_disk(self) -> bool {
        self.on_disk / BYTES_ON_DISK < self.in_quota
    }
}

impl Quota {
    pub(crate) fn new(configured: i64) -> Self {
        let quota_size_bytes = shown(configured);
        match configured {
            ..0 => tracing::info!(quota_size_bytes, "disabled backend quota"),
            0 => tracing::info!(quota_size_bytes, "enabled backend quota with default value"),
            1.. => tracing::info!(quota_size_bytes, "enabled backend quota"),
        }
        Self { bytes_max: u64::try_from(quota_size_bytes).ok(), left: AtomicU64::new(0), compacted: AtomicI64::new(0) }
    }

    /// Takes what a write of `cost` bytes needs of what was left when it was measured last, if there is so much.
    fn take(&self, cost: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost)).is_ok()
    }

    fn measure(&self, store: &Store) -> Result<Room, StoreError> {
        let ((size, _), disk) = (store.size_bytes()?, store.disk()?);
        let room = Room::of(self.bytes_max, size, disk);
        self.left.store(room.bytes(), Ordering::Relaxed);
        Ok(room)
    }
}

/// The quota that a configured number means, as Status shows it.
pub(crate) fn shown(configured: i64) -> i64 {
    if configured == 0 { QUOTA_BYTES_DEFAULT } else { configured }
}

impl Member {
    /// Refuses a write that there is no room for, and raises the alarm that keeps every member from writing more.
    pub(crate) async fn check_room(&self, cost: u64) -> Result<(), FlowError> {
        if cost == 0 || self.shared.quota.take(cost) {
            return Ok(());
        }
        let room = self.shared.quota.measure(&self.shared.store)?;
        if self.shared.quota.take(cost) {
            return Ok(());
        }
        if !self.no_space_stands()? {
            self.raise_no_space(room).await?;
        }
        Err(FlowError::NoSpace)
    }

    /// Raises the alarm when the disk runs short, whoever filled it, and takes it back once there is room again and has been for a
    /// while. etcd leaves the latter to an administrator, and until then nobody writes. While the alarm stands the state is rewritten once a
    /// compaction has removed something: else its files would stay as large as they are until somebody calls for it.
    pub(crate) async fn watch_room_forever(self) {
        let (mut seen, mut rewritten) = (Seen::default(), Rewritten::default());
        loop {
            tokio::time::sleep(LOOK).await;
            seen = self.watch_room(seen, &mut rewritten).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "whether there is room cannot be told, or not be agreed on; tried again");
                Seen { looks: 0, ..seen }
            });
        }
    }

    async fn watch_room(&self, before: Seen, rewritten: &mut Rewritten) -> Result<Seen, FlowError> {
        let (room, stands) = (self.shared.quota.measure(&self.shared.store)?, self.no_space_stands()?);
        if room.on_disk == 0 && !stands {
            self.raise_no_space(room).await?;
        }
        if !stands {
            return Ok(Seen::default());
        }
        let (compacted, is_swept) =
            self.shared.store.view(|view| Ok::<_, StoreError>((view.compacted()?, view.is_swept()?)))?;
        let mut seen = before;
        let (short, now_is) = (room.is_short(), (compacted, self.rewrites()));
        if short && before.cut.is_none_or(|cut| is_swept && cut != now_is) {
            // The log keeps entries that nobody here needs any more.
            self.shared.consensus.forget().await.map_err(|error| FlowError::Forget(error.to_string()))?;
            seen.cut = Some(now_is);
        }
        let in_quota = self.shared.quota.bytes_max.is_none_or(|max| room.in_quota > max / 10);
        if short || !in_quota {
            let has_new = !short || compacted > self.shared.quota.compacted.load(Ordering::Relaxed);
            if is_swept && has_new && room.state <= room.for_rewrite {
                self.rewrite_if_due(room, compacted, rewritten);
            }
            return Ok(Seen { looks: 0, ..seen });
        }
        if before.looks + 1 < LOOKS_MIN {
            return Ok(Seen { looks: before.looks + 1, ..seen });
        }
        self.set_alarm(false, self.no_space()).await?;
        tracing::info!("there is room below the backend quota and on the disk again; alarm cleared");
        Ok(Seen::default())
    }

    /// Rewrites the state without what a compaction removed.
    fn rewrite_if_due(&self, room: Room, compacted: i64, rewritten: &mut Rewritten) {
        if rewritten.is_due(compacted, room.state, Instant::now()) && self.begin_defragment() {
            *rewritten = Rewritten(Some((Instant::now(), compacted)));
        }
    }

    async fn raise_no_space(&self, room: Room) -> Result<(), FlowError> {
        if room.is_short_of_disk() {
            tracing::warn!(reserve_bytes = room.reserve, "the disk is full but for a reserve; raising alarm");
        } else {
            let quota_size_bytes = shown(self.shared.config.quota_backend_bytes);
            tracing::warn!(quota_size_bytes, "message exceeded backend quota; raising alarm");
        }
        let compacted = self.shared.store.view(|view| view.compacted())?;
        self.shared.quota.compacted.store(compacted, Ordering::Relaxed);
        self.set_alarm(true, self.no_space()).await?;
        Ok(())
    }

    fn no_space(&self) -> Alarm {
        Alarm { kind: ALARM_NO_SPACE, member_id: self.shared.identity.member_id }
    }

    /// Whether this member's alarm stands.
    fn no_space_stands(&self) -> Result<bool, FlowError> {
        Ok(self.standing()?.contains(&self.no_space()))
    }
}

/// What an operation may add to the state: the dearer branch of a transaction. Zero for what only deletes.
pub(crate) fn cost(operation: &Operation) -> u64 {
    match operation {
        Operation::Put(put) => cost_of_put(put),
        Operation::DeleteRange(_) => 0,
        Operation::Txn(txn) => cost_of_txn(txn),
    }
}

fn cost_of_txn(txn: &Txn) -> u64 {
    let of_op = |op: &TxnOp| match op {
        TxnOp::Put(put) => cost_of_put(put),
        TxnOp::Txn(inner) => cost_of_txn(inner),
        TxnOp::Range(_) | TxnOp::DeleteRange(_) => 0,
    };
    let of_branch = |branch: &[TxnOp]| branch.iter().map(of_op).sum();
    u64::max(of_branch(&txn.success), of_branch(&txn.failure))
}

fn cost_of_put(put: &Put) -> u64 {
    let value = match &put.value {
        PutValue::Set(value) => value.len(),
        PutValue::Keep => 0,
    };
    KEY_OVERHEAD_BYTES + put.key.len() as u64 + value as u64
}

#[cfg(test)]
mod tests {
    use types::PutLease;

    use super::*;

    fn put(value: &str) -> Put {
        let value = PutValue::Set(value.as_bytes().to_vec().into());
        Put { key: "k".into(), value, lease: PutLease::Set(0), prev_kv: false }
    }

    const MIB: u64 = 1 << 20;

    /// What is left of a disk for writes.
    fn on_disk(state: u64, free: u64, whole: u64, unflushed: u64) -> u64 {
        let disk = Disk { free: free * MIB, whole: whole * MIB, unflushed: unflushed * MIB };
        Room::of(None, state * MIB, disk).on_disk / MIB
    }

    #[test]
    fn of_the_disk_a_reserve_is_kept_what_is_in_memory_and_room_for_merges() {
        assert_eq!(on_disk(0, 1000, 10_000, 0), 1000 - 256);
        assert_eq!(on_disk(0, 400, 400, 0), 400 - 100);
        assert_eq!(on_disk(150, 400, 400, 100), 400 - 100 - 150 - 100);
        assert_eq!(on_disk(2000, 2000, 10_000, 0), 2000 - 256 - 512);
        assert_eq!(on_disk(150, 300, 400, 100), 0);
    }

    #[test]
    fn a_state_is_rewritten_if_it_may_take_as_much_again() {
        let room = |free: u64| Room::of(None, 100 * MIB, Disk { free: free * MIB, whole: 400 * MIB, unflushed: 0 });
        assert!(room(125).state <= room(125).for_rewrite && room(125).is_short());
        assert!(room(124).state > room(124).for_rewrite);
        assert!(!room(400).is_short());
    }

    #[test]
    fn a_transaction_costs_as_much_as_its_dearer_branch() {
        let branch = |puts: usize| (0..puts).map(|_| TxnOp::Put(put("four"))).collect::<Vec<_>>();
        let inner = Txn { compare: Vec::new(), success: branch(2), failure: branch(1) };
        let mut failure = branch(1);
        failure.push(TxnOp::Txn(inner));
        let txn = Txn { compare: Vec::new(), success: branch(1), failure };
        assert_eq!(cost(&Operation::Put(put("four"))), 256 + 1 + 4);
        assert_eq!(cost(&Operation::Txn(txn)), 3 * (256 + 1 + 4));
    }

    #[test]
    fn the_state_is_rewritten_once_for_a_compaction_and_not_too_often() {
        let now = Instant::now();
        let never = Rewritten::default();
        assert!(!never.is_due(-1, u64::MAX, now) && never.is_due(7, u64::MAX, now));
        let rewritten = Rewritten(Some((now, 7)));
        for (state, pause) in [(u64::MAX, REWRITE_PAUSE_MAX), (100 * MIB, Duration::from_secs(25))] {
            let later = now + pause;
            assert!(!rewritten.is_due(7, state, later), "nothing was compacted since");
            assert!(!rewritten.is_due(8, state, later - Duration::from_secs(1)));
            assert!(rewritten.is_due(8, state, later));
        }
    }

    #[test]
    fn it_is_measured_anew_when_what_was_left_is_used_up() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let has_room = |quota: &Quota, cost| quota.take(cost) || (quota.measure(&store).is_ok() && quota.take(cost));
        let quota = Quota::new(1 << 20);
        for _ in 0..100 {
            assert!(has_room(&quota, 100_000), "nothing of it was written, so there always is room");
        }
        assert!(!has_room(&quota, 2 << 20));
        let unlimited = Quota::new(-1);
        let room = unlimited.measure(&store).unwrap();
        assert!(room.in_quota == u64::MAX && room.reserve > 0 && room.on_disk > 0, "{room:?}");
        assert!(has_room(&unlimited, 2 << 20));
        assert!(!has_room(&unlimited, room.on_disk), "a byte takes more than a byte of the disk");
    }
}

//! Looking for members that hold other data than the rest.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use store::{ALARM_CORRUPT, HashKv};

use crate::{Alarm, FlowError, Member, StartError};

/// How often a member looks whether it was found to hold other data.
const ALARM_INTERVAL: Duration = Duration::from_secs(1);

/// How a member looks for data that differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorruptionChecks {
    /// Whether a member compares itself with the others before it serves.
    pub initial: bool,
    /// How often the leader compares all members, zero for never.
    pub interval: Duration,
}

impl Member {
    /// The leader compares all members, again and again.
    pub(crate) async fn check_corruption_forever(self) {
        let interval = self.shared.config.corruption_checks.interval;
        if interval.is_zero() {
            return;
        }
        loop {
            tokio::time::sleep(interval).await;
            if self.leads()
                && let Err(error) = self.compare_members().await
            {
                tracing::warn!(%error, "failed to compare the data of the members; tried again");
            }
        }
    }

    /// Raises an alarm for each member whose data differs from what a majority holds; for nobody in particular if there
    /// is no majority.
    async fn compare_members(&self) -> Result<(), FlowError> {
        self.shared.consensus.confirm_read().await?;
        let own = self.view_off_thread(|view| view.hash_kv(0)).await?;
        let members = self.shared.consensus.membership().nodes;
        let mut found = self.hashes(members.keys().copied(), own.hash_revision).await;
        found.insert(self.shared.identity.member_id, own);
        for member_id in differing(&found, members.len()) {
            tracing::error!(
                member_id = format!("{member_id:x}"),
                revision = own.hash_revision,
                "found data that differs"
            );
            self.set_alarm(true, Alarm { member_id, kind: ALARM_CORRUPT }).await?;
        }
        Ok(())
    }

    async fn hashes(&self, members: impl Iterator<Item = u64>, revision: i64) -> BTreeMap<u64, HashKv> {
        let others = members.filter(|id| *id != self.shared.identity.member_id);
        let asked = others.map(async |id| Some((id, self.shared.consensus.hash_of(id, revision).await?)));
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    /// Compares this member with the others, before it serves.
    ///
    /// # Errors
    /// [`StartError::Diverged`] when another member that compacted to the same revision holds other data.
    pub(crate) async fn check_initially(&self) -> Result<(), StartError> {
        if !self.shared.config.corruption_checks.initial {
            return Ok(());
        }
        let failed = |error: FlowError| StartError::Policy(Box::new(error));
        let own = self.view_off_thread(|view| view.hash_kv(0)).await.map_err(failed)?;
        let members = self.shared.consensus.membership().nodes;
        let found = self.hashes(members.keys().copied(), own.hash_revision).await;
        match found.into_iter().find(|(_, other)| is_other(own, *other)) {
            Some((id, _)) => Err(StartError::Diverged { other: id, revision: own.hash_revision }),
            None => Ok(()),
        }
    }

    /// Follows the alarms that stand for this member itself.
    pub(crate) async fn watch_own_alarm_forever(self) {
        loop {
            let own = |alarm: &Alarm| alarm.kind == ALARM_CORRUPT && alarm.member_id == self.shared.identity.member_id;
            if let Ok(alarms) = self.standing() {
                let diverged = alarms.iter().any(own);
                if diverged != self.shared.diverged.swap(diverged, Ordering::SeqCst) {
                    tracing::error!(
                        diverged,
                        "whether this member holds other data than the rest, and so refuses reads"
                    );
                }
            }
            tokio::time::sleep(ALARM_INTERVAL).await;
        }
    }

    /// A member that was found to hold other data than the rest answers nothing from it.
    pub(crate) fn refuse_if_diverged(&self) -> Result<(), FlowError> {
        match self.shared.diverged.load(Ordering::Relaxed) {
            true => Err(FlowError::CorruptCluster),
            false => Ok(()),
        }
    }
}

/// Hashes of different compactions say nothing about each other.
fn is_other(one: HashKv, other: HashKv) -> bool {
    one.compact_revision == other.compact_revision && one.hash != other.hash
}

/// The members that do not hold what a majority of all `members` does; zero stands for nobody in particular.
fn differing(found: &BTreeMap<u64, HashKv>, members: usize) -> Vec<u64> {
    let agree = |one: HashKv| found.values().filter(|other| **other == one).count();
    let most = found.values().copied().max_by_key(|one| agree(*one));
    let Some(most) = most else { return Vec::new() };
    let others: Vec<u64> = found.iter().filter(|(_, one)| is_other(most, **one)).map(|(id, _)| *id).collect();
    if others.is_empty() || agree(most) * 2 > members { others } else { vec![0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(hashes: &[(u64, u32, i64)]) -> BTreeMap<u64, HashKv> {
        let hash = |&(id, hash, compact_revision)| (id, HashKv { hash, compact_revision, hash_revision: 9 });
        hashes.iter().map(hash).collect()
    }

    #[test]
    fn the_minority_is_blamed_and_without_a_majority_nobody_in_particular() {
        let nobody: Vec<u64> = Vec::new();
        assert_eq!(differing(&found(&[(1, 5, 2), (2, 5, 2), (3, 5, 2)]), 3), nobody);
        assert_eq!(differing(&found(&[(1, 6, 2), (2, 5, 2), (3, 5, 2)]), 3), [1]);
        assert_eq!(differing(&found(&[(1, 6, 2), (2, 5, 2)]), 3), [0]);
        assert_eq!(differing(&found(&[(1, 6, 1), (2, 5, 2), (3, 5, 2)]), 3), nobody, "compacted to another revision");
        assert_eq!(differing(&found(&[(1, 6, 2)]), 3), nobody);
    }
}

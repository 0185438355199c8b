//! Looking for members that hold other data than the rest.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use consensus::{MemberHash, RebuildCause};
use store::{ALARM_CORRUPT, HashKv};

use crate::{Alarm, FlowError, Member, StartError, ending};

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

/// What came of comparing members.
struct Comparison {
    /// The revision up to which they were compared.
    revision: i64,
    /// Who does not hold what a majority does, see [`differing`].
    differing: Vec<u64>,
    /// Whether a majority holds what this member does.
    agrees: bool,
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
        let Comparison { differing, revision, .. } = self.compare().await?;
        for member_id in differing {
            tracing::error!(member_id = format!("{member_id:x}"), revision, "found data that differs");
            self.set_alarm(true, Alarm { member_id, kind: ALARM_CORRUPT }).await?;
        }
        Ok(())
    }

    async fn hashes(&self, members: &[u64], revision: i64) -> BTreeMap<u64, MemberHash> {
        let others = members.iter().copied().filter(|id| *id != self.shared.identity.member_id);
        let asked = others.map(async |id| Some((id, self.shared.consensus.hash_of(id, revision).await?)));
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    /// Compares this member with the others, before it serves.
    ///
    /// # Errors
    /// [`StartError::Rebuild`] when a majority agrees on other data, [`StartError::Diverged`] when there is no majority.
    pub(crate) async fn check_initially(&self) -> Result<(), StartError> {
        if !self.shared.config.corruption_checks.initial {
            return Ok(());
        }
        let compared = self.compare().await.map_err(|error| StartError::Policy(Box::new(error)))?;
        let Comparison { differing, revision, .. } = compared;
        match differing.first() {
            Some(0) => Err(StartError::Diverged { revision }),
            Some(_) if differing.contains(&self.shared.identity.member_id) && self.mark_to_be_replaced() => {
                Err(StartError::Rebuild {
                    reason: format!("it differs from that of the other members at revision {revision}"),
                })
            }
            _ => Ok(()),
        }
    }

    /// Compares at the newest revision that all who answer hold: one that holds other data may count further than the rest.
    async fn compare(&self) -> Result<Comparison, FlowError> {
        let members: Vec<u64> = self.shared.consensus.membership().nodes.into_keys().collect();
        let mut own = self.view_unhurried(|view| view.hash_kv(0)).await?;
        let mut hashes = self.hashes(&members, own.hash_revision).await;
        let lacking = hashes.values().filter(|other| other.found.is_none());
        let common = lacking.map(|other| other.newest_revision).filter(|newest| *newest < own.hash_revision).min();
        if let Some(common) = common {
            own = self.view_unhurried(move |view| view.hash_kv(common)).await?;
            hashes = self.hashes(&members, common).await;
        }
        let mut found: BTreeMap<u64, HashKv> =
            hashes.into_iter().filter_map(|(id, other)| Some((id, other.found?))).collect();
        found.insert(self.shared.identity.member_id, own);
        let agreeing = found.values().filter(|other| **other == own).count();
        Ok(Comparison {
            revision: own.hash_revision,
            differing: differing(&found, members.len()),
            agrees: agreeing * 2 > members.len(),
        })
    }

    fn mark_to_be_replaced(&self) -> bool {
        ending::mark_for_rebuild(&self.shared.consensus_config, RebuildCause::Diverged)
    }

    /// Follows the alarms that stand for this member itself.
    pub(crate) async fn watch_own_alarm_forever(self) {
        let own = Alarm { kind: ALARM_CORRUPT, member_id: self.shared.identity.member_id };
        loop {
            if let Ok(alarms) = self.standing() {
                let diverged = alarms.contains(&own);
                if diverged != self.shared.diverged.swap(diverged, Ordering::SeqCst) {
                    tracing::error!(
                        diverged,
                        "whether this member is said to hold other data than the rest, and so refuses reads"
                    );
                }
                if diverged && let Err(error) = self.answer_own_alarm(own).await {
                    tracing::warn!(%error, "this member could not be compared with the others; tried again");
                }
            }
            tokio::time::sleep(ALARM_INTERVAL).await;
        }
    }

    /// Whoever differs from a majority gets another state. Whoever got one, and agrees with a majority, takes the alarm away.
    async fn answer_own_alarm(&self, own: Alarm) -> Result<(), FlowError> {
        let members = self.shared.consensus.membership().nodes;
        if members.len() < 2 {
            return Ok(());
        }
        self.shared.consensus.confirm_read().await?;
        let Comparison { differing, agrees, .. } = self.compare().await?;
        if differing.contains(&own.member_id) {
            if self.mark_to_be_replaced() {
                self.shared.replaced.notify_one();
            }
        } else if agrees && self.shared.was_rebuilt {
            tracing::info!("this member's state was replaced and agrees with the others; its alarm is taken away");
            self.set_alarm(false, own).await?;
        }
        Ok(())
    }

    /// A member that was found to hold other data than the rest answers nothing from it.
    pub(crate) fn refuse_if_diverged(&self) -> Result<(), FlowError> {
        match self.shared.diverged.load(Ordering::Relaxed) {
            true => Err(FlowError::CorruptCluster),
            false => Ok(()),
        }
    }
}

/// Hashes of different compactions say nothing about each other, and neither do those of before and after a value was sealed.
fn is_other(one: HashKv, other: HashKv) -> bool {
    let comparable = one.compact_revision == other.compact_revision && one.resealed == other.resealed;
    comparable && one.hash != other.hash
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
        let hash =
            |&(id, hash, compact_revision)| (id, HashKv { hash, compact_revision, hash_revision: 9, resealed: 0 });
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

//! Sealing anew what is there: after a rotation, when a prefix is sealed or unsealed, and when somebody compares with it before.
//!
//! On the leader, piece by piece, as entries that are guarded by key and revision. Nothing is remembered but how far this pass
//! has come: the next leader walks over what is left.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use admission::Policy;
use bytes::Bytes;
use consensus::Proposal;
use seal::{KeyState, SealError, Sealed};
use store::{
    Outcome, Place, Refusal, Step, StoreError, View, Walk, Walked,
    command::{ChangeKeyring, Rewrapped},
};
use tokio::sync::Notify;
use types::{CompareTarget, KeyRange, Operation, Txn, TxnOp};

use super::{Custody, change::unix_seconds, pace::Pace};
use crate::{FlowError, Member};

/// How often it is looked whether there is something to do that nobody told of: a new leader is not told.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// After a pass that had to put something off there is a pause of so many times what it took, up to the longest: unless a data key can be used again.
const PUT_OFF_PARTS: u32 = 10;
const PUT_OFF_MAX: Duration = Duration::from_secs(600);

/// A data key that was made and never activated goes after so long: its maker has died, or given up.
const PENDING_SECONDS_MAX: i64 = 600;

/// A leader that has no root key hands over at most so often for one policy epoch: perhaps nobody has one. Who changes it has one.
const HAND_OVER_AGAIN: Duration = Duration::from_secs(600);

/// Values that one compare may have sealed anew before it is tried again.
const COMPARED_STEP: Step = Step { values: 1000, bytes: 8 << 20, entries: 100_000 };

/// Wakes the rewrap.
#[derive(Default)]
pub(crate) struct Rewrapper {
    wanted: Notify,
}

impl Rewrapper {
    /// There is something to do.
    pub(crate) fn wake(&self) {
        self.wanted.notify_one();
    }
}

/// What a pass over everything found.
#[derive(Default)]
struct Pass {
    /// Data keys that something refers to.
    referred: BTreeSet<u32>,
    /// Whether something was sealed anew, so that another pass has to look whether that was all.
    found_any: bool,
    unopened: u64,
    /// One of those, and why.
    failed: Option<(Bytes, SealError)>,
    /// Why a value cannot be sealed anew for now, though others can: its root key is away, above all.
    put_off: Option<SealError>,
}

/// What a step of a pass found.
struct Stepped {
    walked: Walked,
    /// The data keys of all values that were looked at.
    referred: BTreeSet<u32>,
}

impl Member {
    pub(crate) async fn rewrap_forever(self) {
        let mut handed_over: Option<(Instant, u64)> = None;
        loop {
            let (began, mut pause) = (Instant::now(), LOOK_AGAIN);
            match self.rewrap_if_needed().await {
                Ok(Some(epoch)) => {
                    let is_again =
                        handed_over.is_some_and(|(when, of)| of == epoch && when.elapsed() < HAND_OVER_AGAIN);
                    if !is_again {
                        tracing::info!(
                            "values are to be sealed anew, and this member has no root key: another one shall lead"
                        );
                        self.hand_over().await;
                        handed_over = Some((Instant::now(), epoch));
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "values are not sealed anew for now; tried again");
                    // It walks over all of them again, for what a root key that is away has to open.
                    if matches!(error, FlowError::Seal(_)) {
                        pause = (began.elapsed() * PUT_OFF_PARTS).clamp(LOOK_AGAIN, PUT_OFF_MAX);
                    }
                }
            }
            // Running out of time is as good as being told.
            drop(tokio::time::timeout(pause, self.shared.rewrapper.wanted.notified()).await);
        }
    }

    /// The policy epoch in which there is something to do that this member, though it leads, cannot; `None` when there is not.
    async fn rewrap_if_needed(&self) -> Result<Option<u64>, FlowError> {
        while self.leads() && !self.shared.store.view(|view| view.is_settled())? {
            if self.shared.policy.providers().is_none() {
                return Ok(Some(self.shared.store.policy_epoch()));
            }
            let policy = self.shared.policy.caught_up().await?;
            let Some(pass) = self.pass(&policy).await? else { continue };
            self.shared.seal_metrics.unopened_records.set(i64::try_from(pass.unopened).unwrap_or(i64::MAX));
            if !pass.found_any {
                // What can be sealed is by now.
                if let Some(error) = pass.put_off {
                    return Err(error.into());
                }
                self.settle(&policy, &pass).await?;
            }
        }
        Ok(None)
    }

    /// Walks over everything that may be sealed; `None` when the policy changed or leadership was lost under way.
    async fn pass(&self, policy: &Arc<Policy>) -> Result<Option<Pass>, FlowError> {
        let mut pass = Pass::default();
        let mut pace = Pace::new(self.shared.store.view(|view| view.revision())?);
        for prefix in policy.keyring().concerned() {
            let mut next = Some(Walk::over(&prefix));
            while let Some(walk) = next {
                let began = Instant::now();
                let Stepped { walked, referred } = self.step(policy, walk, pace.step()).await?;
                pass.referred.extend(referred);
                next = walked.next;
                let bytes: Vec<_> = walked.found.iter().map(|(_, value)| value.bytes().len()).collect();
                if !walked.found.is_empty() && !self.rewrap(policy, walked.found, &mut pass).await? {
                    return Ok(None);
                }
                if !self.leads() {
                    return Ok(None);
                }
                pace.look(self.shared.store.view(|view| view.revision())?);
                tokio::time::sleep(pace.pause(began.elapsed(), bytes.into_iter())).await;
            }
        }
        Ok(Some(pass))
    }

    /// The next values that are not sealed as they should be.
    async fn step(&self, policy: &Arc<Policy>, walk: Walk, step: Step) -> Result<Stepped, FlowError> {
        let policy = policy.clone();
        let look = move |view: &View<'_>| {
            let referred = RefCell::new(BTreeSet::new());
            let wants = |key: &[u8], value: &Sealed| {
                referred.borrow_mut().extend(value.key_id());
                !policy.keyring().is_current(key, value)
            };
            let walked = view.walk(walk, step, &wants)?;
            Ok::<_, StoreError>(Stepped { walked, referred: referred.into_inner() })
        };
        self.view_unhurried(look).await
    }

    /// Puts the values into the log, sealed as they should be; `false` when the policy has changed.
    async fn rewrap(
        &self,
        policy: &Arc<Policy>,
        found: Vec<(Place, Sealed)>,
        pass: &mut Pass,
    ) -> Result<bool, FlowError> {
        let (mut items, mut bytes) = (Vec::with_capacity(found.len()), 0);
        for (place, value) in found {
            match self.resealed(policy, &place.key, &value).await {
                Ok(None) => return Ok(false),
                Ok(Some(sealed)) => {
                    bytes += value.bytes().len() as u64;
                    items.push(item(place, &value, &sealed));
                }
                // It stays as it is, and so does the data key that it names.
                Err(FlowError::Seal(error)) if error.is_of_one_record() => {
                    pass.unopened += 1;
                    pass.failed = Some((place.key, error));
                }
                Err(FlowError::Seal(error)) => pass.put_off = Some(error),
                Err(error) => return Err(error),
            }
        }
        if items.is_empty() {
            return Ok(true);
        }
        pass.found_any = true;
        let Some(records) = self.propose_rewrap(policy, items).await? else { return Ok(false) };
        self.shared.seal_metrics.rewrapped_records.inc_by(records);
        self.shared.seal_metrics.rewrapped_bytes.inc_by(bytes);
        failpoint::reached("rewrap");
        Ok(true)
    }

    /// How many records were replaced; `None` when the policy has changed.
    async fn propose_rewrap(&self, policy: &Policy, items: Vec<Rewrapped>) -> Result<Option<u64>, FlowError> {
        match self.shared.consensus.propose(Proposal::rewrap(policy.epoch(), items)).await?.result {
            Ok(Outcome::Rewrapped { records }) => Ok(Some(records)),
            Err(Refusal::StalePolicy { current }) => {
                self.shared.policy.reach(current).await?;
                Ok(None)
            }
            Err(refusal) => Err(refusal.into()),
            Ok(other) => Err(FlowError::Corrupt(format!("a rewrap came out as {other:?}"))),
        }
    }

    /// A value as it should be stored; `None` when the policy has changed.
    async fn resealed(&self, policy: &Policy, key: &[u8], value: &Sealed) -> Result<Option<Sealed>, FlowError> {
        loop {
            match policy.keyring().rewrap(key, value) {
                Err(SealError::UsesSpent { id }) => {
                    if !self.reserve_uses(policy.keyring(), id).await? {
                        return Ok(None);
                    }
                }
                resealed => return Ok(Some(resealed?.unwrap_or_else(|| value.clone()))),
            }
        }
    }

    /// Everything is as it should be: data keys that nothing refers to are destroyed.
    async fn settle(&self, policy: &Arc<Policy>, pass: &Pass) -> Result<(), FlowError> {
        let oldest = unix_seconds().saturating_sub(PENDING_SECONDS_MAX);
        let records = self.shared.policy.records()?.into_iter();
        let useless = records.filter(|record| match record.state() {
            KeyState::Retired => !pass.referred.contains(&record.id),
            KeyState::Pending => record.created_unix_seconds < oldest,
            KeyState::Active | KeyState::Destroyed => false,
        });
        let destroyed: Vec<_> = useless.map(|record| record.in_state(KeyState::Destroyed)).collect();
        let ids: Vec<_> = destroyed.iter().map(|record| record.id).collect();
        let records: Vec<Bytes> = destroyed.iter().map(seal::DataKeyRecord::encode).collect();
        let change =
            ChangeKeyring { expected_epoch: policy.epoch(), records, settles: true, ..ChangeKeyring::default() };
        if let Some(policy_epoch) = self.custody().propose(change).await? {
            tracing::info!(policy_epoch, destroyed = ?ids, unopened = pass.unopened, "every value is sealed as it should be");
        }
        Ok(())
    }

    pub(crate) fn custody(&self) -> Custody<'_> {
        Custody { consensus: &self.shared.consensus, policy: &self.shared.policy }
    }

    /// A compare met values that are sealed otherwise than its operand supposes: they are sealed anew before it is tried again.
    pub(crate) async fn reseal_compared(&self, operation: &Operation) -> Result<(), FlowError> {
        let Operation::Txn(txn) = operation else { return Ok(()) };
        let mut ranges = Vec::new();
        compared(txn, &mut ranges);
        let policy = self.shared.policy.caught_up().await?;
        for range in ranges {
            let keyring = policy.keyring().clone();
            let wants = move |key: &[u8], value: &Sealed| !keyring.is_current(key, value);
            let look = move |view: &store::View<'_>| Ok(view.walk(Walk::live(range), COMPARED_STEP, &wants)?);
            let found = self.view_off_thread(look).await?.found;
            let mut pass = Pass::default();
            if !self.rewrap(&policy, found, &mut pass).await? {
                return Ok(());
            }
            if let Some(error) = pass.put_off {
                return Err(error.into());
            }
            // Nobody can say whether it is equal to anything.
            if let Some((key, source)) = pass.failed {
                return Err(FlowError::DamagedRecord { key, source });
            }
        }
        Ok(())
    }
}

/// Ranges whose values a transaction looks at.
fn compared(txn: &Txn, ranges: &mut Vec<KeyRange>) {
    let values = txn.compare.iter().filter(|compare| matches!(compare.target, CompareTarget::Value(_)));
    ranges.extend(values.map(|compare| compare.range.clone()));
    for op in txn.success.iter().chain(&txn.failure) {
        if let TxnOp::Txn(inner) = op {
            compared(inner, ranges);
        }
    }
}

fn item(place: Place, found: &Sealed, sealed: &Sealed) -> Rewrapped {
    Rewrapped {
        key: place.key,
        revision: place.revision,
        replaced_at: place.replaced_at,
        sealed_with: found.key_id().unwrap_or(0),
        value: sealed.into(),
    }
}

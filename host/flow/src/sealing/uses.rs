//! Reserving uses of data keys, before values are sealed with them.

use bytes::Bytes;
use consensus::Proposal;
use seal::Keyring;
use store::{Outcome, Refusal};
use tokio::sync::Mutex;

use crate::{FlowError, Member};

/// Uses reserved at once: one entry in the log for about a million values, and that many counted for nothing after a crash.
const BLOCK_USES: u64 = 1 << 20;

/// A block is at most so small a part of what a rule allows, so that what is counted for nothing does not bring rotations on.
const BLOCK_PARTS: u64 = 64;

/// One reservation at a time: whoever waited finds it made.
#[derive(Default)]
pub(crate) struct Reserving(Mutex<()>);

impl Member {
    /// Returns once this member has uses of a data key; `false` if that does not seal anything new any more, and another policy
    /// is in force.
    pub(crate) async fn reserve_uses(&self, keyring: &Keyring, id: u32) -> Result<bool, FlowError> {
        let _one = self.shared.reserving.0.lock().await;
        if keyring.uses_left(id) > 0 {
            return Ok(true);
        }
        let Some((_, prefix)) = keyring.active().find(|(active, _)| *active == id) else { return Ok(false) };
        let count = block(keyring, prefix);
        let applied = self.shared.consensus.propose(Proposal::reserve_uses(prefix.clone(), id, count)).await?;
        match applied.result {
            Ok(Outcome::UsesReserved) => {
                keyring.add_uses(id, count);
                Ok(true)
            }
            Err(Refusal::KeyNotActive { current }) => {
                self.shared.policy.reach(current).await?;
                Ok(false)
            }
            Err(refusal) => Err(refusal.into()),
            Ok(other) => Err(FlowError::Corrupt(format!("a reservation came out as {other:?}"))),
        }
    }
}

fn block(keyring: &Keyring, prefix: &Bytes) -> u64 {
    let uses_max = keyring.rule(prefix).map_or(seal::ROTATE_AFTER_USES_DEFAULT, seal::SealRule::uses_max);
    (uses_max / BLOCK_PARTS).clamp(1, BLOCK_USES)
}

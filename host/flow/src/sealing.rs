//! Brings the replicated seal policy in line with this member's seal configuration, at start.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use consensus::{Consensus, Identity, Proposal};
use seal::{DataKeyRecord, Keyring, RootKeyProvider, SealConfig};
use store::{Outcome, Refusal, Store};

use crate::{FlowError, MemberConfig, StartError, policy::PolicyKeeper};

/// Makes a data key for each configured prefix that has none.
///
/// Nothing is sealed or unsealed behind the operator's back: a prefix that already holds plain values is refused, and so is
/// one that is sealed but no longer configured.
pub(crate) async fn bring_in_line(
    config: &MemberConfig,
    identity: Identity,
    store: &Store,
    consensus: &Consensus,
    policy: &PolicyKeeper,
) -> Result<(), StartError> {
    let Some(seal) = &config.seal else { return Ok(()) };
    check_none_dropped(seal, policy.current().keyring())?;
    let mut wanted: Vec<Bytes> = seal.prefixes.iter().map(|prefix| prefix.clone().into()).collect();
    // Shorter first: a prefix within another takes over its digest key.
    wanted.sort_by_key(Bytes::len);
    for prefix in wanted {
        while !seal_prefix(identity, &prefix, store, consensus, policy).await? {}
    }
    Ok(())
}

/// Whether the prefix is sealed now; not when another member changed the policy at the same time.
async fn seal_prefix(
    identity: Identity,
    prefix: &Bytes,
    store: &Store,
    consensus: &Consensus,
    policy: &PolicyKeeper,
) -> Result<bool, StartError> {
    let current = policy.current();
    if current.keyring().prefixes().any(|sealed| sealed == prefix) {
        return Ok(true);
    }
    if !current.keyring().covers(prefix) && store.view(|view| view.holds_any(prefix))? {
        return Err(StartError::AlreadyInUse { prefix: shown(prefix) });
    }
    let provider = policy.provider().expect("a seal configuration always names a provider");
    let record = new_key(identity, prefix, current.keyring(), provider)?;
    let (epoch, sealed) = propose(consensus, current.epoch(), record).await?;
    policy.reach(epoch).await.map_err(StartError::of_policy)?;
    if sealed {
        tracing::info!(prefix = shown(prefix), policy_epoch = epoch, "prefix sealed");
    }
    Ok(sealed)
}

fn check_none_dropped(seal: &SealConfig, keyring: &Keyring) -> Result<(), StartError> {
    let dropped = keyring.prefixes().find(|sealed| !seal.prefixes.iter().any(|wanted| wanted.as_bytes() == **sealed));
    match dropped {
        Some(prefix) => Err(StartError::Unsealing { prefix: shown(prefix) }),
        None => Ok(()),
    }
}

fn new_key(
    identity: Identity,
    prefix: &Bytes,
    keyring: &Keyring,
    provider: &dyn RootKeyProvider,
) -> Result<DataKeyRecord, StartError> {
    let now = failpoint::system_time().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let created = i64::try_from(now).unwrap_or(i64::MAX);
    Ok(Keyring::generate(identity.cluster_id, prefix, keyring.next_id(), created, Some(keyring), provider)?)
}

/// The policy epoch after it, and whether the key was taken.
async fn propose(consensus: &Consensus, epoch: u64, record: DataKeyRecord) -> Result<(u64, bool), StartError> {
    let applied = consensus.propose(Proposal::put_data_keys(epoch, vec![record.encode()])).await;
    match applied.map_err(|error| StartError::of_policy(error.into()))?.result {
        Ok(Outcome::PolicyChanged { epoch }) => Ok((epoch, true)),
        Err(Refusal::StalePolicy { current }) => Ok((current, false)),
        // Another member took a write under the prefix since this one looked.
        Err(Refusal::PrefixInUse) => Err(StartError::AlreadyInUse { prefix: shown(&record.prefix) }),
        other => Err(StartError::of_policy(FlowError::Corrupt(format!("a data key came out as {other:?}")))),
    }
}

fn shown(prefix: &[u8]) -> String {
    String::from_utf8_lossy(prefix).into_owned()
}

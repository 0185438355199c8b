//! What a start does about sealing: it brings the replicated policy in line with this member's seal configuration, and gives a
//! cluster that was made of another one's data data keys of its own.

use std::sync::Arc;

use consensus::Consensus;
use seal::{Providers, SealConfig, SealRule};

use super::{Custody, change::has_active_key, shown};
use crate::{FlowError, StartError, policy::PolicyKeeper};

/// The root-key providers that the configuration names.
pub(crate) fn open_providers(config: Option<&SealConfig>) -> Result<Option<Arc<Providers>>, StartError> {
    Ok(config.map(SealConfig::open_providers).transpose()?.flatten().map(Arc::new))
}

/// Puts the configured rules in force. The configuration only ever seals: what an administrator has sealed besides stays so,
/// and what it leaves plain that is sealed is left sealed, with a word in the log.
pub(crate) async fn bring_in_line(
    config: Option<&SealConfig>,
    consensus: &Consensus,
    policy: &PolicyKeeper,
) -> Result<(), StartError> {
    let Some(seal) = config.filter(|_| policy.providers().is_some()) else { return Ok(()) };
    let custody = Custody { consensus, policy };
    let mut rules: Vec<_> = seal.rules.iter().collect();
    // Shorter first: a prefix within another takes over its digest key.
    rules.sort_by_key(|rule| rule.prefix.len());
    for rule in rules {
        while let Err(error) = set_if_missing(custody, rule).await {
            match error {
                // Members that start together all do this. Each change is one of them getting on; then it is looked again.
                FlowError::PolicyChanging => {}
                // That one is to get this configuration as well, and does this when it starts with it.
                FlowError::KeyRefused { .. } => {
                    tracing::error!(%error, prefix = shown(&rule.prefix), "a prefix is not sealed yet as this member is configured to");
                    break;
                }
                error => return Err(StartError::of_policy(error)),
            }
        }
    }
    Ok(())
}

async fn set_if_missing(custody: Custody<'_>, rule: &SealRule) -> Result<(), FlowError> {
    let current = custody.policy.caught_up().await?;
    let known = current.keyring().rule(&rule.prefix);
    let is_there = known == Some(rule) && (!rule.sealed || has_active_key(&current, &rule.prefix));
    let unseals = !rule.sealed && known.map_or(current.keyring().covers(&rule.prefix), |known| known.sealed);
    if unseals {
        tracing::warn!(
            prefix = shown(&rule.prefix),
            "the seal configuration leaves a prefix plain that is sealed; it stays sealed until an administrator unseals it"
        );
    } else if !is_there {
        custody.set_rule(rule).await?;
    }
    Ok(())
}

/// Gives sealed prefixes without a data key one: those of a cluster that was made of a snapshot, in which the data keys of the other
/// cluster seal nothing any more. What does not succeed is tried again (`keep_keys`); until then nothing is written there.
pub(crate) async fn give_missing_keys(consensus: &Consensus, policy: &PolicyKeeper) {
    let custody = Custody { consensus, policy };
    loop {
        match custody.give_missing_keys().await {
            Ok(_) => return,
            // Members that start together all do this.
            Err(FlowError::PolicyChanging) => {}
            Err(error) => {
                tracing::warn!(%error, "a sealed prefix has no data key, and gets none now; nothing can be written there");
                return;
            }
        }
    }
}

/// The data of this cluster may be a copy, and others may have been made of the same: none of them seals anything with a data
/// key that another one has. What does not succeed is said, and does not stand in the way of a cluster that is in need.
pub(crate) async fn renew_all(consensus: &Consensus, policy: &PolicyKeeper) {
    let current = policy.current();
    let mut rules: Vec<_> = current.keyring().rules().filter(|rule| rule.sealed).collect();
    rules.sort_by_key(|rule| rule.prefix.len());
    for rule in rules {
        if let Err(error) = (Custody { consensus, policy }).renew(rule).await {
            tracing::warn!(
                prefix = shown(&rule.prefix),
                %error,
                "a cluster that was made of the same data seals with the same data key; replace it: strongroom key rotate"
            );
        }
    }
}

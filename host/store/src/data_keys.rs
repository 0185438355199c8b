//! Wrapped data keys, and the prefixes that they seal.

use std::ops::ControlFlow;

use bytes::Bytes;
use seal::{DataKeyRecord, SealError};

use crate::{
    Outcome, ReadError, Refusal, StoreError,
    command::PutDataKeys,
    family::Family,
    range,
    read::{self, Read},
    stage::Stage,
};

/// Adds or replaces data keys. What a prefix held before it is sealed would stay in plain text, so a prefix is sealed empty.
pub(crate) fn put(stage: &mut Stage<'_>, keys: &PutDataKeys) -> Result<Outcome, ReadError> {
    let current = read::policy_epoch(stage)?;
    if keys.expected_epoch != current {
        return Err(Refusal::StalePolicy { current }.into());
    }
    let records: Result<Vec<_>, SealError> =
        keys.records.iter().map(|bytes| Ok((DataKeyRecord::decode(bytes.clone())?, bytes))).collect();
    let (records, sealed) = (records?, sealed_prefixes(stage)?);
    // All before the first is put: a command that is refused changes nothing.
    for (DataKeyRecord { prefix, .. }, _) in &records {
        let is_sealed = sealed.iter().any(|sealed| prefix.starts_with(sealed));
        if !is_sealed && range::holds_any(stage, prefix)? {
            return Err(Refusal::PrefixInUse.into());
        }
    }
    for (record, bytes) in records {
        stage.put(Family::Keyring, [record.prefix.as_ref(), &record.id.to_be_bytes()].concat(), bytes.clone());
    }
    Ok(Outcome::PolicyChanged { epoch: stage.raise_policy_epoch()? })
}

/// Prefixes that have a data key. What lies in a prefix within one of them is sealed by that one's.
fn sealed_prefixes(read: &dyn Read) -> Result<Vec<Bytes>, StoreError> {
    let mut prefixes = Vec::new();
    read.scan(Family::Keyring, &[], None, &mut |_, value| {
        prefixes.push(DataKeyRecord::decode(value)?.prefix);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(prefixes)
}

//! Sealed values and what describes their keys, damaged on the disk or by whoever has it: each is refused, or is what it was.
//!
//! This asks the decoders themselves: behind the doors of a member nobody gets to choose these bytes.

use bytes::Bytes;
use harness::Random;
use seal::{
    DataKeyRecord, KeyFile, KeyState, Keyring, Operand, Providers, RecoveryCosts, RecoveryRecipient, RootKeyProvider,
    SealRule, Sealed,
};
use types::{CompareResult, KeyRange, Plain};

use crate::{
    dictionary::{bytes, damage, noise},
    report::{Outcome, Tally},
};

const CLUSTER: u64 = 7;
const KEY: &[u8] = b"/s/a";
const SEALED_FORM: u8 = 1;

/// Cases in the time of one that goes through a door.
pub(crate) const AT_ONCE: usize = 500;

/// More uses than any run has.
const USES: u64 = 1 << 40;

/// A keyring, and all that it was made from.
#[derive(Debug)]
pub(crate) struct Vault {
    root: Providers,
    file: KeyFile,
    rule: SealRule,
    record: DataKeyRecord,
    keyring: Keyring,
    operand: Operand,
    wrap: Vec<u8>,
    recipient: String,
}

impl Vault {
    /// A new one, with its root key in this folder.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub(crate) fn new(folder: &std::path::Path) -> Self {
        let path = folder.join("root.key");
        let root = Providers::single(KeyFile::create(&path).expect("the folder can be written"));
        let file = KeyFile::open(&path).expect("it was just made");
        let rule = SealRule { padding_bytes: vec![64], ..SealRule::seal(Bytes::from_static(b"/s/")) };
        let record = Keyring::empty(CLUSTER).generate(&rule, 0, &root).expect("a data key can be made");
        let record = record.in_state(KeyState::Active);
        let keyring =
            Keyring::open(CLUSTER, std::slice::from_ref(&rule), std::slice::from_ref(&record), Some(&root), None);
        let keyring = keyring.expect("what was just made opens");
        keyring.add_uses(record.id, USES);
        let operand = operand(&keyring).expect("it has its key");
        let wrap = file.wrap(b"a data key", b"aad").expect("the key is at hand");
        let costs = RecoveryCosts::new(19_456, 1, 1).expect("the least that is allowed");
        let recipient = RecoveryRecipient::create("a passphrase", costs).expect("there is memory for it").to_string();
        Self { root, file, rule, record, keyring, operand, wrap, recipient }
    }
}

fn operand(keyring: &Keyring) -> Option<Operand> {
    keyring.operand(&KeyRange::single(KEY), CompareResult::Equal, &Plain::from(b"value".to_vec())).ok()
}

/// One case.
///
/// # Panics
/// When something damaged is taken for what it is not.
pub(crate) fn case(random: &mut Random, vault: &Vault, tally: &mut Tally) {
    let is_taken = match random.below(5) {
        0 | 1 => value(random, vault),
        2 => record(random, vault),
        3 => wrap(random, vault),
        _ => text(random, vault),
    };
    tally.count("sealed", if is_taken { Outcome::Served } else { Outcome::Answered });
}

/// Damages all but one in eight.
fn spoil(random: &mut Random, sound: &[u8]) -> Vec<u8> {
    let mut spoiled = sound.to_vec();
    match random.below(8) {
        0 => {}
        1 => spoiled = noise(random, 300),
        _ => damage(random, &mut spoiled),
    }
    spoiled
}

fn value(random: &mut Random, vault: &Vault) -> bool {
    let plain = bytes(random);
    let sealed = vault.keyring.seal(KEY, &Plain::from(plain.clone())).expect("uses are left");
    let spoiled = spoil(random, sealed.bytes());
    let is_sound = spoiled == *sealed.bytes();
    let Ok(read) = Sealed::from_state(SEALED_FORM, spoiled.into()) else { return false };
    assert!(read.digest().is_some() && read.key_id().is_some() && read.len_plain() <= read.bytes().len());
    let opened = vault.keyring.open_value(KEY, &read);
    assert_eq!(opened.is_ok(), is_sound, "an altered value opens, or a sound one does not");
    opened.is_ok_and(|opened| opened.expose() == plain)
}

fn record(random: &mut Random, vault: &Vault) -> bool {
    let spoiled = spoil(random, &vault.record.encode());
    let rule = SealRule::decode(spoil(random, &vault.rule.encode()).as_slice());
    let Ok(record) = DataKeyRecord::decode(spoiled.as_slice()) else { return false };
    let rules = [rule.unwrap_or_else(|_| vault.rule.clone())];
    let Ok(keyring) = Keyring::open(CLUSTER, &rules, &[record], Some(&vault.root), None) else { return false };
    // Whatever else was altered: there is no other key, and no other name for it.
    let is_usable = keyring.usable(&vault.rule.prefix, vault.record.id);
    if is_usable && let Some(Operand::Digest { by, digest }) = operand(&keyring) {
        let Operand::Digest { digest: sound, .. } = &vault.operand else { panic!("the prefix is sealed") };
        assert!(&digest == sound, "data key {by} has changed");
    }
    is_usable
}

fn wrap(random: &mut Random, vault: &Vault) -> bool {
    let spoiled = spoil(random, &vault.wrap);
    let unwrapped = vault.file.unwrap(&spoiled, b"aad");
    assert_eq!(unwrapped.is_ok(), spoiled == vault.wrap, "an altered wrap opens, or a sound one does not");
    unwrapped.is_ok()
}

fn text(random: &mut Random, vault: &Vault) -> bool {
    let spoiled = spoil(random, vault.recipient.as_bytes());
    let text = String::from_utf8_lossy(&spoiled);
    let parsed = text.parse::<RecoveryRecipient>();
    assert_eq!(parsed.is_ok(), text == vault.recipient, "an altered recipient is taken, or a sound one is not");
    parsed.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn what_is_sound_is_taken_and_the_rest_refused() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(folder.path());
        let seed = Seed::of_this_run();
        println!("to repeat: {seed}");
        let (mut random, mut tally) = (Random::new(seed.0), Tally::default());
        for _ in 0..2000 {
            case(&mut random, &vault, &mut tally);
        }
        assert!(tally.has("sealed", Outcome::Served) && tally.has("sealed", Outcome::Answered));
    }
}

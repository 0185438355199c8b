//! Values that break things more often than random ones do.

use harness::Random;

/// Whole numbers at and beyond every bound.
const NUMBERS: [u64; 18] = [
    0,
    1,
    2,
    3,
    5,
    127,
    128,
    255,
    65_536,
    1_048_576,
    i32::MAX as u64,
    1 << 31,
    u32::MAX as u64,
    9_000_000_000,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// Texts and bytes. No name here may lead to users and roles that close the door to everything else.
const BYTES: [&[u8]; 16] = [
    b"",
    b"\0",
    b"a",
    b"b",
    b"z",
    b"fuzz/",
    b"fuzz0",
    b"/registry/secrets/x",
    b"compact_rev_key",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"http://127.0.0.1:1",
    b"3.6.0",
    b"$2a$10$abcdefghijklmnopqrstuv",
];

pub(crate) fn number(random: &mut Random) -> u64 {
    if random.below(4) == 0 { random.next() } else { NUMBERS[random.below(NUMBERS.len() as u64) as usize] }
}

/// Mostly short; one in some hundred is larger than a request may be.
pub(crate) fn bytes(random: &mut Random) -> Vec<u8> {
    match random.below(300) {
        0 => vec![b'x'; 3 << 20],
        1..10 => vec![0; random.below(100_000) as usize],
        10..60 => noise(random, 64),
        _ => BYTES[random.below(BYTES.len() as u64) as usize].to_vec(),
    }
}

/// Random bytes, at most so many.
pub(crate) fn noise(random: &mut Random, length_max: u64) -> Vec<u8> {
    (0..random.below(length_max + 1)).map(|_| random.next() as u8).collect()
}

/// Changes some bytes: flips, cuts, repeats, inserts.
pub(crate) fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.next() as u8),
            _ => {
                let piece = bytes[at..bytes.len().min(at + 16)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn damage_changes_and_survives_nothing_left() {
    let mut random = Random::new(1);
    let changed = (0..100).filter(|_| {
        let mut bytes = b"a whole message".to_vec();
        damage(&mut random, &mut bytes);
        bytes != b"a whole message"
    });
    assert!(changed.count() > 90);
    damage(&mut random, &mut Vec::new());
}

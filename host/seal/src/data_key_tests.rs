use proptest::prelude::*;

use super::*;
use crate::envelope::OVERHEAD_BYTES;

const CLUSTER: u64 = 7;
const ID: u32 = 5;

fn data_key(byte: u8) -> DataKey {
    DataKey::new(&Material::from_slice(&[byte; MATERIAL_BYTES]).unwrap())
}

fn sealed(key: &[u8], value: &[u8]) -> Sealed {
    data_key(1).seal(CLUSTER, ID, key, value, &[]).unwrap()
}

/// Reads bytes back as the state would, then opens them.
fn opens(bytes: Vec<u8>, cluster_id: u64, key: &[u8]) -> bool {
    Sealed::from_state(1, bytes.into()).is_ok_and(|value| data_key(1).open(cluster_id, key, value).is_ok())
}

#[test]
fn an_envelope_is_one_allocation_of_the_documented_layout() {
    let nonce = [9; NONCE_BYTES];
    let bytes = data_key(1).envelope(CLUSTER, ID, &nonce, b"/k", b"value", &[]);
    assert_eq!(bytes.len(), 5 + OVERHEAD_BYTES);
    assert_eq!(bytes[..6], [1, 1, 0, 0, 0, 5]);
    assert_eq!(bytes[6..38], data_key(1).digest(b"/k", b"value"));
    assert_eq!(bytes[38..62], nonce);

    let header = &bytes[..38];
    let label = b"strongroom sealed value v1".as_slice();
    let mut aad = Vec::new();
    for field in [label, &CLUSTER.to_be_bytes(), b"/k", header] {
        aad.extend_from_slice(&(field.len() as u64).to_be_bytes());
        aad.extend_from_slice(field);
    }
    let mut message = b"value".to_vec();
    let tag = Xaes::new(&[1; 32]).seal(&nonce, &aad, &mut message);
    assert_eq!(bytes[62..], [&message[..], &tag].concat());
    assert!(Vec::from(bytes).capacity() == 5 + OVERHEAD_BYTES, "the allocation is exact and handed over");
}

/// Written once by this version; must open for ever.
#[test]
fn an_envelope_of_format_1_still_opens() {
    let bytes = data_key(1).envelope(CLUSTER, ID, &[9; NONCE_BYTES], b"/registry/secrets/a", b"fixture", &[]);
    assert_eq!(hex::encode(&bytes), FORMAT_1);
    let value = Sealed::from_state(1, hex::decode(FORMAT_1).unwrap().into()).unwrap();
    assert_eq!(data_key(1).open(CLUSTER, b"/registry/secrets/a", value.clone()).unwrap().expose(), b"fixture");
}

const FORMAT_1: &str = "010100000005065f2de33382461cffc1c591d78e02ebc184ba0a2381a30dff0698c5c46eed1e\
    090909090909090909090909090909090909090909090909\
    37b33e4f3ce31593d5233b8f0989e56ed4a403925c5f61";

#[test]
fn two_seals_of_one_value_share_the_digest_and_nothing_else() {
    let (one, other) = (sealed(b"/k", b"value"), sealed(b"/k", b"value"));
    assert_eq!(one.digest(), other.digest());
    assert_ne!(one.bytes()[38..62], other.bytes()[38..62]);
    assert_ne!(one.bytes()[62..], other.bytes()[62..]);
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let good = sealed(b"/k", b"value").bytes().to_vec();
    assert!(opens(good.clone(), CLUSTER, b"/k"));
    for bit in 0..good.len() * 8 {
        let mut altered = good.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(altered, CLUSTER, b"/k"), "bit {bit}");
    }
    for length in 0..good.len() {
        assert!(!opens(good[..length].to_vec(), CLUSTER, b"/k"), "length {length}");
    }
    assert!(!opens([&good[..], b"\0"].concat(), CLUSTER, b"/k"));
}

#[test]
fn a_padded_value_shows_its_bucket_and_opens_to_itself() {
    let buckets = [16, 64];
    for (length, stored) in [(0, 16), (15, 16), (16, 64), (63, 64), (64, 64), (65, 65)] {
        for value in [vec![7; length], vec![0; length], vec![0x80; length]] {
            let sealed = data_key(1).seal(CLUSTER, ID, b"/k", &value, &buckets).unwrap();
            assert_eq!(sealed.len_plain(), stored, "{length}");
            assert_eq!(data_key(1).open(CLUSTER, b"/k", sealed.clone()).unwrap().expose(), value, "{length}");
            assert_eq!(sealed.digest(), self::sealed(b"/k", &value).digest());
            let mut claimed = sealed.bytes().to_vec();
            claimed[1] = 3 - claimed[1];
            assert!(!opens(claimed, CLUSTER, b"/k"), "whether it is padded is bound");
        }
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens_to_itself(key: Vec<u8>, value in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let sealed = sealed(&key, &value);
        prop_assert_eq!(sealed.len_plain(), value.len());
        prop_assert_eq!(sealed.key_id(), Some(ID));
        let read_back = Sealed::from_state(sealed.form(), sealed.bytes().clone()).unwrap();
        let opened = data_key(1).open(CLUSTER, &key, read_back.clone()).unwrap();
        prop_assert_eq!(opened.expose(), &value[..]);
    }

    #[test]
    fn any_altered_byte_is_refused(key: Vec<u8>, value: Vec<u8>, at: prop::sample::Index, mask in 1_u8..) {
        let mut bytes = sealed(&key, &value).bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        prop_assert!(!opens(bytes, CLUSTER, &key));
    }

    #[test]
    fn a_value_opens_only_where_it_was_sealed(
        key: Vec<u8>, other_key: Vec<u8>, cluster_id: u64, id: u32, other_data_key in 2_u8.., value: Vec<u8>,
    ) {
        let good = sealed(&key, &value);
        prop_assert_eq!(data_key(1).open(CLUSTER, &other_key, good.clone()).is_ok(), other_key == key);
        prop_assert_eq!(data_key(1).open(cluster_id, &key, good.clone()).is_ok(), cluster_id == CLUSTER);
        prop_assert!(data_key(other_data_key).open(CLUSTER, &key, good.clone()).is_err());
        let mut renamed = good.bytes().to_vec();
        renamed[2..6].copy_from_slice(&id.to_be_bytes());
        prop_assert_eq!(opens(renamed, CLUSTER, &key), id == ID);
    }

    #[test]
    fn digests_are_equal_exactly_when_key_and_value_are(
        key in "[ab]{0,3}", other_key in "[ab]{0,3}", value in "[ab]{0,3}", other in "[ab]{0,3}",
    ) {
        let one = data_key(1).digest(key.as_bytes(), value.as_bytes());
        let two = data_key(1).digest(other_key.as_bytes(), other.as_bytes());
        prop_assert_eq!(one == two, (&key, &value) == (&other_key, &other));
        prop_assert_ne!(one, data_key(2).digest(key.as_bytes(), value.as_bytes()));
    }
}

//! What is asked of every provider that can wrap and unwrap. `conforms!` makes the tests of one of them.

use std::fmt::Debug;

use crate::canary_tests::assert_silent;
use crate::{RootKeyProvider, SealError};

/// The provider under test, with what it stands on.
pub(crate) trait Subject {
    type Provider: RootKeyProvider + Debug;

    /// One with a root key of its own, ready to be used.
    fn make() -> Self;

    fn provider(&self) -> &Self::Provider;

    /// Its key material, which nothing may show.
    fn secrets(&self) -> Vec<Vec<u8>>;
}

macro_rules! conforms {
    ($subject:ident) => {
        $crate::provider::conformance::conforms!($subject:
            what_was_wrapped_unwraps_to_itself,
            other_associated_data_is_refused,
            the_wrap_of_another_key_is_refused,
            every_flipped_bit_is_refused,
            every_cut_and_every_tail_is_refused,
            two_wraps_of_one_key_differ,
            the_name_is_stable_and_plain,
            nothing_shows_key_material,
        );
    };
    ($subject:ident: $($case:ident,)*) => {
        mod conformance {
            $(
                #[test]
                fn $case() {
                    $crate::provider::conformance::$case::<super::$subject>();
                }
            )*
        }
    };
}

pub(crate) use conforms;

const AAD: &[u8] = b"for this use";

pub(crate) fn what_was_wrapped_unwraps_to_itself<S: Subject>() {
    let subject = S::make();
    let provider = subject.provider();
    provider.check().unwrap();
    for length in [0, 1, 64, 4096] {
        let plaintext: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        for aad in [&b""[..], AAD] {
            let blob = provider.wrap(&plaintext, aad).unwrap();
            assert_eq!(*provider.unwrap(&blob, aad).unwrap(), plaintext, "{length} bytes");
        }
    }
}

pub(crate) fn other_associated_data_is_refused<S: Subject>() {
    let subject = S::make();
    let blob = subject.provider().wrap(b"data key", AAD).unwrap();
    for other in [&b""[..], b"for that use", b"for this us", b"for this use "] {
        assert_refused(subject.provider(), &blob, other, &format!("{other:?}"));
    }
}

pub(crate) fn the_wrap_of_another_key_is_refused<S: Subject>() {
    let (one, other) = (S::make(), S::make());
    let blob = one.provider().wrap(b"data key", AAD).unwrap();
    assert_refused(other.provider(), &blob, AAD, "another key");
}

pub(crate) fn every_flipped_bit_is_refused<S: Subject>() {
    let subject = S::make();
    let blob = subject.provider().wrap(b"data key", AAD).unwrap();
    for bit in 0..blob.len() * 8 {
        let mut altered = blob.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_refused(subject.provider(), &altered, AAD, &format!("bit {bit}"));
    }
    assert!(subject.provider().unwrap(&blob, AAD).is_ok(), "the blob itself is good");
}

pub(crate) fn every_cut_and_every_tail_is_refused<S: Subject>() {
    let subject = S::make();
    let blob = subject.provider().wrap(b"data key", AAD).unwrap();
    for length in 0..blob.len() {
        assert_refused(subject.provider(), &blob[..length], AAD, &format!("length {length}"));
        assert_refused(subject.provider(), &blob[length + 1..], AAD, &format!("from {}", length + 1));
    }
    for byte in 0..=u8::MAX {
        let longer = [&blob[..], &[byte]].concat();
        assert_refused(subject.provider(), &longer, AAD, &format!("with a byte {byte} more"));
    }
}

pub(crate) fn two_wraps_of_one_key_differ<S: Subject>() {
    let subject = S::make();
    let wrap = || subject.provider().wrap(&[7; 64], AAD).unwrap();
    let (one, other) = (wrap(), wrap());
    assert_ne!(one, other);
    assert!(!one.windows(16).any(|part| part == [7; 16]), "the wrap holds what it hides");
}

pub(crate) fn the_name_is_stable_and_plain<S: Subject>() {
    let subject = S::make();
    let name = subject.provider().name();
    subject.provider().wrap(b"data key", AAD).unwrap();
    assert_eq!(subject.provider().name(), name);
    assert!(name.contains(':') && name.chars().all(|c| c.is_ascii_graphic()), "{name}");
}

pub(crate) fn nothing_shows_key_material<S: Subject>() {
    let subject = S::make();
    let provider = subject.provider();
    let blob = provider.wrap(b"data key", AAD).unwrap();
    let error = provider.unwrap(&blob, b"").unwrap_err();
    let shown = format!("{provider:?} {provider:#?} {} {error} {error:?}", provider.name());
    assert!(!subject.secrets().is_empty());
    for secret in subject.secrets() {
        assert_silent(&shown, &secret);
    }
}

fn assert_refused(provider: &impl RootKeyProvider, blob: &[u8], aad: &[u8], case: &str) {
    match provider.unwrap(blob, aad) {
        Err(SealError::NotUnwrapped { provider: name }) => assert_eq!(name, provider.name(), "{case}"),
        Err(other) => panic!("{case}: {other}"),
        Ok(_) => panic!("{case}: it opened"),
    }
}

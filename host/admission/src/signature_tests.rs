//! Signatures that hold, and those that do not.

use std::fs;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SigningKey as _};

use super::*;

fn ed25519() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

#[test]
fn only_a_trusted_key_signs_and_only_what_it_signed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (one, two, stranger) = (ed25519(), ed25519(), ed25519());
    fs::write(file.path(), one.public_key_pem() + &two.public_key_pem()).unwrap();
    let trusted = TrustedKeys::open(file.path()).unwrap();
    for pair in [&one, &two] {
        let signature = pair.sign(b"component").unwrap();
        trusted.verify(b"component", &signature).unwrap();
        assert_eq!(trusted.verify(b"Component", &signature), Err(AdmissionError::WronglySigned));
        assert_eq!(trusted.verify(b"component", &signature[1..]), Err(AdmissionError::WronglySigned));
    }
    let strange = stranger.sign(b"component").unwrap();
    assert_eq!(trusted.verify(b"component", &strange), Err(AdmissionError::WronglySigned));
    assert_eq!(trusted.verify(b"component", b""), Err(AdmissionError::Unsigned));

    // The file is looked at again each time, and without it nothing is trusted.
    fs::write(file.path(), stranger.public_key_pem()).unwrap();
    trusted.verify(b"component", &strange).unwrap();
    fs::remove_file(file.path()).unwrap();
    assert!(matches!(trusted.verify(b"component", &strange), Err(AdmissionError::TrustedKeys { .. })));
}

/// RFC 8032, section 7.1, test 2: what others sign is understood.
#[test]
fn a_known_signature_is_understood() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n";
    fs::write(file.path(), pem).unwrap();
    let signature = concat!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
    let bytes: Vec<u8> = (0..64).map(|at| u8::from_str_radix(&signature[2 * at..][..2], 16).unwrap()).collect();
    TrustedKeys::open(file.path()).unwrap().verify(&[0x72], &bytes).unwrap();
}

#[test]
fn a_file_without_usable_keys_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let other_kind = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().public_key_pem();
    for contents in
        [String::new(), "nonsense".to_owned(), ed25519().serialize_pem(), ed25519().public_key_pem() + &other_kind]
    {
        fs::write(file.path(), &contents).unwrap();
        let refused = TrustedKeys::open(file.path()).unwrap_err();
        assert!(matches!(refused, AdmissionError::TrustedKeys { .. }), "{refused}");
        assert!(!refused.to_string().contains("PRIVATE"), "{refused}");
    }
}

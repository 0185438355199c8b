//! What kube-apiserver's own code encrypted (`vectors.txt`), and what nobody did.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::envelope::Unwrap;
use super::*;
use crate::provider::EncryptedSeed;

const KEY: &[u8] = b"/registry/secrets/default/vector";

/// The plugin of the vectors, which looks at everything that it is given.
struct Plugin;

impl Unwrap for Plugin {
    fn unwrap(&self, wrapped: &EncryptedSeed) -> Result<Opened, SealError> {
        let EncryptedSeed { ciphertext, key_id, annotations } = wrapped;
        let note = annotations.get("note.kms.example").map(|note| &note[..]);
        if key_id != "key-1" || note != Some(b"a note") || annotations.len() != 1 {
            return Err(SealError::NotUnwrapped { provider: "kms:cloud".to_owned() });
        }
        Ok(Zeroizing::new(ciphertext.iter().zip(0..).map(|(byte, pad): (_, u8)| byte ^ pad).collect()))
    }
}

fn secret(kind: KubernetesKeyKind, name: &str, secret: Vec<u8>) -> KubernetesKey {
    KubernetesKey::new(kind, name.to_owned(), Zeroizing::new(secret))
}

/// With the keys of the vectors.
fn decrypter() -> Decrypter {
    let aes = [KubernetesKeyKind::AesGcm, KubernetesKeyKind::AesCbc]
        .into_iter()
        .flat_map(|kind| [16, 24, 32].map(|size| secret(kind, &format!("key{size}"), (0..size).collect())));
    let secretbox = secret(KubernetesKeyKind::Secretbox, "key32", (0..32).collect());
    let plugins = vec![("cloud".to_owned(), Envelopes::new(Box::new(Plugin)))];
    Decrypter { keys: aes.chain([secretbox]).collect(), plugins }
}

struct Vector {
    scheme: &'static str,
    plain: Vec<u8>,
    stored: Vec<u8>,
    /// Where what is behind the name begins.
    data: usize,
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("vectors.txt").lines().filter(|line| !line.starts_with('#'));
    let vectors = lines.map(|line| {
        let [scheme, name, plain, stored] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let data = format!("k8s:enc:{scheme}:{name}:").len();
        Vector { scheme, plain: hex::decode(plain).unwrap(), stored: hex::decode(stored).unwrap(), data }
    });
    vectors.collect()
}

fn opened(decrypter: &Decrypter, key: &[u8], stored: &[u8]) -> Result<Vec<u8>, SealError> {
    decrypter.open(key, stored).map(|plain| plain.expose().to_vec())
}

#[test]
fn what_kube_apiserver_encrypted_opens() {
    let (decrypter, vectors) = (decrypter(), vectors());
    assert_eq!(vectors.len(), 36);
    for Vector { scheme, plain, stored, .. } in vectors {
        assert!(Decrypter::is_encrypted(&stored), "{scheme}");
        assert_eq!(opened(&decrypter, KEY, &stored).unwrap(), plain, "{scheme}");
    }
    assert!(!Decrypter::is_encrypted(b"k8s\0") && !Decrypter::is_encrypted(b""));
}

#[test]
fn what_was_altered_cut_or_moved_is_refused_where_the_scheme_can_tell() {
    let decrypter = decrypter();
    for Vector { scheme, stored, data, .. } in vectors() {
        let is_authentic = scheme != "aescbc:v1";
        for at in data..stored.len() {
            let mut altered = stored.clone();
            altered[at] ^= 1;
            let refused = opened(&decrypter, KEY, &altered);
            assert!(!is_authentic || matches!(refused, Err(SealError::DamagedEncryption { .. })), "{scheme} {at}");
        }
        for length in data..stored.len() {
            let refused = opened(&decrypter, KEY, &stored[..length]);
            // What is left of whole blocks may end like padding.
            assert!(refused.is_err() || (!is_authentic && (length - data) % 16 == 0), "{scheme} {length}");
        }
        let moved = opened(&decrypter, b"/registry/secrets/default/other", &stored);
        assert_eq!(moved.is_err(), !["aescbc:v1", "secretbox:v1"].contains(&scheme), "{scheme}");
    }
}

#[test]
fn who_lacks_a_key_is_told_its_name_and_nothing_of_the_value() {
    let vectors = vectors();
    for Vector { stored, data, .. } in &vectors {
        let none = Decrypter { keys: Vec::new(), plugins: Vec::new() };
        let refused = opened(&none, KEY, stored).unwrap_err();
        let name = String::from_utf8(stored["k8s:enc:".len()..data - 1].to_vec()).unwrap();
        assert!(matches!(&refused, SealError::UnknownEncryptionKey { wanted } if *wanted == name), "{refused}");
        let keys = decrypter().keys.into_iter().map(|key| secret(key.kind(), key.name(), vec![7; key.secret().len()]));
        let wrong = Decrypter { keys: keys.collect(), plugins: Vec::new() };
        let refused = opened(&wrong, KEY, stored).unwrap_err();
        let is_damaged = matches!(&refused, SealError::DamagedEncryption { wanted } if *wanted == name);
        assert!(is_damaged || name.starts_with("kms"), "{refused}");
    }
    for (value, shown) in [
        (&b"k8s:enc:"[..], ""),
        (b"k8s:enc:aesgcm:v1:canary", ""),
        (b"k8s:enc:kms:v1:cloud:canary", "kms:v1:cloud"),
        (b"k8s:enc:aesgcm:v1:\xff\n:canary", "aesgcm:v1:\\u{fffd}\\n"),
    ] {
        let refused = opened(&decrypter(), KEY, value).unwrap_err();
        assert!(matches!(&refused, SealError::UnknownEncryptionKey { wanted } if wanted == shown), "{refused}");
    }
}

#[test]
fn of_several_keys_of_one_name_the_right_one_opens() {
    for Vector { scheme, plain, stored, .. } in vectors() {
        let mut decrypter = decrypter();
        let others = decrypter.keys.iter().map(|key| secret(key.kind(), key.name(), vec![9; key.secret().len()]));
        let others: Vec<_> = others.collect();
        decrypter.keys = others.into_iter().chain(decrypter.keys).collect();
        // One of 256 wrong keys makes padding of what it decrypts; which one is right cannot be told then.
        let opened = opened(&decrypter, KEY, &stored);
        assert!(opened.is_ok_and(|opened| opened == plain) || scheme == "aescbc:v1", "{scheme}");
    }
}

#[test]
fn a_plugin_is_asked_once_for_each_data_key() {
    use std::sync::{Arc, atomic::AtomicUsize, atomic::Ordering};

    struct Counting(Arc<AtomicUsize>);

    impl Unwrap for Counting {
        fn unwrap(&self, wrapped: &EncryptedSeed) -> Result<Opened, SealError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Plugin.unwrap(wrapped)
        }
    }

    let asked = Arc::new(AtomicUsize::new(0));
    let plugins = vec![("cloud".to_owned(), Envelopes::new(Box::new(Counting(asked.clone()))))];
    let decrypter = Decrypter { plugins, ..decrypter() };
    let of_kms: Vec<_> = vectors().into_iter().filter(|vector| vector.scheme == "kms:v2").collect();
    for Vector { stored, .. } in of_kms.iter().chain(&of_kms) {
        opened(&decrypter, KEY, stored).unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), of_kms.len(), "each vector has a data key of its own");
}

#[test]
fn a_plugin_that_cannot_be_asked_is_named() {
    let kms =
        crate::config::KmsConfig { endpoint: "/nowhere/kms.sock".into(), timeout: std::time::Duration::from_secs(1) };
    let plugin = KubernetesPlugin { name: "cloud".to_owned(), kms };
    let config = EncryptionConfig { keys: Vec::new(), plugins: vec![plugin] };
    let decrypter = Decrypter::new(&config).unwrap();
    let vector = vectors().pop().unwrap();
    let refused = opened(&decrypter, KEY, &vector.stored).unwrap_err();
    assert!(
        matches!(&refused, SealError::ProviderUnavailable { provider, .. } if provider == "kms:cloud"),
        "{refused}"
    );
}

proptest! {
    /// Whatever stands there is opened or refused.
    #[test]
    fn anything_is_opened_or_refused(
        scheme in prop::sample::select(vec!["aesgcm:v1:key16", "aesgcm:v1:key24", "aescbc:v1:key32", "secretbox:v1:key32", "kms:v2:cloud"]),
        garbage in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
    ) {
        let decrypter = decrypter();
        let whole = [b"k8s:enc:", scheme.as_bytes(), b":", &garbage].concat();
        let opens = opened(&decrypter, KEY, &whole).is_ok();
        prop_assert!(!opens || scheme.starts_with("aescbc"));
        prop_assert!(opened(&decrypter, KEY, &[b"k8s:enc:", &garbage[..]].concat()).is_err());
        // A piece of a true one, with something else behind it.
        for Vector { stored, .. } in vectors() {
            let cut = at.index(stored.len());
            let _ = opened(&decrypter, KEY, &[&stored[..cut], &garbage].concat());
        }
    }
}

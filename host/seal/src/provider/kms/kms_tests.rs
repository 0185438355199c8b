use std::os::unix::net::UnixListener;
use std::time::Instant;

use proto::kms::EncryptResponse;
use tokio::runtime::Builder;
use tonic::Status;

use super::fake_plugin::FakePlugin;
use super::*;
use crate::provider::conformance::{Subject, conforms};
use crate::{DataKeyRecord, Keyring, Providers, SealRule};

struct Served(FakePlugin, Kms);

impl Subject for Served {
    type Provider = Kms;

    fn make() -> Self {
        let plugin = FakePlugin::start();
        let kms = plugin.provider();
        Self(plugin, kms)
    }

    fn provider(&self) -> &Kms {
        &self.1
    }

    fn secrets(&self) -> Vec<Vec<u8>> {
        self.0.kms().keys.values().map(|key| key.to_vec()).collect()
    }
}

conforms!(Served);

const SHORT: Duration = Duration::from_millis(300);

fn is_unavailable<T>(outcome: &Result<T, SealError>) -> bool {
    matches!(outcome, Err(SealError::ProviderUnavailable { provider, .. }) if provider == "kms:test")
}

fn reason<T>(outcome: Result<T, SealError>) -> String {
    outcome.err().unwrap().to_string()
}

#[test]
fn opening_does_not_connect() {
    let (name, endpoint) = ("test".to_owned(), PathBuf::from("/nonexistent/kms.sock"));
    let kms = Kms::open(KmsOptions { name, endpoint, timeout: Duration::from_secs(60) }).unwrap();
    assert_eq!(kms.name(), "kms:test");
    let outcome = kms.check();
    assert!(is_unavailable(&outcome));
    let reason = reason(outcome);
    assert!(reason.contains("connecting to /nonexistent/kms.sock: No such file"), "{reason}");
}

#[test]
fn a_name_can_stand_in_a_wrap() {
    let open = |name: &str| Kms::open(KmsOptions { name: name.to_owned(), endpoint: "s".into(), timeout: SHORT });
    for name in ["a", "A-b_c.1", &"x".repeat(64)] {
        assert!(open(name).is_ok(), "{name}");
    }
    for name in ["", "a:b", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
        assert!(matches!(open(name), Err(SealError::KmsName { .. })), "{name}");
    }
}

#[test]
fn a_plugin_that_went_away_is_used_again_once_it_is_back() {
    let mut plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = kms.wrap(b"data key", b"").unwrap();
    plugin.kill();
    assert!(is_unavailable(&kms.check()));
    assert!(is_unavailable(&kms.wrap(b"data key", b"")));
    assert!(is_unavailable(&kms.unwrap(&blob, b"")));
    plugin.serve();
    assert_eq!(kms.unwrap(&blob, b"").unwrap().as_slice(), b"data key");
    kms.check().unwrap();
}

#[test]
fn a_plugin_that_hangs_is_not_waited_for() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider_with_timeout(SHORT);
    plugin.kms().hangs = true;
    let start = Instant::now();
    let outcome = kms.check();
    assert!(start.elapsed() >= SHORT && start.elapsed() < Duration::from_secs(30));
    assert!(is_unavailable(&outcome));
    assert!(reason(outcome).contains("no answer within 300ms"));
    plugin.kms().hangs = false;
    works_in_the_end(&kms);
}

/// As when a plugin is stopped, not killed, and another takes its socket over.
#[test]
fn a_connection_that_never_answers_is_given_up() {
    let mut plugin = FakePlugin::start();
    let socket = plugin.socket();
    plugin.kill();
    std::fs::remove_file(&socket).unwrap();
    let silent = UnixListener::bind(&socket).unwrap();
    let kms = plugin.provider_with_timeout(SHORT);
    assert!(is_unavailable(&kms.check()));
    plugin.serve();
    works_in_the_end(&kms);
    drop(silent);
}

/// A loaded machine may take longer than the short timeout of these tests now and then.
fn works_in_the_end(kms: &Kms) {
    let until = Instant::now() + Duration::from_secs(60);
    while let Err(error) = kms.check() {
        assert!(Instant::now() < until, "{error}");
    }
}

#[test]
fn calls_do_not_wait_for_each_other() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider_with_timeout(SHORT);
    plugin.kms().hangs = true;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..16).map(|_| scope.spawn(|| kms.check())).collect();
        assert!(calls.into_iter().all(|call| is_unavailable(&call.join().unwrap())));
    });
    assert!(start.elapsed() < SHORT * 16, "one after another they would take {:?}", SHORT * 16);
}

#[test]
fn it_can_be_asked_from_within_any_runtime() {
    let plugin = FakePlugin::start();
    for flavour in [Builder::new_current_thread as fn() -> Builder, Builder::new_multi_thread] {
        let runtime = flavour().enable_all().build().unwrap();
        runtime.block_on(async {
            let kms = plugin.provider();
            let blob = kms.wrap(b"data key", b"").unwrap();
            assert_eq!(kms.unwrap(&blob, b"").unwrap().as_slice(), b"data key");
        });
    }
}

#[test]
fn a_rotated_key_is_followed_by_new_wraps_and_old_ones_open() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    assert_eq!(kms.root_key_id().unwrap(), "key-1");
    let old = kms.wrap(b"data key", b"").unwrap();
    plugin.kms().rotate("key-2");
    assert_eq!(kms.root_key_id().unwrap(), "key-2");
    let new = kms.wrap(b"data key", b"").unwrap();
    assert_eq!(Kms::key_id_of(&old).as_deref(), Some("key-1"));
    assert_eq!(Kms::key_id_of(&new).as_deref(), Some("key-2"));
    for blob in [&old, &new] {
        assert_eq!(kms.unwrap(blob, b"").unwrap().as_slice(), b"data key");
    }
    plugin.kms().keys.remove("key-1");
    assert!(matches!(kms.unwrap(&old, b""), Err(SealError::NotUnwrapped { .. })));
    assert_eq!(Kms::key_id_of(b"other"), None);
    assert_eq!(Kms::key_id_of(b""), None);
}

/// Replicas of a KMS need not know of a new key all at once.
#[test]
fn a_wrap_is_recorded_under_the_key_that_made_it_whatever_the_plugin_calls_its_own() {
    let plugin = FakePlugin::start();
    let providers = Providers::single(plugin.provider());
    let keyring = Keyring::empty(7);
    let made = keyring.generate(&SealRule::seal("/s/".into()), 0, &providers).unwrap();
    let id = |record: &DataKeyRecord| record.wraps[0].root_key_id.clone();
    assert_eq!(id(&made), "key-1");
    plugin.kms().rotate("key-2");
    plugin.kms().lags = Some("key-1".to_owned());
    assert_eq!(id(&keyring.generate(&SealRule::seal("/s/".into()), 0, &providers).unwrap()), "key-1");
    assert_eq!(keyring.renew_wraps(&made, &providers).unwrap(), None, "it would be no other");
    plugin.kms().lags = None;
    let renewed = keyring.renew_wraps(&made, &providers).unwrap().unwrap();
    assert_eq!((id(&renewed), keyring.renew_wraps(&renewed, &providers).unwrap()), ("key-2".to_owned(), None));
}

#[test]
fn a_wrap_is_one_blob_for_its_associated_data_and_key_id() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = Blob::parse(&kms.wrap(b"data key", b"").unwrap()).unwrap();
    let same_key = *plugin.kms().keys.values().next().unwrap();
    plugin.kms().keys.insert("key-9".to_owned(), same_key);
    let mut renamed = blob.clone();
    renamed.seed.key_id = "key-9".to_owned();
    let mut noted = blob.clone();
    noted.seed.annotations.insert("a.b".to_owned(), Bytes::new());
    let mut swapped = blob.clone();
    swapped.wrap = Blob::parse(&kms.wrap(b"data key", b"").unwrap()).unwrap().wrap;
    for altered in [renamed, noted, swapped] {
        assert!(matches!(kms.unwrap(&altered.encode(), b""), Err(SealError::NotUnwrapped { .. })));
    }
    assert!(kms.unwrap(&blob.encode(), b"").is_ok());
}

#[test]
fn a_blob_has_one_form() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = kms.wrap(b"data key", b"").unwrap();
    let key_id_once_more = [&[0x12, 5][..], b"key-1"].concat();
    let unknown_field = [0x28, 1];
    for tail in [&key_id_once_more[..], &unknown_field] {
        let same = [&blob[..], tail].concat();
        assert!(matches!(kms.unwrap(&same, b""), Err(SealError::NotUnwrapped { .. })), "{tail:?}");
        assert_eq!(Kms::key_id_of(&same), None, "{tail:?}");
    }
}

#[test]
fn each_bound_of_an_encryption_is_held() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    type Spoil = fn(&mut EncryptResponse);
    let spoils: [(Spoil, &str); 9] = [
        (|answer| answer.ciphertext = Bytes::new(), "ciphertext is empty"),
        (|answer| answer.ciphertext = vec![1; 1025].into(), "ciphertext is longer than 1024 bytes"),
        (|answer| answer.key_id = String::new(), "key id is empty"),
        (|answer| answer.key_id = "x".repeat(1025), "key id is longer than 1024 bytes"),
        (|answer| annotate(answer, "note", 1), "not a domain name"),
        (|answer| annotate(answer, "Note.example", 1), "not a domain name"),
        (|answer| annotate(answer, "big.example", 32 * 1024), "annotations are longer than 32768 bytes"),
        (|answer| annotate(answer, "huge.example", 1024 * 1024), "OutOfRange"),
        (|answer| answer.ciphertext = vec![1; 300 * 1024].into(), "OutOfRange"),
    ];
    for (spoil, mention) in spoils {
        plugin.kms().spoils_encrypted = spoil;
        let outcome = kms.wrap(b"data key", b"");
        assert!(matches!(outcome, Err(SealError::ProviderBroken { .. })), "{mention}");
        let reason = reason(outcome);
        assert!(reason.contains(mention), "{reason}");
    }
}

fn annotate(answer: &mut EncryptResponse, name: &str, bytes: usize) {
    answer.annotations.insert(name.to_owned(), vec![0; bytes].into());
}

#[test]
fn an_answer_at_every_bound_will_do() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let long = "x".repeat(1024);
    plugin.kms().rotate(&long);
    plugin.kms().spoils_encrypted = |answer| {
        answer.annotations.clear();
        annotate(answer, "a.b", 32 * 1024 - 3);
    };
    let blob = kms.wrap(b"data key", b"").unwrap();
    assert_eq!(Kms::key_id_of(&blob), Some(long));
    assert!(kms.unwrap(&blob, b"").is_ok());
}

#[test]
fn each_bound_of_a_decryption_is_held() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = kms.wrap(b"data key", b"").unwrap();
    for length in [0, 31, 33] {
        plugin.kms().spoils_decrypted = match length {
            0 => |answer| answer.plaintext.clear(),
            31 => |answer| answer.plaintext.truncate(31),
            _ => |answer| answer.plaintext = vec![0; 33].into(),
        };
        assert!(matches!(kms.unwrap(&blob, b""), Err(SealError::ProviderBroken { .. })), "{length} bytes");
    }
    plugin.kms().spoils_decrypted = |answer| answer.plaintext = vec![0; 32].into();
    assert!(matches!(kms.unwrap(&blob, b""), Err(SealError::NotUnwrapped { .. })), "another seed");
}

#[test]
fn each_bound_of_a_status_is_held() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let good = plugin.kms().status.clone();
    for version in ["", "v1", "v1beta1", "v2alpha1", "v3"] {
        plugin.kms().status.version = version.to_owned();
        assert!(matches!(kms.check(), Err(SealError::ProviderBroken { .. })), "{version}");
    }
    plugin.kms().status = good.clone();
    plugin.kms().status.version = "v2beta1".to_owned();
    kms.check().unwrap();
    for key_id in [String::new(), "x".repeat(1025)] {
        plugin.kms().status.key_id = key_id;
        assert!(matches!(kms.root_key_id(), Err(SealError::ProviderBroken { .. })));
    }
    plugin.kms().status = good;
    for healthz in ["", "OK", "vault is sealed\n"] {
        plugin.kms().status.healthz = healthz.to_owned();
        let outcome = kms.check();
        assert!(is_unavailable(&outcome) && is_unavailable(&kms.root_key_id()), "{healthz}");
        assert!(!reason(outcome).contains('\n'));
    }
}

#[test]
fn a_refused_ciphertext_is_told_from_a_kms_that_cannot() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = kms.wrap(b"data key", b"").unwrap();
    for refusal in [Status::invalid_argument("x"), Status::not_found("x"), Status::failed_precondition("x")] {
        plugin.kms().fails = Some(refusal);
        assert!(matches!(kms.unwrap(&blob, b""), Err(SealError::NotUnwrapped { .. })));
        assert!(is_unavailable(&kms.wrap(b"data key", b"")), "only a ciphertext can be refused");
    }
    for failure in
        [Status::unavailable("x"), Status::internal("x"), Status::unknown("x"), Status::permission_denied("x")]
    {
        plugin.kms().fails = Some(failure);
        assert!(is_unavailable(&kms.unwrap(&blob, b"")));
        assert!(is_unavailable(&kms.check()));
    }
    plugin.kms().fails = Some(Status::unimplemented("x"));
    assert!(matches!(kms.check(), Err(SealError::ProviderBroken { .. })));
}

#[test]
fn what_a_plugin_says_is_cut_cleaned_and_never_what_it_was_sent() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = kms.wrap(b"data key", b"").unwrap();
    let ciphertext = hex::encode(&Blob::parse(&blob).unwrap().seed.ciphertext);
    plugin.kms().fails = Some(Status::internal(format!("cannot decrypt {ciphertext}")));
    let said = reason(kms.unwrap(&blob, b""));
    assert!(!said.contains(&ciphertext[..18]) && said.contains("it repeats what it was sent"), "{said}");
    plugin.kms().fails = Some(Status::internal(format!("no\nway{}", "!".repeat(1000))));
    let said = reason(kms.unwrap(&blob, b""));
    assert!(said.len() < 300 && said.contains("no\u{fffd}way!!!"), "{said}");
}

#[test]
fn every_request_has_a_uid_of_its_own() {
    let plugin = FakePlugin::start();
    let kms = plugin.provider();
    let blob = kms.wrap(b"data key", b"").unwrap();
    kms.unwrap(&blob, b"").unwrap();
    kms.wrap(b"data key", b"").unwrap();
    let uids: std::collections::BTreeSet<_> = plugin.kms().uids.drain(..).collect();
    assert!(uids.len() == 3 && uids.iter().all(|uid| uid.len() == 32), "{uids:?}");
}

/// Written once by this version; must open for ever.
#[test]
fn a_blob_of_format_1_still_opens() {
    let plugin = FakePlugin::start();
    plugin.kms().keys.insert("key-1".to_owned(), [7; 32]);
    let kms = plugin.provider();
    let blob = hex::decode(FORMAT_1).unwrap();
    assert_eq!(Kms::key_id_of(&blob).as_deref(), Some("key-1"));
    assert_eq!(kms.unwrap(&blob, b"for this use").unwrap().as_slice(), b"data key");
}

const FORMAT_1: &str = "0a49018244b59239ec465939b8fcdcd6dd2702736dc2a48b5e03e74d6ff0602a1e8fa9d5ce09e4745a2a17d7f05d8541684a9c8d\
    f4388ce8e0e61f6819b3f31bb46ae8547df644603c890c12056b65792d311a1a0a106e6f74652e6b6d732e6578616d706c651206\
    61206e6f74652231019e417813406849c201908965893c07fe68cb24e5f9a34c601b687b20c5e3a810c50f5e587db85a7a534aa6\
    dc75d5f69e";

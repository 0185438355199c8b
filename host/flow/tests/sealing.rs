//! Sealing, rotation and shredding, as an administrator asks for them, beside clients who must not notice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use crate::fixture::{config, put, read, write};
use auth::{Administrator, Auditor, Caller};
use flow::{DeliveryBody, FlowError, KeyStatus, Member, Progress, WatchSpec};
use seal::{DataKeyRecord, KeyState, SealError, SealRule};
use types::{
    Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, OpOutcome, Operation, PutValue, RangeQuery, Txn,
    TxnOp,
};

/// Longer than any of what is waited for takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn admin() -> Administrator {
    Administrator::bootstrap()
}

fn rule(prefix: &'static str) -> SealRule {
    SealRule::seal(prefix.into())
}

pub(crate) async fn settled(member: &Member) -> KeyStatus {
    assert!(member.wait_settled(&Auditor::bootstrap(), PATIENCE).await.unwrap().0, "not settled within {PATIENCE:?}");
    member.key_status(&Auditor::bootstrap()).await.unwrap()
}

/// Settled, and gone from files.
async fn forgotten(member: &Member) {
    settled(member).await;
    let gone = async {
        while !member.key_status(&Auditor::bootstrap()).await.unwrap().forgotten {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

pub(crate) fn states(status: &KeyStatus) -> Vec<(u32, KeyState, u64)> {
    status.keys.iter().map(|key| (key.id, key.state, key.records)).collect()
}

/// Everything under a prefix at a revision: key, value, modification, version.
async fn all(member: &Member, prefix: &[u8], revision: i64) -> Vec<(Vec<u8>, Vec<u8>, i64, i64)> {
    let query = RangeQuery { revision, ..RangeQuery::all(KeyRange::prefix(prefix)) };
    let found = member.range(&Caller::internal(), query).await.unwrap().body.kvs.into_iter();
    found.map(|kv| (kv.key.to_vec(), kv.value.expose().to_vec(), kv.mod_revision, kv.version)).collect()
}

/// Whether a file under the directory holds the text. One that goes meanwhile holds nothing.
fn on_disk(dir: &Path, text: &[u8]) -> bool {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    files.into_iter().any(|path| match path.is_dir() {
        true => on_disk(&path, text),
        false => std::fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text)),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_sealed_with_all_that_lies_there_and_nobody_notices() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    for number in 0..300 {
        write(&member, put(format!("/s/{}", number % 100), &format!("value-{number}"))).await.unwrap();
    }
    let range = KeyRange::prefix(b"/s/1");
    member.write(&Caller::internal(), Operation::DeleteRange(DeleteRange { range, prev_kv: false })).await.unwrap();
    let (newest, past) = (all(&member, b"/s/", 0).await, all(&member, b"/s/", 150).await);
    let revision = member.header().revision;
    member.set_seal_rule(&admin(), rule("/s/"), false).await.unwrap();
    let status = settled(&member).await;
    assert_eq!(states(&status), [(1, KeyState::Active, 300)]);
    assert_eq!(status.residue.iter().map(|residue| residue.plain.records).sum::<u64>(), 0);
    assert_eq!(member.header().revision, revision, "no revision was made");
    assert_eq!(all(&member, b"/s/", 0).await, newest);
    assert_eq!(all(&member, b"/s/", 150).await, past);
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_beside_writers_wakes_no_watcher_and_ends_without_the_old_key() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    for number in 0..500 {
        write(&member, put(format!("/s/{number:03}"), &format!("value-{number}"))).await.unwrap();
    }
    let mut follower = member.follow(&Caller::internal());
    let range = KeyRange::from_wire("/s/000".into(), "/s/400".into());
    follower.open(0, WatchSpec { range, start_revision: 0, prev_kv: true, puts: true, deletes: true }).unwrap();
    let (before, hash) = (all(&member, b"/s/0", 0).await, member.hash_kv(0).await.unwrap().body.hash);
    let quiet = member.header().revision;
    member.rotate_keys(&admin(), None, false).await.unwrap();
    for number in 400..500 {
        write(&member, put(format!("/s/{number}"), "again")).await.unwrap();
        assert_eq!(member.hash_kv(quiet).await.unwrap().body.hash, hash);
    }
    let status = settled(&member).await;
    assert_eq!(states(&status), [(1, KeyState::Destroyed, 0), (2, KeyState::Active, 600)]);
    assert_eq!(all(&member, b"/s/0", 0).await, before);
    let event = tokio::time::timeout(Duration::from_millis(300), follower.next()).await;
    assert!(event.is_err(), "a watcher was woken by a rotation");
    assert_eq!(follower.progress(), Progress::Reached(member.header().revision));
    member.shutdown().await;
}

/// Events from before the rotation are read from the store, under the key that has taken their place.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_the_past_opens_what_was_sealed_anew() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    for number in 0..5 {
        write(&member, put("/s/a", &number.to_string())).await.unwrap();
    }
    member.rotate_keys(&admin(), Some(&"/s/".into()), false).await.unwrap();
    settled(&member).await;
    let mut follower = member.follow(&Caller::internal());
    let range = KeyRange::single("/s/a");
    follower.open(0, WatchSpec { range, start_revision: 2, prev_kv: true, puts: true, deletes: true }).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let delivery = tokio::time::timeout(PATIENCE, follower.next()).await.unwrap();
        let DeliveryBody::Events(events) = delivery.body else { panic!("only events are expected") };
        seen.extend(events.into_iter().map(|event| event.kv.value.expose().to_vec()));
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4"].map(|value| value.as_bytes().to_vec()));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsealing_is_asked_for_twice_and_writes_everything_back() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    write(&member, put("/s/a", "one")).await.unwrap();
    let plain = SealRule { sealed: false, ..rule("/s/") };
    for refused in [
        member.set_seal_rule(&admin(), plain.clone(), false).await,
        member.drop_seal_rule(&admin(), &"/s/".into(), false).await,
        member.set_seal_rule(&admin(), SealRule { sealed: false, ..rule("/s/a") }, false).await,
    ] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("--yes-store-plaintext"), "{error}");
    }
    member.drop_seal_rule(&admin(), &"/s/".into(), true).await.unwrap();
    let status = settled(&member).await;
    assert_eq!(states(&status), [(1, KeyState::Destroyed, 0)]);
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"one"[..]));
    let missing = member.drop_seal_rule(&admin(), &"/s/".into(), true).await;
    assert!(matches!(missing, Err(FlowError::NoSuchRule { .. })));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compare_counts_whatever_its_value_is_sealed_with_at_that_moment() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/outer/"])).await.unwrap();
    for key in ["/p/a", "/s/outer/a", "/s/outer/in/a"] {
        write(&member, put(key, "one")).await.unwrap();
    }
    let changes: [(&str, SealRule, bool); 5] = [
        ("/p/a", rule("/p/"), false),
        ("/s/outer/a", rule("/s/"), false),
        ("/s/outer/in/a", rule("/s/outer/in/"), false),
        ("/s/outer/in/a", SealRule { sealed: false, ..rule("/s/outer/in/") }, true),
        ("/s/outer/in/a", rule("/s/outer/in/"), false),
    ];
    for (key, rule, stores_plaintext) in changes {
        member.set_seal_rule(&admin(), rule.clone(), stores_plaintext).await.unwrap();
        assert!(equals(&member, key, "one").await, "{key} after {rule:?}");
        assert!(!equals(&member, key, "two").await, "{key} after {rule:?}");
        settled(&member).await;
        assert!(equals(&member, key, "one").await, "{key} settled after {rule:?}");
    }
    // Back under the outer key, which has another digest key than the inner one had.
    member.drop_seal_rule(&admin(), &"/s/outer/in/".into(), false).await.unwrap();
    assert!(equals(&member, "/s/outer/in/a", "one").await);
    // And a new one, which the data keys after it keep.
    let mut digest_keys = vec![newest_digest_key(&member)];
    for digests in [true, false, false] {
        member.rotate_keys(&admin(), Some(&"/s/outer/".into()), digests).await.unwrap();
        assert!(equals(&member, "/s/outer/a", "one").await && !equals(&member, "/s/outer/a", "two").await);
        digest_keys.push(newest_digest_key(&member));
    }
    settled(&member).await;
    assert!(equals(&member, "/s/outer/a", "one").await && !equals(&member, "/s/outer/a", "two").await);
    assert_ne!(digest_keys[0], digest_keys[1]);
    assert_eq!(digest_keys[1..], [digest_keys[1]; 3]);
    member.shutdown().await;
}

/// Of the data key that was made last.
fn newest_digest_key(member: &Member) -> u32 {
    let records = member.wrapped_keys(&admin()).unwrap().1.into_iter();
    let newest = records.map(|record| DataKeyRecord::decode(record).unwrap()).max_by_key(|record| record.id);
    newest.unwrap().digest_key_id()
}

async fn equals(member: &Member, key: &'static str, value: &str) -> bool {
    try_equals(member, key, value).await.unwrap()
}

async fn try_equals(member: &Member, key: &'static str, value: &str) -> Result<bool, FlowError> {
    let target = CompareTarget::Value(value.as_bytes().to_vec().into());
    let compare = Compare { range: KeyRange::single(key), result: CompareResult::Equal, target };
    let success = vec![TxnOp::Range(RangeQuery::all(KeyRange::single(key)))];
    let txn = Txn { compare: vec![compare], success, failure: Vec::new() };
    match member.write(&Caller::internal(), Operation::Txn(txn)).await?.body {
        OpOutcome::Txn(outcome) => Ok(outcome.succeeded),
        _ => panic!("a transaction answers as a transaction"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_used_up_is_replaced_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let often = SealRule { rotate_after_uses: 128, ..rule("/s/") };
    member.set_seal_rule(&admin(), often, false).await.unwrap();
    for number in 0..150 {
        write(&member, put(format!("/s/{number}"), "value")).await.unwrap();
    }
    let status = member.key_status(&Auditor::bootstrap()).await.unwrap();
    assert!(status.keys[0].uses >= 150, "{:?}", status.keys);
    let replaced = async {
        while states(&member.key_status(&Auditor::bootstrap()).await.unwrap()).last().unwrap().0 < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, replaced).await.unwrap();
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shredded_is_gone_for_good_and_can_be_overwritten_or_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    for key in ["/s/a", "/s/b", "/t/a"] {
        write(&member, put(key, "one")).await.unwrap();
    }
    settled(&member).await;
    member.shred(&admin(), &"/s/".into()).await.unwrap();
    let query = || RangeQuery::all(KeyRange::single("/s/a"));
    let lost = member.range(&Caller::internal(), query()).await;
    assert!(
        matches!(lost, Err(FlowError::DamagedRecord { source: SealError::Destroyed { id: 1 }, .. })),
        "{:?}",
        lost.err()
    );
    assert_eq!(read(&member, "/t/a").await.as_deref(), Some(&b"one"[..]));
    let compared = try_equals(&member, "/s/a", "one").await;
    assert!(matches!(compared, Err(FlowError::DamagedRecord { .. })), "{:?}", compared.err());
    write(&member, put("/s/a", "two")).await.unwrap();
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"two"[..]));
    let range = KeyRange::single("/s/b");
    member.write(&Caller::internal(), Operation::DeleteRange(DeleteRange { range, prev_kv: true })).await.unwrap();
    assert_eq!(read(&member, "/s/b").await, None);
    forgotten(&member).await;
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_shredded_while_another_one_is_sealed_anew() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/big/", "/s/"])).await.unwrap();
    for number in 0..500 {
        write(&member, put(format!("/big/{number}"), "value")).await.unwrap();
    }
    write(&member, put("/plain/a", "one")).await.unwrap();
    write(&member, put("/s/a", "one")).await.unwrap();
    settled(&member).await;
    member.rotate_keys(&admin(), Some(&"/big/".into()), false).await.unwrap();
    member.shred(&admin(), &"/s/".into()).await.unwrap();
    assert!(matches!(try_equals(&member, "/s/a", "one").await, Err(FlowError::DamagedRecord { .. })));
    // What is not sealed yet would stay readable.
    member.set_seal_rule(&admin(), rule("/plain/"), false).await.unwrap();
    match member.shred(&admin(), &"/plain/".into()).await {
        Err(FlowError::NotSettled) => {}
        Ok(_) => assert!(read_fails(&member, "/plain/a").await, "it was sealed by then"),
        Err(other) => panic!("{other}"),
    }
    settled(&member).await;
    member.shutdown().await;
}

async fn read_fails(member: &Member, key: &'static str) -> bool {
    member.range(&Caller::internal(), RangeQuery::all(KeyRange::single(key))).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_keeps_a_value_keeps_it_through_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    write(&member, put("/s/a", "one")).await.unwrap();
    member.rotate_keys(&admin(), None, false).await.unwrap();
    for _ in 0..20 {
        let keep = types::Put { value: PutValue::Keep, ..put("/s/a", "") };
        member.write(&Caller::internal(), Operation::Put(keep)).await.unwrap();
    }
    let status = settled(&member).await;
    assert_eq!(states(&status), [(1, KeyState::Destroyed, 0), (2, KeyState::Active, 21)]);
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"one"[..]));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_seals_at_a_start_and_never_unseals() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    write(&member, put("/s/a", "canary-in-plain")).await.unwrap();
    member.shutdown().await;
    drop(member);
    assert!(on_disk(&dir.path().join("data"), b"canary-in-plain"), "the search finds what is there");
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    forgotten(&member).await;
    assert!(!on_disk(&dir.path().join("data"), b"canary-in-plain"), "it is in no file of the running member");
    member.shutdown().await;
    drop(member);
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    write(&member, put("/s/b", "canary-sealed")).await.unwrap();
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"canary-in-plain"[..]));
    member.shutdown().await;
    drop(member);
    assert!(!on_disk(&dir.path().join("data"), b"canary-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_set_aside_counts_as_a_file_of_the_member() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    write(&member, put("/s/a", "canary-set-aside")).await.unwrap();
    let set_aside = dir.path().join("data/state/set-aside");
    std::fs::create_dir(&set_aside).unwrap();
    std::fs::write(set_aside.join("1.sst"), "canary-set-aside").unwrap();
    member.set_seal_rule(&admin(), rule("/s/"), false).await.unwrap();
    settled(&member).await;
    // All else that is to be forgotten is gone before that; the log last.
    let log = dir.path().join("data/log");
    let gone = async {
        while on_disk(&log, b"canary-set-aside") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!member.key_status(&Auditor::bootstrap()).await.unwrap().forgotten);
    std::fs::remove_dir_all(&set_aside).unwrap();
    forgotten(&member).await;
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_before_its_prefix_was_sealed_lies_in_no_file_either() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    write(&member, put("/s/a", "canary-deleted")).await.unwrap();
    let delete = DeleteRange { range: KeyRange::single("/s/a"), prev_kv: false };
    let deleted = member.write(&Caller::internal(), Operation::DeleteRange(delete)).await.unwrap();
    member.compact(&Caller::internal(), deleted.header.revision, true).await.unwrap();
    assert!(on_disk(&dir.path().join("data"), b"canary-deleted"), "the search finds what is there");
    member.set_seal_rule(&admin(), rule("/s/"), false).await.unwrap();
    forgotten(&member).await;
    assert!(!on_disk(&dir.path().join("data"), b"canary-deleted"));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_opened_harms_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/s/"])).await.unwrap();
    for key in ["/s/a", "/s/b"] {
        write(&member, put(key, "one")).await.unwrap();
    }
    settled(&member).await;
    member.shred(&admin(), &"/s/".into()).await.unwrap();
    write(&member, put("/s/b", "two")).await.unwrap();
    let query = || RangeQuery::all(KeyRange::prefix(b"/s/"));
    let failed = member.range(&Caller::internal(), query()).await;
    assert!(matches!(&failed, Err(FlowError::DamagedRecord { key, .. }) if key == "/s/a"), "{:?}", failed.err());
    let (found, damaged) = member.range_skipping(&Caller::internal(), query(), true).await.unwrap().body;
    assert_eq!(found.kvs.iter().map(|kv| kv.value.expose().to_vec()).collect::<Vec<_>>(), [b"two"]);
    assert_eq!(damaged, ["/s/a"]);
    member.shutdown().await;
}

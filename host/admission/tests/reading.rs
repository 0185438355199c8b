//! Plugins that read of the store: only what they were granted, and their verdicts hold only while it is so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use crate::fixture::{Memory, block_on, load, permit, put, record, sealing_keyring_of};
use admission::{AdmissionError, Cause, Engine, Policy};
use auth::Caller;
use bytes::Bytes;
use seal::Keyring;
use store::command::{Body, Keys, Premise};
use store::{PluginMode, PluginRecord};
use types::{KeyRange, Operation};

fn reading(name: &str, guest: Vec<u8>, prefix: &'static str) -> PluginRecord {
    PluginRecord { reads: vec![Bytes::from_static(prefix.as_bytes())], ..record(name, guest, guests::PREFIX) }
}

fn policy(record: PluginRecord, keys: &[(&'static str, i64)], keyring: Arc<Keyring>) -> Arc<Policy> {
    let state = Memory(keys.iter().map(|(key, revision)| (*key, ("value", *revision))).collect());
    Arc::new(Policy::new(1, load(&Engine::new().unwrap(), &[record]), keyring, Arc::new(state)))
}

fn plain() -> Arc<Keyring> {
    Arc::new(Keyring::empty(7))
}

/// What the log will know of what was read.
async fn premises(policy: &Arc<Policy>, operation: &Operation) -> Result<Vec<Premise>, AdmissionError> {
    let admitted = policy.review(permit(operation), operation).await?;
    let Some(Body::Write(write)) = admitted.seal().unwrap().into_command().body else { panic!("it is a write") };
    Ok(write.stamp.unwrap().premises)
}

fn premise(range: &KeyRange, count: u64, newest: i64) -> Premise {
    Premise { keys: Some(Keys::from(range)), count, newest }
}

#[test]
fn a_verdict_follows_the_store_and_says_so_in_the_log() {
    block_on(async {
        let write = put("/guarded/a", "x");
        let free = policy(reading("free", guests::while_free(), "/guarded/"), &[], plain());
        let lock = KeyRange::single(guests::LOCK);
        assert_eq!(premises(&free, &write).await.unwrap(), [premise(&lock, 0, 0)]);
        assert!(free.reads());

        let taken = policy(reading("free", guests::while_free(), "/guarded/"), &[(guests::LOCK, 5)], plain());
        assert!(matches!(premises(&taken, &write).await, Err(AdmissionError::Denied { .. })));

        let one = policy(reading("two", guests::at_most_two(), "/"), &[("/guarded/x", 6), ("/other", 8)], plain());
        let all = KeyRange::prefix(b"/guarded/");
        assert_eq!(premises(&one, &write).await.unwrap(), [premise(&all, 1, 6)]);
    });
}

/// What lies behind the last key that was read may change.
#[test]
fn a_list_that_was_cut_off_tells_of_what_was_read_only() {
    block_on(async {
        let keys = [("/guarded/x", 6), ("/guarded/y", 4), ("/guarded/z", 9)];
        // In warn mode nobody depends on it; observed here is that it denies.
        let record =
            PluginRecord { mode: PluginMode::Warn.into(), ..reading("two", guests::at_most_two(), "/guarded/") };
        let policy = policy(record, &keys, plain());
        let write = put("/guarded/a", "x");
        let admitted = policy.review(permit(&write), &write).await.unwrap();
        assert!(admitted.warnings()[0].contains("denied"), "{:?}", admitted.warnings());
        assert_eq!(premises(&policy, &write).await.unwrap(), []);
    });
}

#[test]
fn nothing_is_read_that_was_not_granted() {
    block_on(async {
        let write = put("/guarded/a", "x");
        let ungranted = record("free", guests::while_free(), guests::PREFIX);
        for record in [ungranted, reading("free", guests::while_free(), "/guarded/lo/")] {
            let policy = policy(record, &[], plain());
            assert!(matches!(premises(&policy, &write).await, Err(AdmissionError::PluginFailed { .. })));
        }
        // A list needs the grant of all of it.
        let part = policy(reading("two", guests::at_most_two(), "/guarded/x"), &[], plain());
        assert!(matches!(premises(&part, &write).await, Err(AdmissionError::PluginFailed { .. })));
    });
}

#[test]
fn reading_comes_to_an_end() {
    block_on(async {
        let policy = policy(reading("flood", guests::reading_flood(), "/"), &[(guests::LOCK, 5)], plain());
        let read = premises(&policy, &put("/guarded/a", "x")).await.unwrap();
        assert_eq!(read.len(), admission::limits::READS_MAX);
    });
}

#[test]
fn a_sealed_value_is_read_only_by_who_may_see_it_and_goes_nowhere_from_there() {
    block_on(async {
        let write = put("/guarded/a", "x");
        let lock = [(guests::LOCK, 5)];
        let record = |name, guest, sees_sealed| PluginRecord {
            sees_sealed,
            may_mutate: true,
            ..reading(name, guest, "/guarded/")
        };
        let blind = policy(record("shown", guests::unless_shown(), false), &lock, sealing_keyring_of(guests::LOCK));
        premises(&blind, &write).await.unwrap();
        let seeing = policy(record("shown", guests::unless_shown(), true), &lock, sealing_keyring_of(guests::LOCK));
        let denied = premises(&seeing, &write).await.unwrap_err();
        assert!(denied.to_string().contains("withheld"), "its words could quote the value: {denied}");

        let carrying =
            policy(record("change", guests::change_having_read(), true), &lock, sealing_keyring_of(guests::LOCK));
        let refused = premises(&carrying, &write).await.unwrap_err();
        assert!(matches!(refused, AdmissionError::PluginFailed { cause: Cause::Mutation { .. }, .. }), "{refused}");
    });
}

#[test]
fn writers_are_included_and_exempted_by_their_names() {
    block_on(async {
        let write = put("/guarded/a", "x");
        let denying = |users: &[&str], exempt: &[&str]| {
            let texts = |rules: &[&str]| rules.iter().map(|&rule| rule.to_owned()).collect();
            let bound = record("deny", guests::deny_all(), guests::PREFIX);
            policy(PluginRecord { users: texts(users), exempt: texts(exempt), ..bound }, &[], plain())
        };
        let alice = {
            let subject = auth::Subject::User { name: "alice".into(), revision: 1 };
            auth::Realm::default().permit_write(&Caller::anonymous(None), subject, &write).unwrap()
        };
        for (users, exempt, reviewed) in [
            (&[][..], &[][..], true),
            (&["USER:alice"], &[], true),
            (&["USER:bob", "CN:alice"], &[], false),
            (&[], &["USER:alice"], false),
            (&["USER:alice"], &["USER:alice"], false),
            (&[], &["USER:alic", "CN:alice"], true),
        ] {
            let outcome = denying(users, exempt).review(alice.clone(), &write).await;
            assert_eq!(outcome.is_err(), reviewed, "{users:?} {exempt:?}");
        }
    });
}

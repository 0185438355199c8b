//! Which writes are reviewed, what a plugin is shown, and what comes out.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use crate::fixture::{
    PATIENCE, SEALED_PREFIX, block_on, delete, load, plain_put, policy, policy_of, put, record, review,
    sealing_keyring, txn,
};
use admission::{AdmissionError, Cause, Engine, Policy, limits};
use store::PluginRecord;
use types::{DeleteRange, KeyRange, Operation, Txn, TxnOp};

fn denies(policy: &Arc<Policy>, operation: &Operation) -> bool {
    match block_on(review(policy, operation)) {
        Ok(()) => false,
        Err(AdmissionError::Denied { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_write_under_the_prefix_is_reviewed_wherever_it_stands() {
    let engine = Engine::new().unwrap();
    let policy = policy(&engine, &[record("deny-all", guests::deny_all(), "/guarded/")]);
    let guarded = || TxnOp::Put(plain_put("/guarded/a", "x"));
    let free = || TxnOp::Put(plain_put("/free/a", "x"));
    let nested = TxnOp::Txn(Txn { compare: vec![], success: vec![], failure: vec![guarded()] });
    let over = KeyRange::from_wire("/g".into(), "/h".into());
    let range = TxnOp::DeleteRange(DeleteRange { range: over, prev_kv: false });

    for reviewed in [
        put("/guarded/a", "x"),
        put("/guarded/", "x"),
        delete("/guarded/a", ""),
        delete("/a", "\0"),
        delete("/guarded/b", "/z"),
        txn(vec![free(), guarded()], vec![]),
        txn(vec![], vec![guarded()]),
        txn(vec![nested], vec![]),
        txn(vec![range], vec![]),
    ] {
        assert!(denies(&policy, &reviewed));
    }
    for passed in
        [put("/guarded", "x"), put("/guardee/", "x"), delete("/a", "/guarded/"), txn(vec![free()], vec![free()])]
    {
        assert!(!denies(&policy, &passed));
    }
}

#[test]
fn only_the_operations_of_the_record_are_reviewed() {
    let engine = Engine::new().unwrap();
    let whole = record("deny-all", guests::deny_all(), "/guarded/");
    let puts = policy(&engine, &[PluginRecord { on_delete: false, ..whole.clone() }]);
    let deletes = policy(&engine, &[PluginRecord { on_put: false, ..whole }]);
    assert!(denies(&puts, &put("/guarded/a", "x")) && !denies(&puts, &delete("/guarded/a", "")));
    assert!(!denies(&deletes, &put("/guarded/a", "x")) && denies(&deletes, &delete("/guarded/a", "")));
}

#[test]
fn the_value_reaches_the_plugin() {
    let engine = Engine::new().unwrap();
    let policy = policy(&engine, &[record("bang", guests::deny_exclamation(), "/guarded/")]);
    assert!(denies(&policy, &put("/guarded/a", "!")));
    assert!(!denies(&policy, &put("/guarded/a", "?!")));
    // Larger than the guest's memory at the start.
    assert!(denies(&policy, &put("/guarded/a", &"!".repeat(types::REQUEST_BYTES_MAX))));
}

#[test]
fn one_bad_write_of_a_transaction_denies_it_whole() {
    let engine = Engine::new().unwrap();
    let policy = policy(&engine, &[record("bang", guests::deny_exclamation(), "/guarded/")]);
    let mut writes: Vec<TxnOp> = (0..100).map(|n| TxnOp::Put(plain_put(&format!("/guarded/{n}"), "fine"))).collect();
    assert!(!denies(&policy, &txn(writes.clone(), vec![])));
    writes.push(TxnOp::Put(plain_put("/guarded/last", "!")));
    assert!(denies(&policy, &txn(writes, vec![])));
}

#[test]
fn nothing_is_remembered_between_reviews() {
    let engine = Engine::new().unwrap();
    let policy = policy(&engine, &[record("remembering", guests::remembering(), "/guarded/")]);
    for _ in 0..20 {
        assert!(!denies(&policy, &put("/guarded/a", "x")));
    }
}

#[test]
fn a_denial_names_the_plugin_and_is_tidied() {
    let engine = Engine::new().unwrap();
    let plain = policy(&engine, &[record("deny-all", guests::deny_all(), "/guarded/")]);
    let denied = block_on(review(&plain, &put("/guarded/a", "x"))).unwrap_err().to_string();
    assert!(denied.contains("deny-all") && denied.contains(guests::DENY_ALL_MESSAGE), "{denied}");

    let untidy = policy(&engine, &[record("untidy", guests::deny_untidily(), "/guarded/")]);
    let Err(AdmissionError::Denied { message, .. }) = block_on(review(&untidy, &put("/guarded/a", "x"))) else {
        panic!("not denied");
    };
    assert!(message.starts_with("first second [31m") && message.len() == limits::MESSAGE_BYTES_MAX, "{message}");
}

#[test]
fn a_sealed_value_is_withheld_until_it_is_granted() {
    let engine = Engine::new().unwrap();
    let keyring = sealing_keyring();
    let plain = record("bang", guests::deny_exclamation(), "/guarded/");
    let granted = PluginRecord { sees_sealed: true, ..plain.clone() };
    let policy = |record| policy_of(1, load(&engine, &[record]), Arc::clone(&keyring));
    let key = format!("{SEALED_PREFIX}a");

    // This guest fails on a write without a value.
    let blind = policy(plain);
    let failure = block_on(review(&blind, &put(&key, "!"))).unwrap_err();
    assert!(matches!(failure, AdmissionError::PluginFailed { .. }), "{failure}");
    assert!(denies(&blind, &put("/guarded/clear", "!")));

    let seeing = policy(granted);
    assert!(!denies(&seeing, &put(&key, "fine")) && denies(&seeing, &put(&key, "!")));
}

#[test]
fn a_plugin_that_has_seen_a_sealed_value_is_not_quoted() {
    let engine = Engine::new().unwrap();
    let record = PluginRecord { sees_sealed: true, ..record("deny-all", guests::deny_all(), "/guarded/") };
    let policy = policy_of(1, load(&engine, &[record]), sealing_keyring());
    let denied = block_on(review(&policy, &put(&format!("{SEALED_PREFIX}a"), "x"))).unwrap_err();
    let AdmissionError::Denied { code, message, .. } = denied else { panic!("{denied}") };
    assert_eq!(code, "denied");
    assert!(!message.contains(guests::DENY_ALL_MESSAGE), "{message}");
}

/// The end of its lease deletes a key, and no plugin is asked then: so one that wants deletes is asked now.
#[test]
fn a_put_under_a_lease_is_shown_to_a_plugin_that_wants_deletes() {
    let engine = Engine::new().unwrap();
    let only_deletes = PluginRecord { on_put: false, ..record("deny-all", guests::deny_all(), guests::PREFIX) };
    let policy = policy(&engine, &[only_deletes]);
    let under = |lease| {
        let put = plain_put("/guarded/a", "x");
        Operation::Put(types::Put { lease, ..put })
    };
    assert!(!denies(&policy, &under(types::PutLease::Set(0))));
    assert!(denies(&policy, &under(types::PutLease::Set(7))));
    assert!(denies(&policy, &under(types::PutLease::Keep)));
}

#[test]
fn a_plugin_that_has_proven_quick_takes_no_lane_and_one_that_then_loops_does() {
    let engine = Engine::new().unwrap();
    let record = PluginRecord { timeout_ms: 200, ..record("p", guests::loop_at_exclamation(), "/guarded/") };
    let policy = policy(&engine, &[record]);
    // There is a thread for one lane, and while that is taken there is none.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let quick = |patience| {
        let operation = put("/guarded/a", "fine");
        runtime.block_on(async { tokio::time::timeout(patience, review(&policy, &operation)).await })
    };
    for _ in 0..2000 {
        quick(PATIENCE).unwrap().unwrap();
    }
    let (free, taken) = std::sync::mpsc::channel::<()>();
    drop(runtime.spawn_blocking(move || taken.recv()));
    quick(PATIENCE).unwrap().unwrap();

    let before = std::time::SystemTime::now();
    let looping: Vec<_> = (0..8)
        .map(|_| {
            let policy = policy.clone();
            runtime.spawn(async move { review(&policy, &put("/guarded/a", "!")).await })
        })
        .collect();
    // They are ended where they were begun and wait for a lane, and others do not trust the plugin any more.
    let mut trusted = 0;
    while quick(Duration::from_millis(100)).is_ok() {
        trusted += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(looping.iter().all(|looping| !looping.is_finished()));
    drop(free);
    for looping in looping {
        let cause = Cause::Deadline { limit_ms: 200 };
        let failed = AdmissionError::PluginFailed { plugin: "p".to_owned(), cause };
        assert_eq!(runtime.block_on(looping).unwrap(), Err(failed));
    }
    quick(PATIENCE).unwrap().unwrap();
    // What it said before it was ended the first time is forgotten.
    assert_eq!(engine.log("p").iter().filter(|line| line.at >= before).count(), trusted + 9);
}

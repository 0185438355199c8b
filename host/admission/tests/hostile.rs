//! Guests that misbehave are stopped within their limits, deny the write, and harm no other.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use std::time::{Duration, Instant};

use crate::fixture::{TIMEOUT_MS, block_on, policy, policy_of, put, record, review};
use admission::{AdmissionError, Cause, Engine};

/// What a guest may take beyond its time limit: the clock's tick, and a machine that has other things to do.
const GRACE: Duration = Duration::from_secs(10);

fn failed(cause: Cause) -> AdmissionError {
    AdmissionError::PluginFailed { plugin: "hostile".to_owned(), cause }
}

fn deadline() -> Cause {
    Cause::Deadline { limit_ms: TIMEOUT_MS.into() }
}

/// The guest fails with `cause`, in time, again and again, and a neighbour reviews as if nothing had happened.
fn assert_contained(guest: Vec<u8>, cause: impl Fn(&Cause) -> bool) {
    let engine = Engine::new().unwrap();
    let neighbour = record("neighbour", guests::deny_exclamation(), "/guarded/");
    let policy = policy(&engine, &[record("hostile", guest, "/hostile/"), neighbour]);
    block_on(async {
        for _ in 0..3 {
            let begin = Instant::now();
            let outcome = review(&policy, &put("/hostile/a", "x")).await;
            let Err(AdmissionError::PluginFailed { plugin, cause: found }) = outcome else { panic!("{outcome:?}") };
            assert!(plugin == "hostile" && cause(&found), "{found:?}");
            assert!(begin.elapsed() < Duration::from_millis(TIMEOUT_MS.into()) + GRACE, "{:?}", begin.elapsed());

            review(&policy, &put("/guarded/a", "fine")).await.unwrap();
            let denied = review(&policy, &put("/guarded/a", "!")).await.unwrap_err();
            assert!(matches!(denied, AdmissionError::Denied { plugin, .. } if plugin == "neighbour"));
        }
    });
}

#[test]
fn an_endless_loop_meets_its_deadline() {
    assert_contained(guests::endless_loop(), |cause| *cause == deadline());
}

#[test]
fn a_memory_bomb_is_stopped_at_its_limit() {
    assert_contained(guests::memory_bomb(), |cause| *cause == Cause::Memory);
}

#[test]
fn a_table_bomb_is_stopped_at_its_limit() {
    assert_contained(guests::table_bomb(), |cause| *cause == Cause::Memory);
}

#[test]
fn a_log_flood_meets_its_deadline() {
    assert_contained(guests::log_flood(), |cause| *cause == deadline());
}

#[test]
fn a_value_that_may_not_be_changed_stays_and_the_write_is_denied() {
    assert_contained(guests::change_to_exclamation(), |cause| matches!(cause, Cause::Mutation { .. }));
    // Not granted, what it answers is too large as well.
    assert_contained(guests::change_to_huge(), |cause| *cause == Cause::Output);
}

#[test]
fn a_trap_is_a_failure_and_not_a_verdict() {
    assert_contained(guests::trap(), |cause| matches!(cause, Cause::Trap { .. }));
}

#[test]
fn deep_recursion_runs_out_of_its_own_stack() {
    assert_contained(guests::deep_recursion(), |cause| *cause == Cause::Stack);
}

#[test]
fn a_huge_answer_is_not_copied() {
    assert_contained(guests::huge_output(), |cause| *cause == Cause::Output);
}

#[test]
fn an_answer_outside_the_contract_is_a_failure() {
    assert_contained(guests::wild_pointer(), |cause| matches!(cause, Cause::Output | Cause::Trap { .. }));
    assert_contained(guests::unknown_verdict(), |cause| matches!(cause, Cause::Output | Cause::Trap { .. }));
}

#[test]
fn code_that_cannot_run_here_denies_with_the_reason() {
    assert_contained(
        guests::foreign_import(),
        |cause| matches!(cause, Cause::Unusable { reason } if reason.contains("now")),
    );
    assert_contained(guests::huge_memory(), |cause| matches!(cause, Cause::Unusable { .. }));
}

#[test]
fn a_component_that_is_not_what_was_installed_denies() {
    let engine = Engine::new().unwrap();
    let record = record("hostile", guests::allow_all(), "/hostile/");
    for (found, said) in [(Some(guests::remembering().into()), "digest"), (None, "missing")] {
        let plugins = engine.load(std::slice::from_ref(&record), &|_| Ok(found.clone()));
        let policy = policy_of(1, plugins, Arc::new(seal::Keyring::empty(7)));
        let failure = block_on(review(&policy, &put("/hostile/a", "x"))).unwrap_err();
        assert!(failure.to_string().contains(said), "{failure}");
    }
}

#[test]
fn a_plugin_set_to_be_ignored_when_it_fails_lets_the_write_pass() {
    let engine = Engine::new().unwrap();
    let open = |name, guest| store::PluginRecord { fail_open: true, ..record(name, guest, "/hostile/") };
    let failing = [open("a", guests::trap()), open("b", guests::foreign_import()), open("c", guests::endless_loop())];
    block_on(async {
        review(&policy(&engine, &failing), &put("/hostile/a", "x")).await.unwrap();
        // Only a failure is ignored, never a denial.
        let denying = policy(&engine, &[open("a", guests::trap()), open("d", guests::deny_all())]);
        let denied = review(&denying, &put("/hostile/a", "x")).await.unwrap_err();
        assert!(matches!(denied, AdmissionError::Denied { plugin, .. } if plugin == "d"));
    });
}

#[test]
fn a_looping_plugin_holds_up_no_other() {
    let engine = Engine::new().unwrap();
    let mut looping = record("hostile", guests::endless_loop(), "/hostile/");
    looping.timeout_ms = 3_000;
    let policy = policy(&engine, &[looping, record("neighbour", guests::allow_all(), "/guarded/")]);
    block_on(async {
        let stuck: Vec<_> = (0..20)
            .map(|_| {
                let policy = policy.clone();
                tokio::spawn(async move { review(&policy, &put("/hostile/a", "x")).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begin = Instant::now();
        review(&policy, &put("/guarded/a", "x")).await.unwrap();
        assert!(begin.elapsed() < GRACE, "{:?}", begin.elapsed());
        stuck.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

#[test]
fn requests_beyond_the_lanes_of_a_plugin_give_up_waiting() {
    let engine = Engine::new().unwrap();
    let mut looping = record("hostile", guests::endless_loop(), "/hostile/");
    looping.timeout_ms = 3_000;
    let policy = policy(&engine, &[looping]);
    block_on(async {
        let crowd: Vec<_> = (0..4 * admission::limits::LANES_MAX)
            .map(|_| {
                let policy = policy.clone();
                tokio::spawn(async move { review(&policy, &put("/hostile/a", "x")).await.unwrap_err() })
            })
            .collect();
        let mut busy = 0;
        for request in crowd {
            busy += usize::from(request.await.unwrap() == failed(Cause::Busy));
        }
        assert!(busy > 0);
    });
}

#[test]
fn a_guest_is_still_stopped_when_the_engine_is_gone() {
    let engine = Engine::new().unwrap();
    let policy = policy(&engine, &[record("hostile", guests::endless_loop(), "/hostile/")]);
    drop(engine);
    assert_eq!(block_on(review(&policy, &put("/hostile/a", "x"))), Err(failed(deadline())));
}

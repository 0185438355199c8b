//! Guests that misbehave are stopped within their limits, deny the write, and harm no other.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use std::time::{Duration, Instant};

use crate::fixture::{TIMEOUT_MS, block_on, policy, policy_of, put, record, review};
use admission::{AdmissionError, Cause, Engine};
use guests::Hostile;

/// What a guest may take beyond its time limit: the clock's tick, and a machine that has other things to do.
const GRACE: Duration = Duration::from_secs(10);

fn failed(cause: Cause) -> AdmissionError {
    AdmissionError::PluginFailed { plugin: "hostile".to_owned(), cause }
}

fn deadline() -> Cause {
    Cause::Deadline { limit_ms: TIMEOUT_MS.into() }
}

/// What a guest is stopped for.
type Expected = fn(&Cause) -> bool;

/// Of every guest there is: one that is not named here does not compile.
fn expected(guest: Hostile) -> Expected {
    match guest {
        Hostile::EndlessLoop | Hostile::EndlessRealloc | Hostile::EndlessStart | Hostile::LogFlood => {
            |cause| *cause == deadline()
        }
        Hostile::MemoryBomb | Hostile::TableBomb => |cause| *cause == Cause::Memory,
        Hostile::DeepRecursion => |cause| *cause == Cause::Stack,
        // It is not even copied.
        Hostile::HugeOutput => |cause| *cause == Cause::Output,
        Hostile::Trap => |cause| matches!(cause, Cause::Trap { .. }),
        Hostile::InvalidText
        | Hostile::UnknownVerdict
        | Hostile::WildPointer
        | Hostile::WildRealloc
        | Hostile::WildText => |cause| matches!(cause, Cause::Output | Cause::Trap { .. }),
        Hostile::ForeignImport => |cause| matches!(cause, Cause::Unusable { reason } if reason.contains("now")),
        Hostile::WasiImport => |cause| matches!(cause, Cause::Unusable { reason } if reason.contains("wasi:clocks")),
        Hostile::HugeMemory => |cause| matches!(cause, Cause::Unusable { .. }),
    }
}

/// The guest fails with `cause`, in time, again and again, and meanwhile a neighbour reviews as if nothing had happened.
fn assert_contained(name: &str, guest: Vec<u8>, cause: impl Fn(&Cause) -> bool) {
    let engine = Engine::new().unwrap();
    let neighbour = record("neighbour", guests::deny_exclamation(), "/guarded/");
    let policy = policy(&engine, &[record("hostile", guest, "/hostile/"), neighbour]);
    block_on(async {
        for _ in 0..2 {
            let (begin, hostile) = (Instant::now(), policy.clone());
            let stopped = tokio::spawn(async move { review(&hostile, &put("/hostile/a", "x")).await });
            review(&policy, &put("/guarded/a", "fine")).await.unwrap();
            let denied = review(&policy, &put("/guarded/a", "!")).await.unwrap_err();
            assert!(matches!(denied, AdmissionError::Denied { plugin, .. } if plugin == "neighbour"), "beside {name}");

            let outcome = stopped.await.unwrap();
            let Err(AdmissionError::PluginFailed { plugin, cause: found }) = outcome else {
                panic!("{name}: {outcome:?}")
            };
            assert!(plugin == "hostile" && cause(&found), "{name}: {found:?}");
            let took = begin.elapsed();
            assert!(took < Duration::from_millis(TIMEOUT_MS.into()) + GRACE, "{name}: {took:?}");
        }
    });
}

#[test]
fn every_hostile_guest_is_stopped_for_what_it_does_and_its_neighbour_served_meanwhile() {
    for guest in Hostile::ALL {
        assert_contained(&format!("{guest:?}"), guest.component(), expected(*guest));
    }
}

#[test]
fn a_value_that_may_not_be_changed_stays_and_the_write_is_denied() {
    assert_contained("change", guests::change_to_exclamation(), |cause| matches!(cause, Cause::Mutation { .. }));
    // Not granted, what it answers is too large as well.
    assert_contained("huge change", guests::change_to_huge(), |cause| *cause == Cause::Output);
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

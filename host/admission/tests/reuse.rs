//! Instances that review again and again, where the administrator said so.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::fixture::{block_on, policy, put, record, review};
use admission::{AdmissionError, Engine, limits::REUSES_MAX};
use store::PluginRecord;

/// What comes of so many writes, one after the other.
fn outcomes(record: PluginRecord, count: u32) -> Vec<Result<(), AdmissionError>> {
    let policy = policy(&Engine::new().unwrap(), &[record]);
    block_on(async {
        let mut outcomes = Vec::new();
        for _ in 0..count {
            outcomes.push(review(&policy, &put("/guarded/a", "x")).await);
        }
        outcomes
    })
}

fn reused(guest: Vec<u8>) -> PluginRecord {
    PluginRecord { reuse_instances: true, ..record("reused", guest, "/guarded/") }
}

#[test]
fn an_instance_remembers_until_it_makes_room_for_another() {
    let outcomes = outcomes(reused(guests::remembering()), REUSES_MAX + 2);
    let fresh: Vec<usize> = (0..outcomes.len()).filter(|at| outcomes[*at].is_ok()).collect();
    assert_eq!(fresh, [0, REUSES_MAX as usize]);
    assert!(matches!(outcomes[1], Err(AdmissionError::Denied { .. })), "{:?}", outcomes[1]);
}

#[test]
fn where_an_instance_fails_a_fresh_one_is_asked() {
    assert!(outcomes(reused(guests::once()), 4).iter().all(Result::is_ok));
    let failed = outcomes(reused(guests::trap()), 2);
    assert!(failed.iter().all(|outcome| matches!(outcome, Err(AdmissionError::PluginFailed { .. }))), "{failed:?}");
}

#[test]
fn an_instance_that_has_grown_is_not_used_again() {
    // It has 640 KiB, which is more than half of what it may have.
    let small = PluginRecord { memory_mib: 1, ..reused(guests::grown()) };
    assert!(outcomes(small, 3).iter().all(Result::is_ok));
    assert!(outcomes(reused(guests::grown()), 3)[1].is_err(), "it remembers where there is room");
}

#[test]
fn one_that_is_shown_sealed_values_remembers_nothing() {
    let seeing = PluginRecord { sees_sealed: true, ..reused(guests::remembering()) };
    assert!(outcomes(seeing, 3).iter().all(Result::is_ok));
}

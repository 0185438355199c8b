//! What becomes of a verdict: values changed, warnings given, logs kept, by mode, grant and order.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use crate::fixture::{
    SEALED_PREFIX, block_on, delete, load, permit, plain_put, policy, policy_of, put, record, review, sealing_keyring,
    txn,
};
use admission::{AdmissionError, Admitted, Cause, Engine, Level, Policy, limits};
use seal::Sealed;
use store::command::{Body, Op, OpKind};
use store::{PluginMode, PluginRecord};
use types::{Operation, Txn, TxnOp};

fn bound(name: &str, guest: Vec<u8>) -> PluginRecord {
    record(name, guest, guests::PREFIX)
}

fn changing() -> PluginRecord {
    PluginRecord { may_mutate: true, ..bound("changing", guests::change_to_exclamation()) }
}

fn admitted<'a>(policy: &Arc<Policy>, operation: &'a Operation) -> Result<Admitted<'a>, AdmissionError> {
    block_on(policy.review(permit(operation), operation))
}

/// The values that an admitted operation puts, in its order.
fn values(admitted: &Admitted<'_>) -> Vec<String> {
    let Some(Body::Write(write)) = admitted.seal().unwrap().into_command().body else { panic!("not a write") };
    let mut values = Vec::new();
    collect(write.op.unwrap(), &mut values);
    values
}

fn collect(op: Op, values: &mut Vec<String>) {
    match op.kind.unwrap() {
        OpKind::Put(put) => values.push(String::from_utf8(put.value.unwrap().bytes.to_vec()).unwrap()),
        OpKind::Txn(txn) => txn.success.into_iter().chain(txn.failure).for_each(|op| collect(op, values)),
        OpKind::DeleteRange(_) | OpKind::Range(_) => {}
    }
}

#[test]
fn a_plugin_that_was_granted_to_changes_what_it_reviews_and_nothing_else() {
    let engine = Engine::new().unwrap();
    let policy = policy(&engine, &[changing()]);
    let single = put("/guarded/a", "x");
    let admitted_single = admitted(&policy, &single).unwrap();
    assert_eq!(values(&admitted_single), ["!"]);
    assert_eq!(admitted_single.warnings(), ["changing: changed"]);

    let ours = |value| TxnOp::Put(plain_put("/guarded/a", value));
    let free = |value| TxnOp::Put(plain_put("/free/a", value));
    let nested = TxnOp::Txn(Txn { compare: vec![], success: vec![free("1")], failure: vec![ours("2")] });
    let mixed = txn(vec![free("3"), ours("4"), nested], vec![free("5"), ours("6")]);
    assert_eq!(values(&admitted(&policy, &mixed).unwrap()), ["3", "!", "1", "!", "5", "!"]);
    assert_eq!(values(&admitted(&policy, &put("/free/a", "x")).unwrap()), ["x"]);
}

#[test]
fn a_plugin_changes_only_a_value_that_it_was_shown() {
    let engine = Engine::new().unwrap();
    let unseen = Cause::Mutation { reason: "that it was not shown" };
    let failure = AdmissionError::PluginFailed { plugin: "changing".to_owned(), cause: unseen };
    let open = policy(&engine, &[changing()]);
    assert_eq!(admitted(&open, &delete("/guarded/a", "")).unwrap_err(), failure);

    let key = format!("{SEALED_PREFIX}a");
    let policy = |record| policy_of(1, load(&engine, &[record]), sealing_keyring());
    assert_eq!(admitted(&policy(changing()), &put(&key, "x")).unwrap_err(), failure);
    let seeing = policy(PluginRecord { sees_sealed: true, ..changing() });
    let sealed = put(&key, "x");
    let passed = admitted(&seeing, &sealed).unwrap();
    assert!(passed.warnings().is_empty() && passed.notes().is_empty(), "what it says of a sealed value reaches nobody");
    let Some(Body::Write(write)) = passed.seal().unwrap().into_command().body else { panic!("not a write") };
    let OpKind::Put(put) = write.op.unwrap().kind.unwrap() else { panic!("not a put") };
    assert!(Sealed::try_from(&put.value.unwrap()).unwrap().is_sealed(), "a changed value is sealed as any other");
}

#[test]
fn later_plugins_review_what_earlier_ones_made_of_a_value() {
    let engine = Engine::new().unwrap();
    let judging = bound("a-judge", guests::deny_exclamation());
    // By name the judge comes first.
    let before = policy(&engine, &[judging.clone(), changing()]);
    assert_eq!(values(&admitted(&before, &put("/guarded/a", "x")).unwrap()), ["!"]);
    let after = policy(&engine, &[PluginRecord { order: 1, ..judging }, changing()]);
    let denied = block_on(review(&after, &put("/guarded/a", "x"))).unwrap_err();
    assert!(matches!(denied, AdmissionError::Denied { plugin, .. } if plugin == "a-judge"));
}

#[test]
fn what_plugins_make_of_a_request_is_bounded() {
    let engine = Engine::new().unwrap();
    let huge = PluginRecord { may_mutate: true, ..bound("huge", guests::change_to_huge()) };
    let refused = block_on(review(&policy(&engine, &[huge]), &put("/guarded/a", "x"))).unwrap_err();
    assert!(
        matches!(refused, AdmissionError::PluginFailed { cause: Cause::Output | Cause::Mutation { .. }, .. }),
        "{refused}"
    );
    let many = txn((0..100).map(|number| TxnOp::Put(plain_put(&format!("/guarded/{number}"), "x"))).collect(), vec![]);
    let policy = policy(&engine, &[changing()]);
    assert_eq!(admitted(&policy, &many).unwrap().warnings().len(), limits::REMARKS_MAX);
}

#[test]
fn a_plugin_that_makes_a_request_too_large_has_failed_and_no_other() {
    let engine = Engine::new().unwrap();
    // Each alone may put that much into it, and both together may not.
    let value = "x".repeat(types::REQUEST_BYTES_MAX / 3 * 2);
    let write = put("/guarded/a", &value);
    let rewriting = |name: &str| PluginRecord { may_mutate: true, ..bound(name, guests::change_to_itself()) };
    let second = |record: PluginRecord| policy(&engine, &[rewriting("first"), record]);
    let passed = second(PluginRecord { fail_open: true, ..rewriting("second") });
    assert!(values(&admitted(&passed, &write).unwrap()) == [value], "it is passed over, as the administrator wants it");
    let refused = admitted(&second(rewriting("second")), &write).unwrap_err();
    let AdmissionError::PluginFailed { plugin, cause } = refused else { panic!("{refused}") };
    assert!(plugin == "second" && matches!(cause, Cause::Mutation { .. }), "{plugin}: {cause}");
    let warned = second(PluginRecord { mode: i32::from(PluginMode::Warn), ..rewriting("second") });
    let passed = admitted(&warned, &write).unwrap();
    let [warning] = passed.warnings() else { panic!("{:?}", passed.warnings()) };
    assert!(warning.starts_with("not enforced: plugin second failed"), "{warning}");
}

#[test]
fn a_denial_comes_with_what_was_said_before_it_and_beside_it() {
    let engine = Engine::new().unwrap();
    let denying = bound("denying", guests::deny_with_remarks());
    let write = put("/guarded/a", "x");
    let both = policy(&engine, &[changing(), denying.clone()]);
    let denied = block_on(review(&both, &write)).unwrap_err();
    let AdmissionError::Denied { plugin, code, message, remarks } = denied else { panic!("{denied}") };
    assert_eq!((plugin.as_str(), code.as_str(), message.as_str()), ("denying", "denied", "no"));
    assert_eq!(remarks.warnings, ["changing: changed", "denying: look out"]);
    assert_eq!(remarks.notes, ["changing: seen", "denying: noted"]);
    let many = txn((0..100).map(|number| TxnOp::Put(plain_put(&format!("/guarded/{number}"), "x"))).collect(), vec![]);
    let denied = block_on(review(&both, &many)).unwrap_err();
    assert!(matches!(denied, AdmissionError::Denied { remarks, .. } if remarks.notes.len() == limits::REMARKS_MAX));

    let warned = policy(&engine, &[PluginRecord { mode: i32::from(PluginMode::Warn), ..denying.clone() }]);
    let passed = admitted(&warned, &write).unwrap();
    assert_eq!(passed.warnings(), ["denying: look out", "not enforced: denied by plugin denying: no (denied)"]);
    assert_eq!(passed.notes(), ["denying: noted"]);

    let seeing = PluginRecord { sees_sealed: true, ..denying };
    let sealing = policy_of(1, load(&engine, &[seeing]), sealing_keyring());
    let denied = block_on(review(&sealing, &put(&format!("{SEALED_PREFIX}a"), "x"))).unwrap_err();
    let said = matches!(denied, AdmissionError::Denied { remarks, .. } if !remarks.is_empty());
    assert!(!said, "what it says of a sealed value reaches nobody");
}

#[test]
fn a_verdict_that_is_not_enforced_is_a_warning_or_nothing() {
    let engine = Engine::new().unwrap();
    let of = |mode: PluginMode| {
        let mode = i32::from(mode);
        let records = [
            PluginRecord { mode, ..bound("denying", guests::deny_all()) },
            PluginRecord { mode, ..bound("trapping", guests::trap()) },
            PluginRecord { mode, ..changing() },
        ];
        policy(&engine, &records)
    };
    let write = put("/guarded/a", "x");
    assert!(matches!(
        admitted(&of(PluginMode::Enforce), &write),
        Err(AdmissionError::PluginFailed { .. } | AdmissionError::Denied { .. })
    ));
    let warned = of(PluginMode::Warn);
    let passed = admitted(&warned, &write).unwrap();
    assert_eq!(values(&passed), ["x"]);
    let [changed, would, denied, failed] = passed.warnings() else { panic!("{:?}", passed.warnings()) };
    assert_eq!(
        (changed.as_str(), would.as_str()),
        ("changing: changed", "plugin changing would change what is written")
    );
    assert!(denied.starts_with("not enforced: ") && denied.contains(guests::DENY_ALL_MESSAGE), "{denied}");
    assert!(failed.starts_with("not enforced: plugin trapping failed"), "{failed}");
    assert_eq!(passed.notes(), ["changing: seen"]);
    let observed = of(PluginMode::Observe);
    let passed = admitted(&observed, &write).unwrap();
    assert_eq!((values(&passed), passed.warnings()), (vec!["x".to_owned()], &[][..]));
    let [seen, denied] = passed.notes() else { panic!("{:?}", passed.notes()) };
    assert_eq!(seen, "changing: seen");
    assert!(denied.starts_with("only observed: ") && denied.contains(guests::DENY_ALL_MESSAGE), "{denied}");
}

#[test]
fn a_plugin_goes_by_its_settings_and_its_log_outlives_an_upgrade() {
    let engine = Engine::new().unwrap();
    let set = |settings: &str| {
        let record = PluginRecord { settings: settings.to_owned(), ..bound("as-set", guests::as_set()) };
        policy(&engine, &[record])
    };
    block_on(async {
        review(&set(""), &put("/guarded/a", "x")).await.unwrap();
        review(&set("deny"), &put("/guarded/a", "x")).await.unwrap_err();
    });
    let lines = engine.log("as-set");
    assert_eq!(
        lines.iter().map(|line| (line.level, line.message.as_str())).collect::<Vec<_>>(),
        [(Level::Info, "reviewed"); 2]
    );
    assert!(engine.log("other").is_empty());

    // What it says of a sealed value is not kept.
    let sealed = PluginRecord { sees_sealed: true, ..bound("as-set", guests::as_set()) };
    let sealing = policy_of(1, load(&engine, &[sealed]), sealing_keyring());
    block_on(review(&sealing, &put(&format!("{SEALED_PREFIX}a"), "x"))).unwrap();
    assert_eq!(engine.log("as-set").len(), 2);
    drop(load(&engine, &[]));
    assert!(engine.log("as-set").is_empty(), "a plugin that is gone has no log");
}

#[test]
fn the_memory_of_a_review_is_what_the_administrator_gave() {
    let engine = Engine::new().unwrap();
    let large = "?".repeat(types::REQUEST_BYTES_MAX);
    let given = |memory_mib| {
        let record = PluginRecord { memory_mib, ..bound("bang", guests::deny_exclamation()) };
        block_on(review(&policy(&engine, &[record]), &put("/guarded/a", &large)))
    };
    given(0).unwrap();
    given(8).unwrap();
    let failed = given(1).unwrap_err();
    assert_eq!(failed, AdmissionError::PluginFailed { plugin: "bang".to_owned(), cause: Cause::Memory });
}

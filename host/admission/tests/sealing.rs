//! What an admitted write looks like in the log.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::fixture::{SEALED_PREFIX, block_on, load, plain_put, policy_of, put, sealing_keyring};
use admission::Engine;
use seal::{SealError, Sealed};
use store::command::{Body, ClientWrite, OpKind, Target};
use types::{Compare, CompareResult, CompareTarget, KeyRange, Operation, Plain, Txn, TxnOp};

const CANARY: &str = "canary-e1c7";

fn seal(operation: &Operation) -> Result<ClientWrite, SealError> {
    let policy = policy_of(9, load(&Engine::new().unwrap(), &[]), sealing_keyring());
    let permit =
        auth::Realm::default().permit_write(&auth::Caller::anonymous(None), auth::Subject::Nobody, operation).unwrap();
    let admitted = block_on(policy.review(permit, operation)).unwrap();
    match admitted.seal()?.into_command().body {
        Some(Body::Write(write)) => Ok(write),
        _ => panic!("not a write"),
    }
}

fn kind(write: ClientWrite) -> OpKind {
    write.op.unwrap().kind.unwrap()
}

fn compare(key: &str, result: CompareResult) -> Operation {
    let target = CompareTarget::Value(Plain::from(CANARY.as_bytes().to_vec()));
    let compare = Compare { range: KeyRange::single(key.to_owned()), result, target };
    Operation::Txn(Txn { compare: vec![compare], success: vec![TxnOp::Put(plain_put(key, CANARY))], failure: vec![] })
}

fn sealed_key() -> String {
    format!("{SEALED_PREFIX}a")
}

#[test]
fn a_value_is_sealed_where_its_prefix_is_and_nowhere_else() {
    let OpKind::Put(sealed) = kind(seal(&put(&sealed_key(), CANARY)).unwrap()) else { panic!("not a put") };
    let value = sealed.value.unwrap();
    assert!(Sealed::try_from(&value).unwrap().is_sealed());
    assert!(!value.bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()));

    let OpKind::Put(clear) = kind(seal(&put("/clear", CANARY)).unwrap()) else { panic!("not a put") };
    assert_eq!(clear.value.unwrap().bytes, CANARY);
}

#[test]
fn the_write_is_stamped_with_the_policy_it_passed() {
    let stamp = seal(&put("/clear", "x")).unwrap().stamp.unwrap();
    assert_eq!((stamp.policy_epoch, stamp.auth_revision), (9, 1));
}

#[test]
fn a_transaction_carries_no_plaintext_of_a_sealed_key() {
    let write = seal(&compare(&sealed_key(), CompareResult::Equal)).unwrap();
    let OpKind::Txn(txn) = kind(write) else { panic!("not a transaction") };
    assert!(matches!(&txn.compare[0].target, Some(Target::Digest(keyed)) if keyed.by == 1 && keyed.digest.len() == 32));
    let Some(OpKind::Put(put)) = &txn.success[0].kind else { panic!("not a put") };
    assert_eq!(put.value.as_ref().unwrap().form, 1);

    let OpKind::Txn(clear) = kind(seal(&compare("/clear", CompareResult::Less)).unwrap()) else { panic!("no txn") };
    assert!(matches!(&clear.compare[0].target, Some(Target::Clear(operand)) if operand == CANARY));
}

#[test]
fn an_ordering_compare_on_a_sealed_key_is_refused() {
    let outcome = seal(&compare(&sealed_key(), CompareResult::Less));
    assert!(matches!(outcome, Err(SealError::OrderedCompare)));
}

//! etcd's rules for users and roles, and the permits that they give.

use bytes::Bytes;
use types::{
    Compare, CompareResult, CompareTarget, DeleteRange, Operation, Plain, Put, PutLease, PutValue, RangeQuery, Txn,
    TxnOp,
};

use super::*;
use crate::Caller;

const READ: i32 = 0;
const WRITE: i32 = 1;
const BOTH: i32 = 2;

fn wire(start: &'static str, end: &'static str) -> KeyRange {
    KeyRange::from_wire(Bytes::from_static(start.as_bytes()), Bytes::from_static(end.as_bytes()))
}

fn role(name: &str, permissions: &[(i32, &'static str, &'static str)]) -> Role {
    let permission =
        |&(kind, start, end): &(i32, &'static str, &'static str)| Permission { kind, range: wire(start, end) };
    Role { name: name.into(), permissions: permissions.iter().map(permission).collect() }
}

fn state() -> RealmState {
    let user = |name: &str, roles: &[&str]| User {
        name: name.into(),
        roles: roles.iter().map(ToString::to_string).collect(),
        password_revision: 2,
    };
    RealmState {
        enabled: true,
        revision: 9,
        disabled_revision: 0,
        users: vec![
            user("root", &["root"]),
            user("jane", &["a", "b"]),
            user("reader", &["b"]),
            user("twin", &["a", "b"]),
            user("ghost", &["gone"]),
        ],
        roles: vec![
            role("a", &[(BOTH, "a", "b"), (READ, "b", "c"), (WRITE, "w", ""), (7, "x", "")]),
            role("b", &[(READ, "c", "d")]),
        ],
    }
}

fn realm() -> Realm {
    Realm::new(state())
}

fn user(name: &str) -> Subject {
    Subject::User { name: name.into(), revision: 9 }
}

fn read(subject: Subject, start: &'static str, end: &'static str) -> Result<(), Denial> {
    realm().permit_read(subject, &wire(start, end)).map(drop)
}

#[test]
fn roles_add_up() {
    assert_eq!(read(user("jane"), "a", "d"), Ok(()));
    assert_eq!(read(user("jane"), "a", "d\0"), Err(Denial::PermissionDenied));
    assert_eq!(read(user("jane"), "w", ""), Err(Denial::PermissionDenied));
    assert_eq!(read(user("reader"), "c", "d"), Ok(()));
    assert_eq!(read(user("reader"), "b", "d"), Err(Denial::PermissionDenied));
    assert_eq!(read(user("ghost"), "a", ""), Err(Denial::PermissionDenied));
    assert_eq!(read(user("jane"), "x", ""), Err(Denial::PermissionDenied), "a kind that nobody knows");
}

#[test]
fn root_may_do_everything_and_nobody_nothing() {
    for subject in [user("root"), Subject::Root] {
        assert_eq!(read(subject, "\0", "\0"), Ok(()));
    }
    assert_eq!(read(Subject::Nobody, "a", ""), Err(Denial::UserEmpty));
    assert_eq!(read(user("nobody known"), "a", ""), Err(Denial::PermissionDenied));
}

#[test]
fn credentials_from_an_older_revision_are_old_for_root_too() {
    for name in ["jane", "root"] {
        let subject = Subject::User { name: name.into(), revision: 8 };
        assert_eq!(read(subject, "a", ""), Err(Denial::OldRevision));
    }
    let forged = Subject::User { name: "root".into(), revision: 0 };
    assert_eq!(read(forged, "a", ""), Err(Denial::UserEmpty));
}

#[test]
fn while_users_are_off_everybody_may() {
    let realm = Realm::new(RealmState { enabled: false, ..state() });
    for subject in [Subject::Nobody, user("ghost")] {
        assert!(realm.permit_read(subject.clone(), &wire("\0", "\0")).is_ok());
        assert!(realm.permit_root(subject.clone()).is_ok());
        assert!(realm.permit_user(subject).is_ok());
    }
}

#[test]
fn managing_takes_the_root_role() {
    let refusal = |subject| realm().permit_root(subject).map(drop);
    assert_eq!(refusal(user("root")), Ok(()));
    assert_eq!(refusal(Subject::Root), Ok(()));
    assert_eq!(refusal(user("jane")), Err(Denial::PermissionDenied));
    assert_eq!(refusal(user("unknown")), Err(Denial::UserNotFound));
    assert_eq!(refusal(Subject::Nobody), Err(Denial::UserEmpty));
    assert_eq!(refusal(user("")), Err(Denial::UserEmpty));
    assert_eq!(realm().permit_user(Subject::Nobody).map(drop), Err(Denial::UserEmpty));
    assert!(realm().permit_user(user("")).is_ok(), "a certificate without a name is somebody, as in etcd");
}

fn put(key: &'static str, prev_kv: bool) -> Put {
    let value = PutValue::Set(Plain::default());
    Put { key: Bytes::from_static(key.as_bytes()), value, lease: PutLease::Set(0), prev_kv }
}

fn write(operation: &Operation) -> Result<(), Denial> {
    realm().permit_write(&Caller::anonymous(None), user("jane"), operation).map(drop)
}

#[test]
fn an_answer_with_what_was_there_takes_leave_to_read() {
    assert_eq!(write(&Operation::Put(put("w", false))), Ok(()));
    assert_eq!(write(&Operation::Put(put("w", true))), Err(Denial::PermissionDenied));
    assert_eq!(write(&Operation::Put(put("b", false))), Err(Denial::PermissionDenied));
    let delete = |prev_kv| Operation::DeleteRange(DeleteRange { range: wire("w", ""), prev_kv });
    assert_eq!(write(&delete(false)), Ok(()));
    assert_eq!(write(&delete(true)), Err(Denial::PermissionDenied));
    let across = Operation::DeleteRange(DeleteRange { range: wire("a", "c"), prev_kv: false });
    assert_eq!(write(&across), Err(Denial::PermissionDenied));
}

#[test]
fn a_transaction_is_judged_in_every_branch_at_every_depth() {
    let txn = |success: Vec<TxnOp>, failure: Vec<TxnOp>| Txn { compare: Vec::new(), success, failure };
    let allowed = || TxnOp::Put(put("a", true));
    let ranged = |start, end| TxnOp::Range(RangeQuery::all(wire(start, end)));
    let forbidden: [fn() -> TxnOp; 4] = [
        || TxnOp::Put(put("b", false)),
        || TxnOp::Put(put("w", true)),
        || TxnOp::DeleteRange(DeleteRange { range: wire("a", "\0"), prev_kv: false }),
        || TxnOp::Range(RangeQuery::all(wire("a", "e"))),
    ];
    assert_eq!(write(&Operation::Txn(txn(vec![allowed(), ranged("a", "d")], vec![allowed()]))), Ok(()));
    for op in forbidden {
        let inner = TxnOp::Txn(txn(vec![], vec![op()]));
        for refused in [txn(vec![op()], vec![]), txn(vec![allowed()], vec![op()]), txn(vec![inner], vec![])] {
            assert_eq!(write(&Operation::Txn(refused)), Err(Denial::PermissionDenied));
        }
    }
    let compare = |start, end| {
        let target = CompareTarget::Version(0);
        let compare = vec![Compare { range: wire(start, end), result: CompareResult::Equal, target }];
        Operation::Txn(Txn { compare, success: vec![allowed()], failure: vec![] })
    };
    assert_eq!(write(&compare("b", "")), Ok(()));
    assert_eq!(write(&compare("w", "")), Err(Denial::PermissionDenied));
    assert_eq!(write(&compare("a", "e")), Err(Denial::PermissionDenied));
}

#[test]
fn keys_of_a_lease_are_judged_one_by_one() {
    let keys = [Bytes::from_static(b"a1"), Bytes::from_static(b"b1")];
    let refusal = |subject, key_use| realm().permit_keys(subject, &keys, key_use).map(drop);
    assert_eq!(refusal(user("jane"), KeyUse::Read), Ok(()));
    assert_eq!(refusal(user("jane"), KeyUse::Write), Err(Denial::PermissionDenied));
    assert_eq!(refusal(user("root"), KeyUse::Write), Ok(()));
    assert_eq!(refusal(Subject::Nobody, KeyUse::Read), Err(Denial::UserEmpty));
    assert_eq!(realm().permit_keys(Subject::Nobody, &[], KeyUse::Read).map(drop), Err(Denial::UserEmpty));
}

#[test]
fn a_permit_to_read_ends_when_the_rules_no_longer_give_it() {
    let before = realm();
    let mut permit = before.permit_read(user("jane"), &wire("b", "")).unwrap();
    assert!(permit.is_of(&before));
    let later = Realm::new(RealmState { revision: 10, ..state() });
    assert!(!permit.is_of(&later));
    assert_eq!(permit.renew(&later), Ok(()));
    assert!(permit.is_of(&later));
    let mut revoked = RealmState { revision: 11, ..state() };
    revoked.roles[0].permissions.remove(1);
    assert_eq!(permit.renew(&Realm::new(revoked)), Err(Denial::PermissionDenied));
}

#[test]
fn turning_users_on_ends_the_permits_of_nobody() {
    let off = Realm::new(RealmState { enabled: false, ..state() });
    let mut permit = off.permit_read(Subject::Nobody, &wire("b", "")).unwrap();
    assert!(!permit.is_of(&realm()), "turning them on does not raise the revision");
    assert_eq!(permit.renew(&realm()), Err(Denial::UserEmpty));
}

#[test]
fn users_with_the_same_roles_share_their_sets() {
    let realm = realm();
    assert!(Arc::ptr_eq(&realm.users["jane"].grants, &realm.users["twin"].grants));
    assert!(realm.has_role("jane", "b") && !realm.has_role("reader", "a") && !realm.has_role("unknown", "a"));
}

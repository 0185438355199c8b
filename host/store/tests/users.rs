//! Users and roles in the state: etcd's rules for changing them, and what apply refuses because of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::{Actor, Denial, KeyUse, Subject};
use bytes::Bytes;
use store::{
    Command, LogEntry, Outcome, Refusal, Store,
    command::{Body, ClientWrite, LeaseGrant, LeaseRevoke, Op, OpKind, Put, Stamp, Txn, Value},
    users::{
        AuthChange, Author, ChangeAuth, Named, Nothing, PermissionRecord, RolePermission, UserAdd, UserChangePassword,
        UserRole,
    },
};
use tempfile::TempDir;
use types::KeyRange;

struct State {
    store: Store,
    dir: TempDir,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(dir.path()).unwrap(), dir }
    }

    fn apply(&self, commands: Vec<Command>) -> Vec<Result<Outcome, Refusal>> {
        let entry = |command| LogEntry { applied: Bytes::from_static(b"x"), membership: None, command: Some(command) };
        let applied = self.store.apply(commands.into_iter().map(entry).collect()).unwrap().applied;
        applied.into_iter().map(|applied| applied.result).collect()
    }

    /// What a change by root is refused for.
    fn change(&self, change: AuthChange) -> Option<Denial> {
        self.change_by(Actor::Root, change)
    }

    fn change_by(&self, actor: Actor, change: AuthChange) -> Option<Denial> {
        denial(
            self.apply(vec![ChangeAuth { author: Author::of(actor), change: Some(change) }.into_command()]).remove(0),
        )
    }

    fn revision(&self) -> u64 {
        self.store.realm().load().revision()
    }

    /// A root user, a user `jane` who may write what begins with `a`, and users on.
    fn with_users() -> Self {
        let state = Self::new();
        for change in [
            add_user("root"),
            grant("root", "root"),
            add_user("jane"),
            AuthChange::RoleAdd(named("a")),
            allow("a", 1, "a", "b"),
            grant("jane", "a"),
            AuthChange::Enable(Nothing {}),
        ] {
            assert_eq!(state.change(change), None);
        }
        state
    }
}

trait IntoCommand {
    fn into_command(self) -> Command;
}

impl IntoCommand for ChangeAuth {
    fn into_command(self) -> Command {
        Body::ChangeAuth(self).into()
    }
}

fn denial(result: Result<Outcome, Refusal>) -> Option<Denial> {
    match result {
        Ok(_) => None,
        Err(Refusal::Auth(denial)) => Some(denial),
        Err(other) => panic!("{other}"),
    }
}

fn named(name: &str) -> Named {
    Named { name: name.into() }
}

fn add_user(name: &str) -> AuthChange {
    AuthChange::UserAdd(UserAdd { name: name.into(), password_hash: Bytes::from_static(b"hash"), no_password: false })
}

fn grant(user: &str, role: &str) -> AuthChange {
    AuthChange::UserGrantRole(UserRole { user: user.into(), role: role.into() })
}

fn revoke(user: &str, role: &str) -> AuthChange {
    AuthChange::UserRevokeRole(UserRole { user: user.into(), role: role.into() })
}

fn permission(kind: i32, key: &'static str, range_end: &'static str) -> PermissionRecord {
    PermissionRecord {
        kind,
        key: Bytes::from_static(key.as_bytes()),
        range_end: Bytes::from_static(range_end.as_bytes()),
    }
}

fn allow(role: &str, kind: i32, key: &'static str, range_end: &'static str) -> AuthChange {
    let permission = Some(permission(kind, key, range_end));
    AuthChange::RoleGrantPermission(RolePermission { role: role.into(), permission })
}

fn disallow(role: &str, key: &'static str, range_end: &'static str) -> AuthChange {
    let permission = Some(permission(0, key, range_end));
    AuthChange::RoleRevokePermission(RolePermission { role: role.into(), permission })
}

fn jane() -> Actor {
    Actor::User("jane".into())
}

fn put(key: &'static str, lease: i64) -> Op {
    let value = Some(Value { form: 0, bytes: Bytes::from_static(b"1") });
    Op { kind: Some(OpKind::Put(Put { key: Bytes::from_static(key.as_bytes()), value, lease, ..Put::default() })) }
}

fn write(actor: Actor, auth_revision: u64, op: Op) -> Command {
    let stamp = Stamp { policy_epoch: 0, auth_revision, author: Author::of(actor), ..Stamp::default() };
    Body::Write(ClientWrite { stamp: Some(stamp), op: Some(op) }).into()
}

#[test]
fn each_change_raises_the_revision_as_etcd_counts() {
    let state = State::new();
    let mut expected = 1;
    assert_eq!(state.revision(), expected);
    let change_password =
        AuthChange::UserChangePassword(UserChangePassword { name: "root".into(), password_hash: Some(Bytes::new()) });
    let steps = [
        (add_user("root"), 1),
        (AuthChange::RoleAdd(named("a")), 1),
        (grant("root", "root"), 1),
        (grant("root", "root"), 0),
        (allow("a", 0, "a", ""), 1),
        (allow("a", 1, "a", ""), 1),
        (AuthChange::Disable(Nothing {}), 0),
        (AuthChange::Enable(Nothing {}), 0),
        (AuthChange::Enable(Nothing {}), 0),
        (change_password, 1),
        (AuthChange::Disable(Nothing {}), 1),
        (disallow("a", "a", ""), 1),
        (revoke("root", "root"), 1),
        (AuthChange::RoleDelete(named("a")), 1),
        (AuthChange::UserDelete(named("root")), 1),
    ];
    for (change, raised) in steps {
        let name = change.name();
        assert_eq!(state.change(change), None, "{name}");
        expected += raised;
        assert_eq!(state.revision(), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_changed_is_refused_as_etcd_does_and_changes_nothing() {
    let state = State::new();
    state.change(add_user("jane"));
    state.change(AuthChange::RoleAdd(named("a")));
    let before = state.revision();
    let no_permission = AuthChange::RoleGrantPermission(RolePermission { role: "a".into(), permission: None });
    let no_hash =
        |name: &str| AuthChange::UserChangePassword(UserChangePassword { name: name.into(), password_hash: None });
    let cases = [
        (AuthChange::Enable(Nothing {}), Denial::RootUserNotExist),
        (add_user(""), Denial::UserEmpty),
        (add_user("jane"), Denial::UserAlreadyExist),
        (AuthChange::UserDelete(named("x")), Denial::UserNotFound),
        (no_hash("x"), Denial::UserNotFound),
        (no_hash("jane"), Denial::NoPasswordUser),
        (grant("x", "a"), Denial::UserNotFound),
        (grant("jane", "x"), Denial::RoleNotFound),
        (revoke("x", "a"), Denial::UserNotFound),
        (revoke("jane", "a"), Denial::RoleNotGranted),
        (AuthChange::RoleAdd(named("")), Denial::RoleEmpty),
        (AuthChange::RoleAdd(named("a")), Denial::RoleAlreadyExist),
        (AuthChange::RoleDelete(named("x")), Denial::RoleNotFound),
        (no_permission, Denial::PermissionNotGiven),
        (allow("a", 0, "", ""), Denial::InvalidManagement),
        (allow("a", 0, "b", "a"), Denial::InvalidManagement),
        (allow("a", 0, "b", "b"), Denial::InvalidManagement),
        (allow("x", 0, "a", ""), Denial::RoleNotFound),
        (disallow("x", "a", ""), Denial::RoleNotFound),
        (disallow("a", "a", ""), Denial::PermissionNotGranted),
    ];
    for (change, expected) in cases {
        let name = change.name();
        assert_eq!(state.change(change), Some(expected), "{name}");
    }
    assert_eq!(state.revision(), before);
    state.change(add_user("root"));
    assert_eq!(state.change(AuthChange::Enable(Nothing {})), Some(Denial::RootRoleNotExist));
}

#[test]
fn while_users_are_on_nobody_can_lock_root_out() {
    let state = State::with_users();
    for change in [AuthChange::UserDelete(named("root")), AuthChange::RoleDelete(named("root")), revoke("root", "root")]
    {
        assert_eq!(state.change(change), Some(Denial::InvalidManagement));
    }
}

#[test]
fn only_the_root_role_may_manage_once_users_are_on() {
    let state = State::with_users();
    assert_eq!(state.change_by(jane(), add_user("x")), Some(Denial::PermissionDenied));
    assert_eq!(state.change_by(Actor::Nobody, add_user("x")), Some(Denial::UserEmpty));
    assert_eq!(state.change_by(Actor::User("gone".into()), add_user("x")), Some(Denial::UserNotFound));
    assert_eq!(state.change_by(Actor::User("root".into()), add_user("x")), None);
}

#[test]
fn permissions_are_kept_by_key_and_a_deleted_role_is_taken_from_its_users() {
    let state = State::with_users();
    for change in [allow("a", 0, "c", "\0"), allow("a", 2, "A", ""), allow("a", 0, "a", "b"), grant("jane", "root")] {
        assert_eq!(state.change(change), None);
    }
    let role = state.store.view(|view| view.role("a")).unwrap().unwrap();
    assert_eq!(role.permissions, [permission(2, "A", ""), permission(0, "a", "b"), permission(0, "c", "\0")]);
    assert_eq!(state.change(AuthChange::RoleDelete(named("a"))), None);
    assert_eq!(state.store.view(|view| view.user("jane")).unwrap().unwrap().roles, ["root"]);
}

#[test]
fn a_write_permitted_under_other_rules_is_not_applied() {
    let state = State::with_users();
    let current = state.revision();
    let stale = |revision| state.apply(vec![write(jane(), revision, put("a1", 0))]).remove(0).err();
    assert_eq!(stale(current), None);
    assert_eq!(stale(current - 1), Some(Refusal::StaleAuth { current }));
    // In one batch: the rules change between two writes.
    let change = ChangeAuth { author: Author::of(Actor::Root), change: Some(disallow("a", "a", "b")) }.into_command();
    let batch = vec![write(jane(), current, put("a1", 0)), change, write(jane(), current, put("a2", 0))];
    let results = state.apply(batch);
    assert!(results[0].is_ok() && results[1].is_ok());
    assert_eq!(results[2].as_ref().err(), Some(&Refusal::StaleAuth { current: current + 1 }));
}

#[test]
fn a_write_of_nobody_does_not_slip_in_when_users_are_turned_on() {
    let state = State::with_users();
    state.change(AuthChange::Disable(Nothing {}));
    let revision = state.revision();
    let nobody = || write(Actor::Nobody, revision, put("a1", 0));
    assert!(state.apply(vec![nobody()]).remove(0).is_ok());
    state.change(AuthChange::Enable(Nothing {}));
    assert_eq!(state.revision(), revision, "as in etcd that raises no revision");
    assert_eq!(state.apply(vec![nobody()]).remove(0).err(), Some(Refusal::StaleAuth { current: revision }));
}

#[test]
fn the_keys_of_a_lease_say_who_may_use_it() {
    let state = State::with_users();
    let revision = state.revision();
    let lease = |id| Body::LeaseGrant(LeaseGrant { id, ttl_seconds: 100 }).into();
    let by = |actor, op| denial(state.apply(vec![write(actor, revision, op)]).remove(0));
    state.apply(vec![lease(1), lease(2)]);
    assert_eq!(by(jane(), put("a1", 1)), None);
    assert_eq!(by(Actor::User("root".into()), put("secret", 2)), None);
    // A key on a lease with somebody else's key could be used to delete that one.
    assert_eq!(by(jane(), put("a2", 2)), Some(Denial::PermissionDenied));
    let unused_branch = Txn { compare: vec![], success: vec![], failure: vec![put("a2", 2)] };
    assert_eq!(by(jane(), Op { kind: Some(OpKind::Txn(unused_branch)) }), Some(Denial::PermissionDenied));
    let end = |actor, id| {
        denial(state.apply(vec![Body::LeaseRevoke(LeaseRevoke { id, author: Author::of(actor) }).into()]).remove(0))
    };
    assert_eq!(end(jane(), 2), Some(Denial::PermissionDenied));
    assert_eq!(end(Actor::Nobody, 2), Some(Denial::UserEmpty));
    assert_eq!(end(jane(), 1), None);
    assert_eq!(end(Actor::Root, 2), None);
}

#[test]
fn users_survive_a_restart_and_travel_in_a_checkpoint() {
    let state = State::with_users();
    let (revision, checkpoint) = (state.revision(), state.dir.path().join("checkpoint"));
    state.store.checkpoint(&checkpoint).unwrap();
    let other = State::new();
    other.store.install(&checkpoint).unwrap();
    state.store.close().unwrap();
    for store in [Store::open(state.dir.path()).unwrap(), other.store] {
        let realm = store.realm().load_full();
        assert!(realm.is_enabled() && realm.revision() == revision);
        let jane = Subject::User { name: "jane".into(), revision };
        assert!(realm.permit_keys(jane.clone(), &[Bytes::from_static(b"a1")], KeyUse::Write).is_ok());
        assert!(realm.permit_read(jane, &KeyRange::single("a1")).is_err());
    }
}

#[test]
fn a_directory_from_before_there_were_users_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = rocksdb::Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    std::fs::create_dir_all(dir.path()).unwrap();
    let families = ["default", "live", "past", "events", "lease", "policy", "keyring", "meta"];
    for name in ["current", "checkpoint"] {
        drop(rocksdb::DB::open_cf(&options, dir.path().join(name), families).unwrap());
    }
    assert!(Store::read_checkpoint(&dir.path().join("checkpoint")).unwrap().applied.is_none());
    let store = Store::open(dir.path()).unwrap();
    assert!(!store.realm().load().is_enabled());
    assert_eq!(store.realm().load().revision(), 1);
}

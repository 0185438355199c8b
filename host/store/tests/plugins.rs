//! Plugins as the state keeps them, by the commands that change them, and premises of writes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use store::command::{
    Body, ChangePlugin, ClientWrite, DeleteRange, Keys, Op, OpKind, PluginChange, Premise, Put, PutComponent,
    RemovePlugin, Stamp, Value,
};
use store::{Command, LogEntry, Outcome, PluginRecord, Refusal, Store};
use types::KeyRange;

struct State {
    store: Store,
    _dir: tempfile::TempDir,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(&dir.path().join("state")).unwrap(), _dir: dir }
    }

    fn apply(&self, body: Body) -> Result<Outcome, Refusal> {
        let command = Some(Command::from(body));
        let entry = LogEntry { applied: Bytes::from_static(b"x"), membership: None, command };
        self.store.apply(vec![entry]).unwrap().applied.remove(0).result
    }

    fn epoch(&self) -> u64 {
        self.store.view(|view| view.policy_epoch()).unwrap()
    }

    fn install(&self, component: &'static str, order: i32, base_epoch: u64) -> Result<Outcome, Refusal> {
        self.install_as(component, PluginRecord { order, base_epoch, ..PluginRecord::default() })
    }

    fn install_as(&self, component: &'static str, record: PluginRecord) -> Result<Outcome, Refusal> {
        let bytes = Bytes::from_static(component.as_bytes());
        self.apply(Body::PutComponent(PutComponent { digest: digest(component), component: bytes })).unwrap();
        self.apply(Body::PutPlugin(PluginRecord { name: "p".to_owned(), digest: digest(component), ..record }))
    }

    fn change(&self, change: PluginChange) -> Result<Outcome, Refusal> {
        self.apply(Body::ChangePlugin(ChangePlugin {
            name: "p".to_owned(),
            change: change.into(),
            ..ChangePlugin::default()
        }))
    }

    fn plugin(&self) -> PluginRecord {
        self.store.view(|view| view.plugins()).unwrap().remove(0)
    }

    fn has(&self, component: &'static str) -> bool {
        let found = self.store.view(|view| view.component(&digest(component))).unwrap();
        found.is_some_and(|bytes| bytes == component)
    }

    fn write(&self, kind: OpKind, premises: Vec<Premise>) -> Result<Outcome, Refusal> {
        let stamp = Stamp { policy_epoch: self.epoch(), auth_revision: 1, premises, ..Stamp::default() };
        self.apply(Body::Write(ClientWrite { stamp: Some(stamp), op: Some(Op { kind: Some(kind) }) }))
    }
}

/// Any bytes do: the state does not look at them.
fn digest(component: &'static str) -> Bytes {
    Bytes::from(format!("digest of {component}"))
}

fn put(key: &'static str) -> OpKind {
    let value = Value { form: 0, bytes: Bytes::from_static(b"v") };
    OpKind::Put(Put { key: Bytes::from_static(key.as_bytes()), value: Some(value), ..Put::default() })
}

fn delete(key: &'static str) -> OpKind {
    OpKind::DeleteRange(DeleteRange { keys: Some(Keys::from(&KeyRange::single(key))), prev_kv: false })
}

#[test]
fn a_plugin_goes_back_to_what_it_replaced_and_forth_again() {
    let state = State::new();
    state.install("one", 1, 0).unwrap();
    assert_eq!(state.change(PluginChange::RollBack).unwrap_err(), Refusal::NothingReplaced);
    state.install("two", 2, 0).unwrap();
    for (order, component) in [(1, "one"), (2, "two"), (1, "one")] {
        let before = state.epoch();
        state.change(PluginChange::RollBack).unwrap();
        let plugin = state.plugin();
        assert_eq!((plugin.order, &plugin.digest), (order, &digest(component)));
        assert_eq!((plugin.policy_epoch, state.epoch()), (before + 1, before + 1));
    }
    // What was rolled back from is what is replaced now: the next installation forgets it.
    assert!(state.has("one") && state.has("two"));
    state.install("three", 3, 0).unwrap();
    assert!(state.has("one") && !state.has("two") && state.has("three"));
    state.apply(Body::RemovePlugin(RemovePlugin { name: "p".to_owned() })).unwrap();
    assert!(!state.has("one") && !state.has("three"));
    assert_eq!(state.change(PluginChange::Disable).unwrap_err(), Refusal::NoSuchPlugin);
}

#[test]
fn a_plugin_is_turned_off_and_on_and_keeps_what_it_could_go_back_to() {
    let state = State::new();
    state.install("one", 1, 0).unwrap();
    state.install("two", 2, 0).unwrap();
    for (change, disabled) in [(PluginChange::Disable, true), (PluginChange::Enable, false)] {
        state.change(change).unwrap();
        assert_eq!(state.plugin().disabled, disabled);
    }
    state.change(PluginChange::RollBack).unwrap();
    assert_eq!(state.plugin().digest, digest("one"));
}

#[test]
fn going_back_turns_a_plugin_neither_on_nor_off() {
    let state = State::new();
    let upgrade = |component| {
        let disabled = state.plugin().disabled;
        state.install_as(component, PluginRecord { disabled, ..PluginRecord::default() }).unwrap();
    };
    state.install("one", 1, 0).unwrap();
    // Turned on since: what it goes back to was off.
    state.change(PluginChange::Disable).unwrap();
    upgrade("two");
    state.change(PluginChange::Enable).unwrap();
    for component in ["one", "two"] {
        state.change(PluginChange::RollBack).unwrap();
        assert_eq!((state.plugin().digest, state.plugin().disabled), (digest(component), false));
    }
    // Turned off since: what it goes back to was on.
    upgrade("three");
    state.change(PluginChange::Disable).unwrap();
    for component in ["two", "three"] {
        state.change(PluginChange::RollBack).unwrap();
        assert_eq!((state.plugin().digest, state.plugin().disabled), (digest(component), true));
    }
}

#[test]
fn two_administrators_do_not_undo_each_other_unawares() {
    let state = State::new();
    state.install("one", 1, 0).unwrap();
    let seen = state.plugin().policy_epoch;
    state.install("one", 2, seen).unwrap();
    assert_eq!(state.install("one", 3, seen).unwrap_err(), Refusal::PluginChanged);
    assert_eq!(state.plugin().order, 2);
    // Its component must be there.
    let bare = |component| PluginRecord { name: "p".to_owned(), digest: digest(component), ..PluginRecord::default() };
    state.apply(Body::PutPlugin(bare("one"))).unwrap();
    assert_eq!(state.apply(Body::PutPlugin(bare("two"))).unwrap_err(), Refusal::PluginChanged);
}

#[test]
fn a_write_is_carried_out_only_while_its_premises_hold() {
    let state = State::new();
    let range = KeyRange::prefix(b"/p/");
    let premise = |count, newest| vec![Premise { keys: Some(Keys::from(&range)), count, newest }];
    state.write(put("/p/a"), premise(0, 0)).unwrap();
    assert_eq!(state.write(put("/p/b"), premise(0, 0)).unwrap_err(), Refusal::StalePremise);
    let newest = |state: &State| state.store.view(|view| view.revision()).unwrap();
    let first = newest(&state);
    state.write(put("/q/a"), premise(1, first)).unwrap();
    // Put again, another one added, one deleted: each is noticed.
    state.write(put("/p/a"), premise(1, first)).unwrap();
    assert_eq!(state.write(put("/q/a"), premise(1, first)).unwrap_err(), Refusal::StalePremise);
    let second = newest(&state);
    state.write(put("/p/b"), Vec::new()).unwrap();
    assert_eq!(state.write(put("/q/a"), premise(1, second)).unwrap_err(), Refusal::StalePremise);
    let third = newest(&state);
    state.write(put("/q/a"), premise(2, third)).unwrap();
    state.write(delete("/p/a"), Vec::new()).unwrap();
    assert_eq!(state.write(put("/q/a"), premise(2, third)).unwrap_err(), Refusal::StalePremise);
    state.write(put("/q/a"), premise(1, third)).unwrap();
}

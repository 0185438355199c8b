//! Commands over a few keys, for tests of what a store makes of them.

use bytes::Bytes;
use store::{
    AppliedBatch, Command, LogEntry, Store,
    command::{Body, ClientWrite, DeleteRange, Keys, Op, OpKind, Put, Stamp, Value},
};

/// Keys that begin alike and hold zero bytes, so that the escaping of `past` is put to the test.
pub(crate) fn key(number: u8) -> Bytes {
    let keys: [&[u8]; 9] = [b"a", b"a\0", b"a\0\0", b"a\0b", b"a\xff", b"ab", b"b", b"b\0\xff", b"c"];
    Bytes::from_static(keys[usize::from(number)])
}

pub(crate) fn op(kind: OpKind) -> Op {
    Op { kind: Some(kind) }
}

pub(crate) fn put(number: u8, value: u8, lease: i64) -> Op {
    let value = Some(Value { form: 0, bytes: Bytes::copy_from_slice(&[value]) });
    op(OpKind::Put(Put { key: key(number), value, lease, ..Put::default() }))
}

pub(crate) fn delete(from: u8, to: u8) -> Op {
    let keys = Some(Keys { start: key(from), range_end: key(to) });
    op(OpKind::DeleteRange(DeleteRange { keys, prev_kv: false }))
}

pub(crate) fn write(op: Op) -> Command {
    let stamp = Stamp { policy_epoch: 0, auth_revision: 1, ..Stamp::default() };
    Body::Write(ClientWrite { stamp: Some(stamp), op: Some(op) }).into()
}

pub(crate) fn apply(store: &Store, commands: Vec<Command>) -> AppliedBatch {
    let entry = |command| LogEntry { applied: Bytes::from_static(b"x"), membership: None, command: Some(command) };
    store.apply(commands.into_iter().map(entry).collect()).expect("the state takes it")
}

//! What a command carries in plain text, as it lies in the log.

use seal::Sealed;

use super::{Body, Command, Compare, Op, OpKind, Target, Value};

impl Command {
    /// Gives every value in it that is not sealed, with the key that it is for: what is written, and what a value is compared with,
    /// which is for the first key of a range.
    pub fn each_plain(&self, each: &mut impl FnMut(&[u8], &[u8])) {
        match &self.body {
            Some(Body::Write(write)) => write.op.iter().for_each(|op| of_op(op, each)),
            Some(Body::Rewrap(rewrap)) => rewrap.items.iter().for_each(|item| of_value(&item.key, &item.value, each)),
            _ => {}
        }
    }
}

fn of_op(op: &Op, each: &mut impl FnMut(&[u8], &[u8])) {
    match &op.kind {
        Some(OpKind::Put(put)) => put.value.iter().for_each(|value| of_value(&put.key, value, each)),
        Some(OpKind::Txn(txn)) => {
            txn.compare.iter().for_each(|compare| of_compare(compare, each));
            txn.success.iter().chain(&txn.failure).for_each(|op| of_op(op, each));
        }
        Some(OpKind::Range(_) | OpKind::DeleteRange(_)) | None => {}
    }
}

fn of_value(key: &[u8], value: &Value, each: &mut impl FnMut(&[u8], &[u8])) {
    if value.form == u32::from(Sealed::empty().form()) {
        each(key, &value.bytes);
    }
}

fn of_compare(compare: &Compare, each: &mut impl FnMut(&[u8], &[u8])) {
    if let (Some(keys), Some(Target::Clear(bytes))) = (&compare.keys, &compare.target) {
        each(&keys.start, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{ClientWrite, Keys, Put, Rewrap, Rewrapped, Txn};

    fn value(text: &'static str) -> Value {
        Value { bytes: text.into(), ..Value::default() }
    }

    fn put(key: &'static str, value: Value) -> Op {
        Op { kind: Some(OpKind::Put(Put { key: key.into(), value: Some(value), ..Put::default() })) }
    }

    fn plain(body: Body) -> String {
        let mut values = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Command::from(body).each_plain(&mut |key, value| values.push(format!("{}={}", text(key), text(value))));
        values.join(" ")
    }

    #[test]
    fn every_value_in_plain_text_is_given_and_no_sealed_one() {
        let keys = Some(Keys { start: "c".into(), ..Keys::default() });
        let compare = Compare { keys, target: Some(Target::Clear("3".into())), ..Compare::default() };
        let nested = Txn { success: vec![put("d", value("4"))], ..Txn::default() };
        let sealed = Value { form: 1, ..value("sealed") };
        let op = OpKind::Txn(Txn {
            compare: vec![compare],
            success: vec![put("a", value("1")), Op { kind: Some(OpKind::Txn(nested)) }],
            failure: vec![put("b", value("2")), put("e", sealed.clone())],
        });
        let write = ClientWrite { op: Some(Op { kind: Some(op) }), ..ClientWrite::default() };
        assert_eq!(plain(Body::Write(write)), "c=3 a=1 d=4 b=2");
        let item = |key: &'static str, value| Rewrapped { key: key.into(), value, ..Rewrapped::default() };
        let rewrap = Rewrap { items: vec![item("f", value("5")), item("g", sealed)], ..Rewrap::default() };
        assert_eq!(plain(Body::Rewrap(rewrap)), "f=5");
    }
}

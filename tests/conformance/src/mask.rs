//! What differs between any two servers, by name: the first lease that a server names is `<lease1>` on both sides, so that which
//! ids are the same is compared although the ids are not.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor};
use serde_json::Value;

use crate::message;

/// Leases below are ids that a case chose; servers choose ids far above.
const CHOSEN_LEASE_MAX: u64 = 1 << 32;

/// Digits of such an id in hexadecimal, at least.
const LEASE_HEX_MIN: usize = 11;

/// Seconds of a lease's life that may have passed before a server was asked how many are left.
const PASSED_SECONDS_MAX: i64 = 15;

/// Fields that name somebody or something, and what.
const NAMES: [(&str, &str); 11] = [
    ("etcdserverpb.ResponseHeader.cluster_id", "cluster"),
    ("etcdserverpb.ResponseHeader.member_id", "member"),
    ("etcdserverpb.Member.ID", "member"),
    ("etcdserverpb.AlarmMember.memberID", "member"),
    ("etcdserverpb.StatusResponse.leader", "member"),
    ("etcdserverpb.HashResponse.hash", "hash"),
    ("etcdserverpb.HashKVResponse.hash", "hash"),
    ("etcdserverpb.AuthenticateResponse.token", "token"),
    ("etcdserverpb.LeaseGrantResponse.ID", "lease"),
    ("etcdserverpb.LeaseStatus.ID", "lease"),
    ("mvccpb.KeyValue.lease", "lease"),
];

/// More fields that name a lease.
const LEASES: [&str; 3] = [
    "etcdserverpb.LeaseKeepAliveResponse.ID",
    "etcdserverpb.LeaseTimeToLiveResponse.ID",
    "v3electionpb.LeaderKey.lease",
];

/// Fields that measure a server or say how it was built. Whether they are filled is compared. Terms count elections, of which a
/// start may need more or fewer.
const MEASURES: [&str; 11] = [
    "etcdserverpb.ResponseHeader.raft_term",
    "etcdserverpb.StatusResponse.raftTerm",
    "etcdserverpb.StatusResponse.version",
    "etcdserverpb.StatusResponse.storageVersion",
    "etcdserverpb.StatusResponse.dbSize",
    "etcdserverpb.StatusResponse.dbSizeInUse",
    "etcdserverpb.StatusResponse.raftIndex",
    "etcdserverpb.StatusResponse.raftAppliedIndex",
    "etcdserverpb.SnapshotResponse.remaining_bytes",
    "etcdserverpb.SnapshotResponse.blob",
    "etcdserverpb.SnapshotResponse.version",
];

/// The names that one server's ids were given, and its addresses.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    given: HashMap<&'static str, Vec<String>>,
    addresses: Vec<(String, String)>,
}

impl Masks {
    /// Masks of a server, whose addresses are replaced wherever they stand in a text.
    pub(crate) fn new(addresses: Vec<(String, String)>) -> Self {
        Self { given: HashMap::new(), addresses }
    }

    /// Shows a message with names in the place of what differs.
    pub(crate) fn show(&mut self, message: &DynamicMessage) -> Value {
        let mut shown = message::show(message, &mut |field, value| self.mask(field, value));
        if message.descriptor_name() == "etcdserverpb.LeaseTimeToLiveResponse" {
            settle(&mut shown);
        }
        shown
    }

    fn mask(&mut self, field: &FieldDescriptor, value: Value) -> Value {
        let name = field.full_name();
        if MEASURES.contains(&name) {
            return "<filled>".into();
        }
        let class = NAMES.iter().find(|(known, _)| *known == name).map(|(_, class)| *class);
        match class.or_else(|| LEASES.contains(&name).then_some("lease")) {
            Some("lease") if value.as_i64().is_some_and(|id| id.unsigned_abs() < CHOSEN_LEASE_MAX) => value,
            Some(class) => self.name(class, &value).into(),
            None if field.name() == "key" => self.key(&value),
            None => self.text_in(value),
        }
    }

    /// The name of an id; a new one when it was not seen before.
    pub(crate) fn name(&mut self, class: &'static str, id: &Value) -> String {
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let given = self.given.entry(class).or_default();
        let at = given.iter().position(|known| *known == id).unwrap_or_else(|| {
            given.push(id);
            given.len() - 1
        });
        format!("<{class}{}>", at + 1)
    }

    /// Keys of locks and elections end with their lease's id.
    fn key(&mut self, value: &Value) -> Value {
        let key = value.as_str().unwrap_or_default();
        let lease = key.rsplit_once('/').filter(|(_, id)| id.len() >= LEASE_HEX_MIN);
        if let Some(id) = lease.and_then(|(_, id)| i64::from_str_radix(id, 16).ok()) {
            self.name("lease", &id.into());
        }
        self.text(key).into()
    }

    fn text_in(&self, value: Value) -> Value {
        if let Value::String(text) = value { self.text(&text).into() } else { value }
    }

    /// A text without addresses, and without ids in hexadecimal. Go's protobuf library says its messages with spaces of different
    /// kinds and numbers, so that nobody relies on them; here each is one.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.replace('\u{a0}', " ").replace("  ", " ");
        for (address, name) in &self.addresses {
            text = text.replace(address, name);
        }
        for class in ["lease", "member", "cluster"] {
            for (at, id) in self.given.get(class).into_iter().flatten().enumerate() {
                let name = format!("<{class}{}>", at + 1);
                if let Ok(number) = id.parse::<i128>() {
                    let bits = number & i128::from(u64::MAX);
                    text = text.replace(&format!("{bits:016x}"), &name).replace(&format!("{bits:x}"), &name);
                    text = text.replace(id, &name);
                }
            }
        }
        text
    }
}

/// A time to live runs on while it is asked for, and its keys come in any order.
fn settle(shown: &mut Value) {
    let granted = shown["grantedTTL"].as_i64().unwrap_or(0);
    if let Some(left) = shown.get_mut("TTL").filter(|left| left.as_i64().is_some_and(|left| left > 0)) {
        let full = granted - PASSED_SECONDS_MAX..=granted;
        *left = if full.contains(&left.as_i64().unwrap_or(0)) { "<nearly all>".into() } else { "<some>".into() };
    }
    if let Some(Value::Array(keys)) = shown.get_mut("keys") {
        keys.sort_by_key(ToString::to_string);
    }
}

/// The full name of a message's type.
trait Named {
    fn descriptor_name(&self) -> String;
}

impl Named for DynamicMessage {
    fn descriptor_name(&self) -> String {
        prost_reflect::ReflectMessage::descriptor(self).full_name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire;

    fn show(masks: &mut Masks, method: &str, value: &Value) -> Value {
        masks.show(&message::build(&wire::method(method).unwrap().output(), value).unwrap())
    }

    #[test]
    fn the_same_id_has_the_same_name() {
        let mut masks = Masks::default();
        let [first, second] = [7_587_000_000_000_000_001_i64, 7_587_000_000_000_000_002];
        let granted = show(&mut masks, "Lease/LeaseGrant", &json!({"ID": first, "TTL": 5, "header": {"member_id": 9}}));
        assert_eq!(granted, json!({"ID": "<lease1>", "TTL": 5, "header": {"member_id": "<member1>"}}));
        let kv = |lease| json!({"kvs": [{"key": format!("p/{second:x}"), "lease": lease}]});
        assert_eq!(show(&mut masks, "KV/Range", &kv(second))["kvs"][0]["lease"], "<lease2>");
        let again = show(&mut masks, "KV/Range", &kv(first));
        assert_eq!(again["kvs"][0], json!({"key": "p/<lease2>", "lease": "<lease1>"}));
        assert_eq!(show(&mut masks, "KV/Range", &kv(77))["kvs"][0]["lease"], 77);
    }

    #[test]
    fn what_runs_on_is_settled() {
        let left = |ttl| json!({"TTL": ttl, "grantedTTL": 100, "keys": ["b", "a"]});
        let mut masks = Masks::default();
        let shown = show(&mut masks, "Lease/LeaseTimeToLive", &left(98));
        assert_eq!(shown, json!({"TTL": "<nearly all>", "grantedTTL": 100, "keys": ["a", "b"]}));
        assert_eq!(show(&mut masks, "Lease/LeaseTimeToLive", &left(50))["TTL"], "<some>");
        assert_eq!(show(&mut masks, "Lease/LeaseTimeToLive", &left(-1))["TTL"], -1);
    }

    #[test]
    fn addresses_are_replaced_in_texts() {
        let masks = Masks::new(vec![("127.0.0.1:1234".into(), "<client>".into())]);
        assert_eq!(masks.text("http://127.0.0.1:1234"), "http://<client>");
    }
}

//! Which fields of a request may be recorded, and how they are written. What is not named here is not shown.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use ring::digest;

use crate::class::{AUTH, CLUSTER, KEYS, MAINTENANCE, Method, PLUGINS, SEAL};

/// Service, method, fields.
type Row = (&'static str, &'static str, &'static [&'static str]);

const SHOWN: &[Row] = &[
    (CLUSTER, "MemberAdd", &["peerURLs", "isLearner"]),
    (CLUSTER, "MemberRemove", &["ID"]),
    (CLUSTER, "MemberUpdate", &["ID", "peerURLs"]),
    (CLUSTER, "MemberPromote", &["ID"]),
    (MAINTENANCE, "Alarm", &["action", "memberID", "alarm"]),
    (MAINTENANCE, "Defragment", &[]),
    (MAINTENANCE, "Hash", &[]),
    (MAINTENANCE, "HashKV", &["revision"]),
    (MAINTENANCE, "Snapshot", &[]),
    (MAINTENANCE, "MoveLeader", &["targetID"]),
    (MAINTENANCE, "Downgrade", &["action", "version"]),
    (AUTH, "AuthEnable", &[]),
    (AUTH, "AuthDisable", &[]),
    (AUTH, "UserAdd", &["name"]),
    (AUTH, "UserDelete", &["name"]),
    (AUTH, "UserChangePassword", &["name"]),
    (AUTH, "UserGrantRole", &["user", "role"]),
    (AUTH, "UserRevokeRole", &["name", "role"]),
    (AUTH, "RoleAdd", &["name"]),
    (AUTH, "RoleDelete", &["role"]),
    (AUTH, "RoleGrantPermission", &["name", "perm"]),
    (AUTH, "RoleRevokePermission", &["role", "key", "range_end"]),
    (PLUGINS, "Install", &["name", "component", "binding", "force"]),
    (PLUGINS, "Upgrade", &["name", "component", "force"]),
    (PLUGINS, "Bind", &["name", "binding"]),
    (PLUGINS, "Change", &["name", "change"]),
    (PLUGINS, "Remove", &["name"]),
    (PLUGINS, "Replay", &["component", "binding", "since_revision"]),
    (KEYS, "Rotate", &["prefix", "digests"]),
    (KEYS, "Shred", &["prefix"]),
    (KEYS, "Wrapped", &[]),
    (KEYS, "Recover", &[]),
    (SEAL, "Set", &["rule", "yes_store_plaintext"]),
    (SEAL, "Remove", &["prefix", "yes_store_plaintext"]),
];

/// A field that is shown by what it is called by everywhere else: its digest.
const COMPONENT: &str = "component";

/// What a request asks for.
pub(super) fn of(method: Method, message: &DynamicMessage) -> BTreeMap<String, String> {
    let fields = fields(method).unwrap_or_default().iter();
    let shape = message.descriptor();
    let set = fields.filter_map(|field| shape.get_field_by_name(field)).filter(|field| message.has_field(field));
    set.map(|field| (field.name().to_owned(), shown(&field, &message.get_field(&field)))).collect()
}

fn fields(Method { service, name, .. }: Method) -> Option<&'static [&'static str]> {
    SHOWN.iter().find(|row| (row.0, row.1) == (service, name)).map(|row| row.2)
}

fn text(field: &str, value: &Value) -> String {
    match value {
        Value::Bytes(bytes) if field == COMPONENT => {
            format!("sha256:{}", hex::encode(digest::digest(&digest::SHA256, bytes)))
        }
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        // As etcdctl shows members.
        Value::U64(value) if field.ends_with("ID") => format!("{value:x}"),
        Value::U64(value) => value.to_string(),
        Value::EnumNumber(number) => number.to_string(),
        Value::List(values) => values.iter().map(|value| text(field, value)).collect::<Vec<_>>().join(", "),
        Value::Message(message) => nested(message),
        Value::F32(_) | Value::F64(_) | Value::Map(_) => "?".to_owned(),
    }
}

fn shown(field: &FieldDescriptor, value: &Value) -> String {
    match (field.kind(), value) {
        (Kind::Enum(names), Value::EnumNumber(number)) => {
            names.get_value(*number).map_or_else(|| number.to_string(), |value| value.name().to_owned())
        }
        _ => text(field.name(), value),
    }
}

/// The fields of a message that are set, in the order of their numbers.
fn nested(message: &DynamicMessage) -> String {
    let set = message.fields().map(|(field, value)| format!("{}={}", field.name(), shown(&field, value)));
    set.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use auth::RpcClass;

    use super::*;
    use crate::class;
    use crate::gateway::described_method;

    fn method(service: &str, name: &str) -> Method {
        class::all().find(|method| (method.service, method.name) == (service, name)).unwrap()
    }

    fn recorded<M: prost::Message>(service: &str, name: &str, request: &M) -> BTreeMap<String, String> {
        let shape = described_method(service, name).unwrap().input();
        of(method(service, name), &DynamicMessage::decode(shape, request.encode_to_vec().as_slice()).unwrap())
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn somebody_has_thought_of_every_call_that_changes_or_takes_something() {
        let taken = |method: &Method| {
            matches!(method.class, RpcClass::Admin | RpcClass::Backup)
                || class::depends_on_message(*method)
                || class::makes_hash(*method)
        };
        for method in class::all().filter(taken) {
            let input = described_method(method.service, method.name).unwrap().input();
            let fields = fields(method).unwrap_or_else(|| panic!("{}/{} is in no row", method.service, method.name));
            for field in fields {
                assert!(
                    input.get_field_by_name(field).is_some(),
                    "{}/{} has no field {field}",
                    method.service,
                    method.name
                );
            }
        }
        assert_eq!(SHOWN.len(), class::all().filter(taken).count());
    }

    #[test]
    fn secrets_are_not_shown() {
        use proto::admin::{RecoverRequest, UnwrappedKey};
        use proto::etcdserverpb::{AuthUserAddRequest, AuthUserChangePasswordRequest};
        let (name, password) = ("jane".to_owned(), "pass".to_owned());
        let hashed_password = "hash".to_owned();
        let add = AuthUserAddRequest {
            name: name.clone(),
            password: password.clone(),
            hashed_password: hashed_password.clone(),
            ..Default::default()
        };
        assert_eq!(recorded(AUTH, "UserAdd", &add), pairs(&[("name", "jane")]));
        let change = AuthUserChangePasswordRequest { name, password, hashed_password };
        assert_eq!(recorded(AUTH, "UserChangePassword", &change), pairs(&[("name", "jane")]));
        let recover = RecoverRequest { keys: vec![UnwrappedKey { id: 1, material: vec![7; 32].into() }] };
        assert_eq!(recorded(KEYS, "Recover", &recover), pairs(&[]));
    }

    #[test]
    fn what_is_asked_for_reads_as_people_say_it() {
        use proto::admin::{Binding, InstallRequest};
        use proto::etcdserverpb::{AuthRoleGrantPermissionRequest, MemberAddRequest, MemberRemoveRequest};
        let add =
            MemberAddRequest { peer_ur_ls: vec!["http://a:1".to_owned(), "http://b:2".to_owned()], is_learner: true };
        assert_eq!(
            recorded(CLUSTER, "MemberAdd", &add),
            pairs(&[("peerURLs", "http://a:1, http://b:2"), ("isLearner", "true")])
        );
        let remove = MemberRemoveRequest { id: 0xbeef };
        assert_eq!(recorded(CLUSTER, "MemberRemove", &remove), pairs(&[("ID", "beef")]));
        let perm = proto::authpb::Permission { perm_type: 1, key: "/a".into(), range_end: "/b".into() };
        let grant = AuthRoleGrantPermissionRequest { name: "r".to_owned(), perm: Some(perm) };
        assert_eq!(
            recorded(AUTH, "RoleGrantPermission", &grant),
            pairs(&[("name", "r"), ("perm", "permType=WRITE key=/a range_end=/b")])
        );
        let binding = Binding { prefixes: vec!["/x/".into()], timeout_ms: 5, ..Binding::default() };
        let install = InstallRequest {
            name: "p".to_owned(),
            component: "abc".into(),
            binding: Some(binding),
            ..Default::default()
        };
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            recorded(PLUGINS, "Install", &install),
            pairs(&[("name", "p"), ("component", digest), ("binding", "prefixes=/x/ timeout_ms=5")])
        );
    }
}

//! The table against the descriptors of every service that is generated.

use std::collections::BTreeSet;

use prost::Message;

use super::*;

/// The parts of `google/protobuf/descriptor.proto` that name services and their methods.
#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

fn described() -> BTreeSet<String> {
    let sets = [
        proto::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut paths = BTreeSet::new();
    for file in sets.into_iter().flat_map(|set| FileSet::decode(set).unwrap().files) {
        for service in file.services {
            let path = |method: &Named| format!("/{}.{}/{}", file.package, service.name, method.name);
            paths.extend(service.methods.iter().map(path));
        }
    }
    paths
}

#[test]
fn every_rpc_of_every_service_has_a_class() {
    let described = described();
    assert!(described.len() > 50, "the descriptors were not read: {described:?}");
    let missing: Vec<_> = described.iter().filter(|path| method(path).is_none()).collect();
    assert!(missing.is_empty(), "without a class: {missing:?}");
}

#[test]
fn every_class_belongs_to_exactly_one_rpc() {
    let classified: Vec<_> = TABLE.iter().map(|(service, name, ..)| format!("/{service}/{name}")).collect();
    let unique: BTreeSet<_> = classified.iter().cloned().collect();
    assert_eq!(unique.len(), classified.len(), "a method is classified twice");
    assert_eq!(unique, described());
}

#[test]
fn what_changes_the_cluster_is_for_administrators() {
    for path in ["/etcdserverpb.Cluster/MemberAdd", "/etcdserverpb.Auth/UserAdd", "/strongroom.admin.v1.Keys/Wrapped"] {
        assert_eq!(method(path).unwrap().class, RpcClass::Admin, "{path}");
    }
    assert_eq!(method("/etcdserverpb.Maintenance/Snapshot").unwrap().class, RpcClass::Backup);
    // What only reads is for auditors, and a replay reads values.
    for (_, name, class, _) in TABLE.iter().filter(|row| row.0.starts_with("strongroom.admin.")) {
        let reads = ["List", "Logs", "Status", "Settle", "Tail", "End"].contains(name);
        assert_eq!(*class, if reads { RpcClass::Oversight } else { RpcClass::Admin }, "{name}");
    }
}

#[test]
fn what_users_and_roles_require_is_what_etcd_requires() {
    let required = |path: &str| method(path).unwrap().requirement;
    for path in [
        "Cluster/MemberAdd",
        "Maintenance/HashKV",
        "Maintenance/Defragment",
        "Auth/UserDelete",
        "Auth/RoleList",
        "KV/Compact",
    ] {
        assert_eq!(required(&format!("/etcdserverpb.{path}")), Root, "{path}");
    }
    for path in ["Cluster/MemberList", "Maintenance/Status", "Lease/LeaseGrant"] {
        assert_eq!(required(&format!("/etcdserverpb.{path}")), User, "{path}");
    }
    let open: BTreeSet<_> =
        TABLE.iter().filter(|row| row.3 == Nothing && !matches!(row.2, Admin | Oversight)).map(|row| row.1).collect();
    let harmless = ["Authenticate", "Check", "List", "ServerReflectionInfo", "Watch"];
    assert!(open.iter().all(|name| harmless.contains(name)), "{open:?} need no credentials");
    let keys =
        TABLE.iter().filter(|row| ["etcdserverpb.KV", "etcdserverpb.Watch"].contains(&row.0) && row.1 != "Compact");
    assert!(keys.clone().count() > 5 && keys.clone().all(|row| row.3 == Permit));
}

//! The wire: what etcd's clients, Strongroom's administrators, its members and KMS plugins send and are sent.
//!
//! Generated from the `.proto` files beside it, with etcd's exact package, message and field names and numbers, so that
//! every etcd client speaks to it unchanged; and with Kubernetes' for its KMS plugins. It is *not* what a request means (see `types`) and holds no logic.
//!
//! Invariants:
//! - `bytes` fields are [`bytes::Bytes`]: they share the network buffer instead of copying it.
//! - No `Debug` of a message prints a value, a password, a token or a component: see `debug.rs`.
//!
//! ```
//! use proto::etcdserverpb::PutRequest;
//! let put = PutRequest { key: "a".into(), value: "canary".into(), ..Default::default() };
//! assert!(!format!("{put:?}").contains("canary"));
//! ```

pub mod codec;
mod debug;

/// Every message and service that clients and administrators may meet, as an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Keys, values and their changes.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod mvccpb {
    tonic::include_proto!("mvccpb");
}

/// Users, roles and permissions.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod authpb {
    tonic::include_proto!("authpb");
}

/// The services of an etcd member.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}

/// etcd's lock service.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v3lockpb {
    tonic::include_proto!("v3lockpb");
}

/// etcd's election service.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod v3electionpb {
    tonic::include_proto!("v3electionpb");
}

/// gRPC's own health service.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}

/// Strongroom's own admin services.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod admin {
    tonic::include_proto!("strongroom.admin.v1");
}

/// What members say to each other.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod peer {
    tonic::include_proto!("strongroom.peer.v1");
}

/// What a Kubernetes KMS v2 plugin is asked; served by the plugin.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod kms {
    tonic::include_proto!("v2");
}

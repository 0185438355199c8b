//! Turns the `.proto` files of this folder into Rust, without `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use protox::prost::Message as _;

const FILES: [&str; 7] = [
    "etcd/mvcc.proto",
    "etcd/auth.proto",
    "etcd/rpc.proto",
    "etcd/lock.proto",
    "etcd/election.proto",
    "grpc/health.proto",
    "strongroom/admin.proto",
];

/// What members say to each other, and to a KMS: behind no door for clients, so neither described nor reflected there.
const INNER_FILES: [&str; 2] = ["strongroom/peer.proto", "kubernetes/kms.proto"];

/// Messages that hold a value, a password, a token or a whole component. Their `Debug` is in `src/debug.rs` and prints
/// none of it.
const SECRETIVE: [&str; 22] = [
    ".strongroom.admin.v1.UnwrappedKey",
    ".mvccpb.KeyValue",
    ".authpb.User",
    ".etcdserverpb.PutRequest",
    ".etcdserverpb.Compare",
    ".etcdserverpb.Compare.target_union",
    ".etcdserverpb.SnapshotResponse",
    ".etcdserverpb.AuthenticateRequest",
    ".etcdserverpb.AuthenticateResponse",
    ".etcdserverpb.AuthUserAddRequest",
    ".etcdserverpb.AuthUserChangePasswordRequest",
    ".v3electionpb.CampaignRequest",
    ".v3electionpb.ProclaimRequest",
    ".strongroom.admin.v1.InstallRequest",
    ".strongroom.admin.v1.UpgradeRequest",
    ".strongroom.peer.v1.AppendRequest",
    ".strongroom.peer.v1.ProposeRequest",
    ".strongroom.peer.v1.SnapshotChunk",
    ".v2.EncryptRequest",
    ".v2.EncryptResponse",
    ".v2.DecryptRequest",
    ".v2.DecryptResponse",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES.into_iter().chain(INNER_FILES) {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    configured().compile_fds(descriptors)?;
    let inner = protox::compile(INNER_FILES, ["."])?;
    // Maps in order: what is made of a KMS's answer is kept, and has one form.
    configured().btree_map(".").compile_fds(inner)?;
    Ok(())
}

fn configured() -> tonic_prost_build::Builder {
    tonic_prost_build::configure().bytes(".").skip_debug(SECRETIVE).codec_path("crate::codec::SizedCodec")
}

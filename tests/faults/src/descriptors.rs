//! The RPCs of a service, read from the descriptor that the wire crate is generated from, and a way to call any of them.

use harness::Certificates;
use prost::Message;
use tonic::{Code, Status, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

/// As much of `google.protobuf.FileDescriptorSet` as names the RPCs.
#[derive(Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    services: Vec<Service>,
}

#[derive(Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<Method>,
}

#[derive(Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
}

/// The gRPC path of every RPC of a package.
pub(crate) fn paths(package: &str) -> Vec<String> {
    let files = Files::decode(proto::FILE_DESCRIPTOR_SET).expect("the wire crate's descriptors are valid").files;
    let services = files.into_iter().filter(|file| file.package == package).flat_map(|file| file.services);
    services
        .flat_map(|service| {
            let name = service.name;
            service
                .methods
                .into_iter()
                .map(move |method| format!("/{package}.{name}/{}", method.name))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Calls an RPC with an empty message and gives its outcome. What comes back is not looked at.
pub(crate) async fn call(channel: &Channel, path: &str) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::new(Code::Unavailable, error.to_string()))?;
    let path = path.parse().expect("a gRPC path is a URI's path");
    // An answer to a unary call is a stream of one, so this serves both kinds.
    let answer = grpc.server_streaming(tonic::Request::new(()), path, ProstCodec::<(), ()>::default()).await?;
    answer.into_inner().message().await.map(drop)
}

/// A channel to a port of this machine.
pub(crate) async fn channel(port: u16, certificates: &Certificates) -> Channel {
    harness::connect(port, Some(certificates)).await.expect("a trusted certificate connects")
}

#[test]
fn the_descriptors_name_every_rpc() {
    let admin = paths("strongroom.admin.v1");
    assert!(admin.contains(&"/strongroom.admin.v1.Plugins/Install".to_owned()), "{admin:?}");
    assert!(admin.contains(&"/strongroom.admin.v1.Keys/Status".to_owned()), "{admin:?}");
    assert_eq!(paths("etcdserverpb").iter().filter(|path| path.contains(".KV/")).count(), 6);
    assert!(paths("no.such.package").is_empty());
}

//! gRPC's health service and reflection, as load balancers and tools use them.

use futures::StreamExt as _;
use harness::Server;
use proto::health::{
    HealthCheckRequest, HealthListRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic::{Code, transport::Channel};
use tonic_reflection::pb::{v1, v1alpha};

/// What the client listener serves besides reflection.
const SERVICES: [&str; 9] = [
    "etcdserverpb.Auth",
    "etcdserverpb.Cluster",
    "etcdserverpb.KV",
    "etcdserverpb.Lease",
    "etcdserverpb.Maintenance",
    "etcdserverpb.Watch",
    "grpc.health.v1.Health",
    "v3electionpb.Election",
    "v3lockpb.Lock",
];

async fn connected() -> (Server, Channel) {
    let server = Server::strongroom().await;
    let certificates = server.environment().client_certificates();
    let channel = harness::connect(server.ports().client, certificates.as_ref()).await.unwrap();
    (server, channel)
}

fn asking(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_is_told_that_the_member_serves() {
    let (mut server, channel) = connected().await;
    let mut client = HealthClient::new(channel);
    assert_eq!(client.check(asking("")).await.unwrap().into_inner().status(), ServingStatus::Serving);
    let unknown = client.check(asking("etcdserverpb.KV")).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "unknown service"));
    let listed = client.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
    assert_eq!(listed.get("").map(|answer| answer.status()), Some(ServingStatus::Serving), "{listed:?}");
    let mut watch = client.watch(asking("")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    // A watch that is open does not keep the member from stopping.
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_names_the_services_and_describes_their_calls() {
    use v1::{ServerReflectionRequest, server_reflection_request::MessageRequest};
    let (_server, channel) = connected().await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel);
    let ask = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("etcdserverpb.KV.RangeStream".to_owned())),
        ask(MessageRequest::FileContainingSymbol("strongroom.cellar".to_owned())),
    ];
    let answers = client.server_reflection_info(futures::stream::iter(requests)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(|answer| answer.map(|answer| answer.message_response)).collect().await;
    let [Ok(Some(services)), Ok(Some(file)), missing] = &answers[..] else { panic!("{answers:?}") };
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(services) = services else {
        panic!("{services:?}")
    };
    let mut names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    names.retain(|name| !name.starts_with("grpc.reflection."));
    names.sort_unstable();
    assert_eq!(names, SERVICES);
    let v1::server_reflection_response::MessageResponse::FileDescriptorResponse(file) = file else {
        panic!("{file:?}")
    };
    let described = String::from_utf8_lossy(&file.file_descriptor_proto[0]).into_owned();
    assert!(described.contains("RangeStream") && described.contains("etcdserverpb"), "{described}");
    assert!(matches!(missing, Err(status) if status.code() == Code::NotFound), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_tools_have_their_version_of_reflection() {
    use v1alpha::{ServerReflectionRequest, server_reflection_request::MessageRequest};
    let (_server, channel) = connected().await;
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers = client.server_reflection_info(futures::stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(services)) = answer else {
        panic!("{answer:?}")
    };
    assert!(services.service.iter().any(|service| service.name == "etcdserverpb.KV"), "{services:?}");
}

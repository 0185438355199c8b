//! Who gets past the gate, and what is counted on the way.

use arc_swap::ArcSwap;
use auth::{Identity, Realm, RealmState, Tokens};
use axum::body::Body;
use axum::http::header;
use rcgen::{CertificateParams, KeyPair, SanType};

use super::*;

#[path = "gate_record_tests.rs"]
mod record_tests;

use record_tests::Notes;

const ADMINISTRATOR: &str = "spiffe://strongroom/admin";
const AUDITOR: &str = "spiffe://strongroom/auditor";
const BACKUP: &str = "spiffe://strongroom/backup";
const PUT: &str = "/etcdserverpb.KV/Put";
const STATUS: &str = "/etcdserverpb.Maintenance/Status";
const SNAPSHOT: &str = "/etcdserverpb.Maintenance/Snapshot";

fn always_led() -> Leadership {
    let shutdown = tokio_util::sync::CancellationToken::new();
    Leadership::watched(|| true, std::time::Duration::from_secs(1), shutdown)
}

fn warden(state: RealmState) -> Warden {
    Warden::new(Arc::new(ArcSwap::from_pointee(Realm::new(state))), Arc::new(Tokens::None))
}

fn certified(uri: &str) -> Caller {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Caller::certified(Identity::from_der(certificate.der()).unwrap(), None)
}

fn administrator() -> Caller {
    certified(ADMINISTRATOR)
}

fn client() -> Caller {
    certified("spiffe://strongroom/client")
}

/// Calls `path` through a gate before a handler that answers OK, or `handler_status`.
async fn call(
    audience: Audience,
    path: &str,
    caller: Option<Caller>,
    handler_status: Status,
) -> (Code, meters::Registry) {
    call_recorded(audience, path, caller, handler_status, (Arc::<Notes>::default(), Body::empty())).await
}

/// The same with a message, and what it is recorded by.
async fn call_recorded(
    audience: Audience,
    path: &str,
    caller: Option<Caller>,
    handler_status: Status,
    (recorder, body): (Arc<Notes>, Body),
) -> (Code, meters::Registry) {
    let rule = |uri: &str| vec![format!("URI:{uri}").parse().unwrap()];
    let administrators = Administrators::from(rule(ADMINISTRATOR)).with_others(rule(AUDITOR), rule(BACKUP));
    let administrators = Arc::new(administrators);
    let registry = meters::Registry::default();
    let metrics = CallMetrics::registered_in(&registry, false);
    let leadership = always_led();
    let warden = warden(RealmState::default());
    let common_name_counts = false;
    let slow_after = Duration::ZERO;
    let is_learner = Arc::new(|| false);
    let second_within = recorder.takes_two.then_some(Duration::from_secs(900));
    let hashes_take_administrator = recorder.hashes_take_administrator;
    let (recorder, member_id): (Arc<dyn Recorder>, _) = (recorder, 7);
    let gate = Gate {
        audience,
        administrators,
        warden,
        common_name_counts,
        leadership,
        is_learner,
        slow_after,
        metrics,
        recorder,
        member_id,
        hashes_take_administrator,
        second_within,
        callers: None,
    };
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/grpc").body(body).unwrap();
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let response = gate.guard(request, async |_, _| handler_status.into_http()).await;
    (Status::from_header_map(response.headers()).unwrap().code(), registry)
}

async fn code(audience: Audience, path: &str, caller: Option<Caller>) -> Code {
    call(audience, path, caller, Status::new(Code::Ok, "")).await.0
}

#[tokio::test]
async fn clients_reach_data_and_status_but_no_admin_call() {
    for caller in [None, Some(Caller::anonymous(None)), Some(client())] {
        assert_eq!(code(Audience::Clients, PUT, caller.clone()).await, Code::Ok);
        assert_eq!(code(Audience::Clients, STATUS, caller.clone()).await, Code::Ok);
        assert_eq!(code(Audience::Clients, SNAPSHOT, caller).await, Code::PermissionDenied);
    }
    assert_eq!(code(Audience::Clients, SNAPSHOT, Some(administrator())).await, Code::Ok);
}

#[tokio::test]
async fn the_admin_listener_is_for_administrators_whatever_the_call() {
    for path in [PUT, STATUS, SNAPSHOT, "/strongroom.admin.v1.Plugins/List"] {
        for caller in [None, Some(Caller::internal()), Some(client())] {
            assert_eq!(code(Audience::Administrators, path, caller).await, Code::PermissionDenied, "{path}");
        }
        assert_eq!(code(Audience::Administrators, path, Some(administrator())).await, Code::Ok, "{path}");
    }
}

/// Each office at each listener, by the class of the call: one row for each.
#[tokio::test]
async fn each_office_reaches_what_the_table_gives_it_and_nothing_else() {
    let list = "/strongroom.admin.v1.Plugins/List";
    let (add, users) = ("/etcdserverpb.Cluster/MemberAdd", "/etcdserverpb.Auth/UserList");
    for (path, auditor, backup) in [
        (list, [true, true], [false, false]),
        (users, [true, true], [false, false]),
        (SNAPSHOT, [false, false], [true, true]),
        (add, [false, false], [false, false]),
        ("/strongroom.admin.v1.Plugins/Install", [false, false], [false, false]),
        ("/strongroom.admin.v1.Plugins/Replay", [false, false], [false, false]),
        ("/strongroom.admin.v1.Keys/Wrapped", [false, false], [false, false]),
        (STATUS, [true, true], [true, false]),
        (PUT, [false, false], [false, false]),
        ("/etcdserverpb.KV/Range", [false, false], [false, false]),
    ] {
        for (uri, expected) in [(AUDITOR, auditor), (BACKUP, backup), (ADMINISTRATOR, [true, true])] {
            let mut passes = Vec::new();
            for audience in [Audience::Clients, Audience::Administrators] {
                passes.push(code(audience, path, Some(certified(uri))).await == Code::Ok);
            }
            assert_eq!(passes, expected, "{uri} calls {path}");
        }
    }
}

#[tokio::test]
async fn what_nobody_classified_does_not_pass() {
    let path = "/etcdserverpb.KV/Steal";
    assert_eq!(code(Audience::Clients, path, Some(administrator())).await, Code::Unimplemented);
}

#[tokio::test]
async fn calls_are_counted_with_the_code_that_they_ended_with() {
    let (_, registry) = call(Audience::Clients, SNAPSHOT, Some(client()), Status::new(Code::Ok, "")).await;
    let labels = r#"{grpc_code="PermissionDenied",grpc_method="Snapshot","#;
    let page = registry.page().unwrap();
    let counted = page.lines().find(|line| line.starts_with(&format!("grpc_server_handled_total{labels}"))).unwrap();
    assert!(counted.ends_with("} 1"), "{counted}");
}

#[tokio::test]
async fn a_message_over_the_limit_gets_the_error_of_gos_grpc() {
    let text = "Error, decoded message length too large: found 3000000 bytes, the limit is: 2097152 bytes";
    let (code, _) = call(Audience::Clients, PUT, None, Status::out_of_range(text)).await;
    assert_eq!(code, Code::ResourceExhausted);
    let compacted = Status::out_of_range("etcdserver: mvcc: required revision has been compacted");
    assert_eq!(call(Audience::Clients, PUT, None, compacted).await.0, Code::OutOfRange);
}

#[tokio::test]
async fn with_users_on_the_gate_asks_for_what_the_table_requires() {
    let state = RealmState { enabled: true, ..RealmState::default() };
    let gate = |audience| Gate {
        audience,
        administrators: Arc::new(Administrators::default().with_access(auth::AdminAccess::Any)),
        warden: warden(state.clone()),
        common_name_counts: false,
        leadership: always_led(),
        is_learner: Arc::new(|| false),
        slow_after: Duration::ZERO,
        metrics: CallMetrics::registered_in(&meters::Registry::default(), false),
        recorder: Arc::<Notes>::default(),
        member_id: 7,
        hashes_take_administrator: false,
        second_within: None,
        callers: None,
    };
    let admit = |audience, path: &str, caller: Caller, token: Option<&str>| {
        let mut request = Request::post(path).body(Body::empty()).unwrap();
        if let Some(token) = token {
            request.headers_mut().insert("token", token.parse().unwrap());
        }
        request.extensions_mut().insert(caller);
        let caller = credentials::caller(&request, false);
        gate(audience)
            .admit(class::method(path).unwrap(), &caller, &mut request)
            .err()
            .map(|error| Status::from(error).code())
    };
    let nobody = || Caller::anonymous(None);
    // Keys are the member's business; some user or the root role is the gate's.
    assert_eq!(admit(Audience::Clients, PUT, nobody(), None), None);
    assert_eq!(admit(Audience::Clients, PUT, nobody(), Some("x.1")), None);
    assert_eq!(admit(Audience::Clients, STATUS, nobody(), None), Some(Code::InvalidArgument));
    assert_eq!(admit(Audience::Clients, SNAPSHOT, nobody(), None), Some(Code::InvalidArgument));
    assert_eq!(admit(Audience::Clients, SNAPSHOT, administrator(), None), Some(Code::InvalidArgument));
    assert_eq!(admit(Audience::Clients, STATUS, nobody(), Some("x.1")), Some(Code::Unauthenticated));
    // At the admin listener a certificate is enough, but a token is taken at its word, and nobody is not let in.
    assert_eq!(admit(Audience::Administrators, SNAPSHOT, administrator(), None), None);
    assert_eq!(admit(Audience::Administrators, SNAPSHOT, administrator(), Some("x.1")), Some(Code::Unauthenticated));
    assert_eq!(admit(Audience::Administrators, SNAPSHOT, nobody(), None), Some(Code::InvalidArgument));
}

#[tokio::test]
async fn a_learner_tells_how_it_stands_and_refuses_what_it_cannot_know() {
    let gate = Gate {
        audience: Audience::Clients,
        administrators: Arc::new(Administrators::default().with_access(auth::AdminAccess::Any)),
        warden: warden(RealmState::default()),
        common_name_counts: false,
        leadership: always_led(),
        is_learner: Arc::new(|| true),
        slow_after: Duration::ZERO,
        metrics: CallMetrics::registered_in(&meters::Registry::default(), false),
        recorder: Arc::<Notes>::default(),
        member_id: 7,
        hashes_take_administrator: false,
        second_within: None,
        callers: None,
    };
    let admit = |path: &str| {
        let mut request = Request::post(path).body(Body::empty()).unwrap();
        let admitted = gate.admit(class::method(path).unwrap(), &Caller::anonymous(None), &mut request);
        admitted.map(drop).map_err(|error| Status::from(error).message().to_owned())
    };
    for path in ["Maintenance/Status", "Maintenance/Snapshot", "KV/Range"] {
        assert_eq!(admit(&format!("/etcdserverpb.{path}")), Ok(()), "{path}");
    }
    for path in ["KV/Put", "KV/RangeStream", "Watch/Watch", "Cluster/MemberList", "Lease/LeaseGrant"] {
        let refused = admit(&format!("/etcdserverpb.{path}"));
        assert_eq!(refused, Err("etcdserver: rpc not supported for learner".to_owned()), "{path}");
    }
}

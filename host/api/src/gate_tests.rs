//! Who gets past the gate, and what is counted on the way.

use std::sync::Mutex;

use arc_swap::ArcSwap;
use auth::{Identity, Realm, RealmState, Tokens};
use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use rcgen::{CertificateParams, KeyPair, SanType};
use tower::ServiceExt as _;

use super::*;
use crate::record::Begun;

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

/// Who writes down what is recorded, or cannot.
#[derive(Default)]
struct Notes {
    notes: Mutex<Vec<String>>,
    is_broken: bool,
    takes_two: bool,
    other: Option<&'static str>,
}

impl Notes {
    fn add(&self, how: &str, event: &Event) {
        let Event { stage, call, who, what, outcome, .. } = event;
        let name = who.as_ref().map(|who| who.name.as_str()).unwrap_or_default();
        let outcome = outcome.as_ref().map(|outcome| format!(" {} {:?}", outcome.code, outcome.message));
        let call = call.rsplit('.').next().unwrap();
        let outcome = outcome.unwrap_or_default();
        self.notes.lock().unwrap().push(format!("{how} {stage:?} {call} {name} {what:?}{outcome}"));
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap())
    }
}

#[tonic::async_trait]
impl Recorder for Notes {
    async fn begin(&self, event: Event, in_cluster: bool) -> Result<Begun, FlowError> {
        if self.is_broken {
            return Err(FlowError::NoLeader);
        }
        self.add(if in_cluster { "cluster" } else { "member" }, &event);
        Ok(Begun(None))
    }

    async fn second(&self, event: &Event, within: Duration) -> Result<Option<String>, FlowError> {
        self.notes.lock().unwrap().push(format!("second {} {} {within:?}", event.call, event.request.len()));
        Ok(self.other.map(str::to_owned))
    }

    async fn end(&self, _: Begun, outcome: audit::Outcome) {
        self.notes.lock().unwrap().push(format!("ended {} {:?}", outcome.code, outcome.message));
    }

    fn note(&self, event: Event) {
        self.add("member", &event);
    }
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
        second_within,
    };
    let handler = any(async move || handler_status.into_http::<Body>());
    let router = Router::new().route("/{*rest}", handler).layer(from_fn_with_state(gate, guard));
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/grpc").body(body).unwrap();
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let response = router.oneshot(request).await.unwrap();
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
        second_within: None,
    };
    let admit = |audience, path: &str, caller: Caller, token: Option<&str>| {
        let mut request = Request::post(path).body(Body::empty()).unwrap();
        if let Some(token) = token {
            request.headers_mut().insert("token", token.parse().unwrap());
        }
        request.extensions_mut().insert(caller);
        let caller = credentials::caller(&request, false);
        gate(audience).admit(class::method(path).unwrap(), &caller, &mut request).err().map(|error| error.code())
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
        second_within: None,
    };
    let admit = |path: &str| {
        let mut request = Request::post(path).body(Body::empty()).unwrap();
        let admitted = gate.admit(class::method(path).unwrap(), &Caller::anonymous(None), &mut request);
        admitted.map(drop).map_err(|status| status.message().to_owned())
    };
    for path in ["Maintenance/Status", "Maintenance/Snapshot", "KV/Range"] {
        assert_eq!(admit(&format!("/etcdserverpb.{path}")), Ok(()), "{path}");
    }
    for path in ["KV/Put", "KV/RangeStream", "Watch/Watch", "Cluster/MemberList", "Lease/LeaseGrant"] {
        let refused = admit(&format!("/etcdserverpb.{path}"));
        assert_eq!(refused, Err("etcdserver: rpc not supported for learner".to_owned()), "{path}");
    }
}

/// A message as gRPC frames it.
fn framed(message: &impl prost::Message) -> Body {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    Body::from([&[0], &length[..], &message].concat())
}

async fn recorded(path: &str, caller: Caller, body: Body, status: Status) -> (Code, Vec<String>) {
    let notes = Arc::<Notes>::default();
    let (code, _) = call_recorded(Audience::Administrators, path, Some(caller), status, (notes.clone(), body)).await;
    (code, notes.taken())
}

#[tokio::test]
async fn what_an_administrator_does_is_recorded_before_and_after() {
    let role = proto::etcdserverpb::AuthRoleAddRequest { name: "r".to_owned() };
    let path = "/etcdserverpb.Auth/RoleAdd";
    let begun = format!("cluster Begun Auth/RoleAdd URI:{ADMINISTRATOR} {{\"name\": \"r\"}}");
    let (code, notes) = recorded(path, administrator(), framed(&role), Status::ok("")).await;
    assert_eq!((code, notes), (Code::Ok, vec![begun.clone(), "ended OK \"\"".to_owned()]));
    let taken = Status::failed_precondition("taken");
    let (_, notes) = recorded(path, administrator(), framed(&role), taken).await;
    assert_eq!(notes, [begun, "ended FAILED_PRECONDITION \"taken\"".to_owned()]);
    // What only this member is asked for is not the cluster's business.
    let (_, notes) = recorded(SNAPSHOT, certified(BACKUP), Body::empty(), Status::ok("")).await;
    assert_eq!(notes, [format!("member Begun Maintenance/Snapshot URI:{BACKUP} {{}}"), "ended OK \"\"".to_owned()]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let notes = Arc::new(Notes { is_broken: true, ..Notes::default() });
    let path = "/etcdserverpb.Auth/RoleAdd";
    let answer = Status::data_loss("the handler was asked");
    let taken = (notes.clone(), Body::empty());
    let (code, _) = call_recorded(Audience::Administrators, path, Some(administrator()), answer, taken).await;
    assert_eq!(code, Code::Unavailable);
    assert!(notes.taken().is_empty());
}

#[tokio::test]
async fn who_is_refused_and_who_only_looks_is_recorded() {
    let (_, notes) = recorded("/etcdserverpb.Cluster/MemberAdd", client(), Body::empty(), Status::ok("")).await;
    let [refused] = &notes[..] else { panic!("{notes:?}") };
    assert!(refused.starts_with("member Refused Cluster/MemberAdd URI:spiffe://strongroom/client {}"), "{refused}");
    assert!(refused.contains(" PERMISSION_DENIED ") && refused.contains("administrator"), "{refused}");
    let (_, notes) =
        recorded("/strongroom.admin.v1.Seal/List", certified(AUDITOR), Body::empty(), Status::ok("")).await;
    assert_eq!(notes, [format!("member Called Seal/List URI:{AUDITOR} {{}} OK \"\"")]);
    // Of data, only that it was refused: a plugin may quote a value when it says why.
    assert!(recorded(PUT, administrator(), Body::empty(), Status::ok("")).await.1.is_empty());
    let (_, notes) = recorded(PUT, administrator(), Body::empty(), Status::permission_denied("value")).await;
    assert_eq!(notes, [format!("member Refused KV/Put URI:{ADMINISTRATOR} {{}} PERMISSION_DENIED \"\"")]);
}

#[tokio::test]
async fn alarms_are_read_by_anybody_and_changed_by_administrators() {
    use proto::etcdserverpb::AlarmRequest;
    let path = "/etcdserverpb.Maintenance/Alarm";
    for (action, auditor, administrators) in [(0, true, 0), (1, false, 2), (2, false, 2)] {
        let request = AlarmRequest { action, member_id: 0xab, alarm: 1 };
        let (code, _) = recorded(path, certified(AUDITOR), framed(&request), Status::ok("")).await;
        assert_eq!(code == Code::Ok, auditor, "action {action}");
        let (code, notes) = recorded(path, administrator(), framed(&request), Status::ok("")).await;
        assert_eq!((code, notes.len()), (Code::Ok, administrators), "{notes:?}");
        if let Some(begun) = notes.first() {
            assert!(begun.contains(r#""memberID": "ab""#) && begun.contains(r#""alarm": "NOSPACE""#), "{begun}");
        }
        let notes = (Arc::<Notes>::default(), framed(&request));
        let (code, _) = call_recorded(Audience::Clients, path, Some(client()), Status::ok(""), notes).await;
        assert_eq!(code == Code::Ok, action == 0, "action {action} on the client listener");
    }
}

#[tokio::test]
async fn what_takes_two_administrators_waits_for_the_second() {
    use proto::admin::{ChangeRequest, RemoveRequest, RemoveRuleRequest, ShredRequest};
    let call = async |path: &str, body: Body, other| {
        let notes = Arc::new(Notes { takes_two: true, other, ..Notes::default() });
        let taken = (notes.clone(), body);
        let path = format!("/strongroom.admin.v1.{path}");
        let (code, _) =
            call_recorded(Audience::Administrators, &path, Some(administrator()), Status::ok(""), taken).await;
        (code, notes.taken())
    };
    let name = "p".to_owned();
    let change = |change| framed(&ChangeRequest { name: "p".to_owned(), change });
    let rule = |yes_store_plaintext| framed(&RemoveRuleRequest { prefix: "/x/".into(), yes_store_plaintext });
    for (path, body) in [
        ("Plugins/Remove", framed(&RemoveRequest { name: name.clone() })),
        ("Keys/Shred", framed(&ShredRequest { prefix: "/x/".into() })),
        ("Plugins/Change", change(1)),
        ("Seal/Remove", rule(true)),
    ] {
        let (code, notes) = call(path, body, None).await;
        assert_eq!(
            (code, notes),
            (Code::FailedPrecondition, vec![format!("second strongroom.admin.v1.{path} 64 900s")])
        );
    }
    let (code, notes) = call("Plugins/Remove", framed(&RemoveRequest { name }), Some("joe")).await;
    assert_eq!((code, notes.len()), (Code::Ok, 3));
    assert!(notes[1].contains(r#""asked by": "joe""#), "{notes:?}");
    for (path, body) in
        [("Plugins/Change", change(0)), ("Seal/Remove", rule(false)), ("Plugins/Install", Body::empty())]
    {
        let (code, notes) = call(path, body, None).await;
        assert_eq!((code, notes.len()), (Code::Ok, 2), "{path}: {notes:?}");
    }
}

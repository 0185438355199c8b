//! What the gate has recorded.

use std::sync::Mutex;

use super::*;
use crate::record::Begun;

/// Who writes down what is recorded, or cannot.
#[derive(Default)]
pub(super) struct Notes {
    notes: Mutex<Vec<String>>,
    is_broken: bool,
    pub(super) takes_two: bool,
    pub(super) hashes_take_administrator: bool,
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
    // Whose denial it is, and its code, are names.
    let denied = admission::AdmissionError::Denied {
        plugin: "no-secrets".to_owned(),
        code: "pem".to_owned(),
        message: "value".to_owned(),
        remarks: Box::default(),
    };
    let denied = Status::from(ApiError::from(FlowError::Admission(denied)));
    let (_, notes) = recorded(PUT, administrator(), Body::empty(), denied).await;
    let what = r#"{"code": "pem", "denied by": "no-secrets"}"#;
    assert_eq!(notes, [format!("member Refused KV/Put URI:{ADMINISTRATOR} {what} PERMISSION_DENIED \"\"")]);
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

#[tokio::test]
async fn hashes_are_for_everybody_or_for_administrators_as_configured() {
    for hashes_take_administrator in [false, true] {
        for path in ["/etcdserverpb.Maintenance/HashKV", "/etcdserverpb.Maintenance/Hash"] {
            let code = async |audience: Audience, caller: Caller| {
                let notes = Arc::new(Notes { hashes_take_administrator, ..Notes::default() });
                let passed = Status::new(Code::Ok, "");
                call_recorded(audience, path, Some(caller), passed, (notes, Body::from(vec![0; 5]))).await.0
            };
            let expected = if hashes_take_administrator { Code::PermissionDenied } else { Code::Ok };
            assert_eq!(code(Audience::Clients, client()).await, expected);
            assert_eq!(code(Audience::Clients, Caller::anonymous(None)).await, expected);
            assert_eq!(code(Audience::Administrators, certified(AUDITOR)).await, expected);
            assert_eq!(code(Audience::Clients, administrator()).await, Code::Ok);
            assert_eq!(code(Audience::Administrators, administrator()).await, Code::Ok);
        }
    }
}

//! What the gate records of a call: that it is about to be carried out, how it ended, or that it was refused.

mod message;
mod shown;

use std::collections::BTreeMap;
use std::time::Duration;

use audit::{Event, Outcome, Stage, Who};
use auth::RpcClass;
use axum::response::Response;
use flow::{Action, FlowError, Member};
use tonic::{Code, Status};

use crate::class::{self, Method};
use crate::gate::Audience;
use crate::status::{DENIAL_CODE, DENIAL_PLUGIN};

pub(crate) use message::{Message, split};

/// How a call is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Only if it is refused.
    Refusals,
    /// Once it was answered.
    Afterwards,
    /// Before it is carried out, and how it ended; where it goes is said by whether all members are to know.
    Action { in_cluster: bool },
}

impl Recording {
    pub(crate) fn of(method: Method) -> Self {
        match method.class {
            RpcClass::DataRead | RpcClass::DataWrite | RpcClass::Status => Self::Refusals,
            RpcClass::Oversight => Self::Afterwards,
            RpcClass::Backup => Self::Action { in_cluster: false },
            RpcClass::Admin => Self::Action { in_cluster: !class::is_of_this_member(method) },
        }
    }
}

/// Who keeps the record.
#[tonic::async_trait]
pub(crate) trait Recorder: Send + Sync {
    /// Returns once it is recorded that an action begins.
    async fn begin(&self, event: Event, in_cluster: bool) -> Result<Begun, FlowError>;
    /// Who else has asked for the same within a time; that this one asks is recorded, if nobody has.
    async fn second(&self, event: &Event, within: Duration) -> Result<Option<String>, FlowError>;
    /// Records how an action ended.
    async fn end(&self, begun: Begun, outcome: Outcome);
    /// Records what needs no waiting for.
    fn note(&self, event: Event);
}

/// An action that is recorded, where one who keeps records for good does it.
pub(crate) struct Begun(pub(crate) Option<Action>);

#[tonic::async_trait]
impl Recorder for Member {
    async fn begin(&self, event: Event, in_cluster: bool) -> Result<Begun, FlowError> {
        Ok(Begun(Some(self.begin_action(event, in_cluster).await?)))
    }

    async fn second(&self, event: &Event, within: Duration) -> Result<Option<String>, FlowError> {
        Self::second(self, event, within).await
    }

    async fn end(&self, begun: Begun, outcome: Outcome) {
        if let Begun(Some(action)) = begun {
            action.end(outcome).await;
        }
    }

    fn note(&self, event: Event) {
        self.record_later(event);
    }
}

/// What is known of a call before it is carried out.
pub(crate) fn event(member_id: u64, stage: Stage, method: Method, audience: Audience, who: Who) -> Event {
    let listener = match audience {
        Audience::Clients => "client",
        Audience::Administrators => "admin",
    };
    Event {
        call: format!("{}/{}", method.service, method.name),
        listener: listener.to_owned(),
        who: Some(who),
        ..Event::new(member_id, stage)
    }
}

/// How a call ended, as far as its response began. What is said of data may tell a value: of that only the code is recorded.
pub(crate) fn outcome(response: &Response, method: Method) -> Outcome {
    let status = Status::from_header_map(response.headers());
    let code = status.as_ref().map_or(Code::Ok, Status::code);
    let tells = !matches!(method.class, RpcClass::DataRead | RpcClass::DataWrite);
    let message = status.filter(|_| tells).map(|status| status.message().to_owned()).unwrap_or_default();
    Outcome { code: name(code).to_owned(), message }
}

/// Which plugin denied a write, and its code; nothing of any other answer. The message stays out: it may quote a value.
pub(crate) fn denial(response: &Response) -> BTreeMap<String, String> {
    let told = |header: &str| Some(response.headers().get(header)?.to_str().ok()?.to_owned());
    let fields = [("denied by", DENIAL_PLUGIN), ("code", DENIAL_CODE)];
    fields.into_iter().filter_map(|(field, header)| Some((field.to_owned(), told(header)?))).collect()
}

/// Whether a call was refused to whoever made it.
pub(crate) fn is_refused(response: &Response) -> bool {
    let code = Status::from_header_map(response.headers()).map(|status| status.code());
    matches!(code, Some(Code::PermissionDenied | Code::Unauthenticated))
}

/// The name of a code, as gRPC's specification writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

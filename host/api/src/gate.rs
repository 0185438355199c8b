//! The gate before every RPC: is there such a call, may this caller make it, how did it end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{Event, Stage};
use auth::{
    Administers, Administrators, Audits, AuthError, BacksUp, Caller, Official,
    RpcClass::{Admin, Backup, DataRead, DataWrite, Oversight, Status as Standing},
    Subject, Warden,
};
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use flow::{FlowError, IdentityLimits, StreamPlace};
use http_body_util::BodyExt as _;
use tonic::{Code, Status};

use crate::ApiError;
use crate::class::{self, CallKind, Method};
use crate::counted::Call;
use crate::credentials;
use crate::deadline;
use crate::leadership::{self, Leadership};
use crate::metrics::CallMetrics;
use crate::record::{self, Message, Recorder, Recording};

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody, but for what the table of classes reserves for an office, whoever holds that; and for data nobody who is an
    /// auditor or an operator of backups.
    Clients,
    /// Whom the table of classes names for the call; administrators alone for data.
    Administrators,
}

/// What the gate decides with.
pub(crate) struct Gate {
    pub(crate) audience: Audience,
    pub(crate) administrators: Arc<Administrators>,
    /// Enforces what users and roles require.
    pub(crate) warden: Warden,
    /// Whether the common name of a certificate names a user.
    pub(crate) common_name_counts: bool,
    pub(crate) leadership: Leadership,
    /// Whether this member is a learner, which does little for clients.
    pub(crate) is_learner: Arc<dyn Fn() -> bool + Send + Sync>,
    /// How long a unary call may take before a warning is logged; zero for any time.
    pub(crate) slow_after: Duration,
    pub(crate) metrics: Arc<CallMetrics>,
    /// Who keeps the audit log, and of which member.
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) member_id: u64,
    /// Whether calls that make a hash of the whole state take an administrator.
    pub(crate) hashes_take_administrator: bool,
    /// How long what takes two administrators waits for the second; `None` where one is enough.
    pub(crate) second_within: Option<Duration>,
    /// How often each caller may ask and how many streams it may have, where that is limited.
    pub(crate) callers: Option<Arc<IdentityLimits>>,
}

impl Gate {
    /// Has a call carried out by `next` if it passes. Whatever is not classified does not.
    pub(crate) async fn guard<F: Future<Output = Response>>(
        &self,
        request: Request,
        next: impl FnOnce(Method, Request) -> F,
    ) -> Response {
        let Some(method) = class::method(request.uri().path()) else { return unknown() };
        let (started, remote) = (Instant::now(), request.extensions().get::<Caller>().and_then(Caller::remote));
        let call = Call::started(method, request.headers(), self.metrics.clone());
        let request = request.map(|body| call.receiving(body));
        let response = self.pass(method, request, next).await.unwrap_or_else(Status::into_http);
        self.warn_if_slow(method, started.elapsed(), remote);
        let (parts, body) = response.into_parts();
        let body = call.answering(body, &parts.headers);
        Response::from_parts(parts, body)
    }

    async fn pass<F: Future<Output = Response>>(
        &self,
        method: Method,
        request: Request,
        next: impl FnOnce(Method, Request) -> F,
    ) -> Result<Response, Status> {
        let caller = credentials::caller(&request, self.common_name_counts);
        let place = self.place(method, &caller)?;
        let response = self.recorded(method, caller, request, next).await?;
        Ok(match place {
            Some(place) => response.map(|body| held(body, place)),
            None => response,
        })
    }

    async fn recorded<F: Future<Output = Response>>(
        &self,
        method: Method,
        caller: Caller,
        request: Request,
        next: impl FnOnce(Method, Request) -> F,
    ) -> Result<Response, Status> {
        let (method, message, mut request) = self.classified(method, request).await?;
        let admitted = self.admit(method, &caller, &mut request).map_err(Status::from);
        let office = admitted.as_ref().ok().and_then(Option::as_deref);
        let event = |stage| {
            record::event(self.member_id, stage, method, self.audience, flow::who(&self.warden, &caller, office))
        };
        let response = match (&admitted, Recording::of(method)) {
            (Ok(_), Recording::Action { in_cluster }) => {
                let (message, request) = match message {
                    Some(message) => (message, request),
                    None => record::split(method, request).await?,
                };
                let event = Event { what: message.shown(method), ..event(Stage::Begun) };
                let event = self.seconded(method, &message, event).await?;
                let begun = self.recorder.begin(event, in_cluster).await.map_err(ApiError::from)?;
                let response = self.call(method, request, next).await;
                self.recorder.end(begun, record::outcome(&response, method)).await;
                return Ok(response);
            }
            (Ok(_), Recording::Refusals | Recording::Afterwards) => self.call(method, request, next).await,
            (Err(error), _) => error.clone().into_http(),
        };
        let stage = match Recording::of(method) {
            _ if record::is_refused(&response) => Stage::Refused,
            Recording::Afterwards => Stage::Called,
            Recording::Refusals | Recording::Action { .. } => return Ok(response),
        };
        let outcome = Some(record::outcome(&response, method));
        self.recorder.note(Event { what: record::denial(&response), outcome, ..event(stage) });
        Ok(response)
    }

    /// What takes two administrators goes on once another one has asked for the same.
    async fn seconded(&self, method: Method, message: &Message, event: Event) -> Result<Event, ApiError> {
        let Some(within) = self.second_within.filter(|_| class::takes_two(method, message)) else { return Ok(event) };
        let mut event = Event { request: message.digest(), ..event };
        let other = self.recorder.second(&event, within).await?.ok_or(ApiError::SecondNeeded { within })?;
        event.what.insert("asked by".to_owned(), other);
        Ok(event)
    }

    /// The method as it is classified here, and the message if that has a say in it.
    async fn classified(&self, method: Method, request: Request) -> Result<(Method, Option<Message>, Request), Status> {
        if class::makes_hash(method) && self.hashes_take_administrator {
            return Ok((class::for_administrators(method), None, request));
        }
        if !class::depends_on_message(method) {
            return Ok((method, None, request));
        }
        let (message, request) = record::split(method, request).await?;
        let changes = message.number("action") != 0;
        Ok((if changes { class::for_administrators(method) } else { method }, Some(message), request))
    }

    /// Leaves the evidence in the request, where the handlers that need it look for it. Gives the name of the official, where the
    /// call takes one.
    fn admit(&self, method: Method, caller: &Caller, request: &mut Request) -> Result<Option<String>, ApiError> {
        check_client_version(request.headers())?;
        if !class::is_for_learners(method) && (self.is_learner)() {
            return Err(FlowError::LearnerRefuses.into());
        }
        self.check_pace(caller)?;
        self.leadership.admit(request.headers())?;
        let (caller, offices) = (caller.clone(), &self.administrators);
        match (method.class, self.audience) {
            (DataRead | DataWrite, Audience::Clients) if offices.confines(&caller) => {
                Err(AuthError::Confined { caller: caller.display_name() }.into())
            }
            (DataRead | DataWrite | Standing, Audience::Clients) => {
                self.enforce(method, caller, request).map(|()| None)
            }
            (Admin | DataRead | DataWrite, _) => {
                self.enforce_for::<Administers>(method, offices.admit(&caller), caller, request)
            }
            (Oversight | Standing, _) => {
                self.enforce_for::<Audits>(method, offices.admit_auditor(&caller), caller, request)
            }
            (Backup, _) => self.enforce_for::<BacksUp>(method, offices.admit_backup_operator(&caller), caller, request),
        }
    }

    /// Administrators are not held up: who asks too often may be what they have to look into.
    fn check_pace(&self, caller: &Caller) -> Result<(), ApiError> {
        let Some(callers) = self.callers.as_ref().filter(|_| self.audience == Audience::Clients) else { return Ok(()) };
        let subject = self.warden.subject(&self.warden.realm(), caller).ok();
        Ok(callers.check(caller, subject.as_ref().and_then(Subject::user))?)
    }

    /// A place for a streaming call; `None` for what does not stream, and for one who may have any number.
    fn place(&self, method: Method, caller: &Caller) -> Result<Option<StreamPlace>, ApiError> {
        let Some(callers) = self.callers.as_ref().filter(|_| method.kind != CallKind::Unary) else { return Ok(None) };
        let subject = self.warden.subject(&self.warden.realm(), caller).ok();
        Ok(callers.stream(caller, subject.as_ref().and_then(Subject::user))?)
    }

    /// What users and roles ask of whoever holds the office that the call takes.
    fn enforce_for<Office: 'static>(
        &self,
        method: Method,
        admitted: Result<Official<Office>, AuthError>,
        caller: Caller,
        request: &mut Request,
    ) -> Result<Option<String>, ApiError> {
        let official = admitted.inspect_err(|error| {
            tracing::warn!(service = method.service, method = method.name, %error, "admin call refused");
        })?;
        let caller = match self.audience {
            // At the admin listener an official needs no user, so that nobody can lock them out.
            Audience::Administrators if !credentials::shows_token(&caller) => caller.as_official(&official),
            Audience::Administrators | Audience::Clients => caller,
        };
        self.enforce(method, caller, request)?;
        let name = official.name().to_owned();
        request.extensions_mut().insert(Arc::new(official));
        Ok(Some(name))
    }

    fn enforce(&self, method: Method, caller: Caller, request: &mut Request) -> Result<(), ApiError> {
        self.warden.enforce(method.requirement, &caller).map_err(AuthError::from)?;
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

impl Gate {
    async fn call<F: Future<Output = Response>>(
        &self,
        method: Method,
        request: Request,
        next: impl FnOnce(Method, Request) -> F,
    ) -> Response {
        let needs_leader = method.kind != CallKind::Unary && leadership::is_required(request.headers());
        let deadline = deadline::of_request(request.headers());
        let response = match deadline {
            Some(deadline) => match tokio::time::timeout(deadline, next(method, request)).await {
                Ok(response) => response,
                Err(_) => return Status::from(ApiError::DeadlineExceeded).into_http(),
            },
            None => next(method, request).await,
        };
        let response = with_etcds_size_error(response);
        if needs_leader { response.map(|body| self.leadership.bound(body)) } else { response }
    }
}

impl Gate {
    /// etcd's message. What was asked for is not logged: it may hold values.
    fn warn_if_slow(&self, method: Method, took: Duration, remote: Option<SocketAddr>) {
        if method.kind == CallKind::Unary && !self.slow_after.is_zero() && took > self.slow_after {
            let (response_type, remote) =
                (format!("/{}/{}", method.service, method.name), remote.map(|at| at.to_string()));
            tracing::warn!("time spent" = ?took, remote, "response type" = response_type, "request stats");
        }
    }
}

/// A body that holds a place for as long as it is sent, however that ends.
fn held(body: Body, place: StreamPlace) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _held = &place;
        frame
    }))
}

/// Client libraries tell their version; etcd refuses one that is no text.
fn check_client_version(headers: &HeaderMap) -> Result<(), ApiError> {
    let version = headers.get("client-api-version").map(|version| std::str::from_utf8(version.as_bytes()));
    if let Some(Err(_)) = version { Err(ApiError::BadClientVersion) } else { Ok(()) }
}

/// The answer to a call of no service.
pub(crate) fn unknown() -> Response {
    Status::from(ApiError::Unserved("there is no such service or method")).into_http()
}

/// tonic refuses a message over the limit with a code and a text of its own; etcd's clients know those of Go's gRPC.
fn with_etcds_size_error(response: Response) -> Response {
    const TONICS: &str = "Error, decoded message length too large: found ";
    // A call that did not fail has its status in the trailers, and costs nothing here.
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() != Code::OutOfRange || !status.message().starts_with(TONICS) {
        return response;
    }
    let mut numbers = status.message().split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let (found, limit) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    Status::resource_exhausted(format!("grpc: received message larger than max ({found} vs. {limit})")).into_http()
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;

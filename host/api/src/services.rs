//! The gRPC services of a listener behind their gate, and all that the listener serves.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use flow::Member;
use proto::etcdserverpb::kv_server::KvServer;
use tower::{Service as _, ServiceExt as _};

use crate::class::{self, Method};
use crate::credentials;
use crate::front;
use crate::gate::Gate;
use crate::kv::KvDoor;

/// The services themselves. Whoever calls them has passed a gate.
#[derive(Clone)]
pub(crate) struct Services {
    /// The one that nearly all calls are for, without a way through a router's tables and boxes.
    pub(crate) kv: KvServer<KvDoor>,
    pub(crate) others: Router,
}

impl Services {
    async fn call(&self, method: Method, request: Request) -> Response {
        let answered = match method.service {
            class::KV => self.kv.clone().call(request).await.map(|response| response.map(Body::new)),
            _ => self.others.clone().oneshot(request).await,
        };
        answered.unwrap_or_else(|never| match never {})
    }
}

/// Services and the gate before them.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) gate: Arc<Gate>,
    pub(crate) services: Services,
    /// Who knows which tokens are good.
    pub(crate) member: Member,
}

impl Guarded {
    /// Answers a call, whether there is such a call or not.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        credentials::look_up(&self.member, request.headers()).await;
        self.gate.guard(request, |method, request| self.services.call(method, request)).await
    }

    /// The same for whoever calls by way of a router.
    pub(crate) fn router(&self) -> Router {
        async fn answer(State(guarded): State<Guarded>, request: Request) -> Response {
            guarded.answer(request).await
        }
        Router::new().fallback(answer).with_state(self.clone())
    }
}

/// What one listener serves, for [`crate::serve`].
#[derive(Clone)]
pub struct Routes {
    calls: Option<Guarded>,
    pages: Router,
}

impl Routes {
    pub(crate) fn new(calls: Guarded, pages: Router) -> Self {
        Self { calls: Some(calls), pages }
    }

    pub(crate) async fn answer(&self, request: Request) -> Response {
        match self.calls.as_ref().filter(|_| front::is_call(&request)) {
            Some(calls) => calls.answer(request).await,
            // Apart: a call is not to carry along what pages take.
            None => Box::pin(self.pages.clone().oneshot(request)).await.unwrap_or_else(|never| match never {}),
        }
    }
}

/// Pages alone.
impl From<Router> for Routes {
    fn from(pages: Router) -> Self {
        Self { calls: None, pages }
    }
}

//! The peer listener: what members say to each other, and the pages once the member is there.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tower::ServiceExt as _;

use crate::doors::Doors;
use crate::front;

/// The pages of the peer listener. It is served before there is a member: only with the others does it become one.
#[derive(Clone, Default)]
pub struct PeerPages {
    pages: Arc<OnceLock<Router>>,
}

impl PeerPages {
    /// The routes of the listener: `peers`, and behind them the pages.
    pub fn behind(&self, peers: Router) -> Router {
        peers.fallback_service(Router::new().fallback(show).with_state(self.clone()))
    }

    /// From now on the pages are those of a member.
    pub fn open(&self, doors: &Doors) {
        // A second member has no say: the first one's pages are served.
        let _ = self.pages.set(doors.peer_routes());
    }
}

async fn show(State(pages): State<PeerPages>, request: Request) -> Response {
    match pages.pages.get() {
        Some(pages) => pages.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => front::plain(StatusCode::SERVICE_UNAVAILABLE, "the member is starting"),
    }
}

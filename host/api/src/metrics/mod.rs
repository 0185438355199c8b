//! What the doors count, and the page that shows what everybody counts.
//!
//! No label ever holds a key, a value or a name that a client chose: methods come from the table of classes, codes from
//! gRPC, and versions of clients are taken only in the form of a version, and only so many.

mod calls;
mod member;
mod probes;
mod process;

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use flow::Member;
use meters::{CONTENT_TYPE, Registry};

pub(crate) use calls::{CallMetrics, MessageCounter};
pub(crate) use probes::ProbeMetrics;

use member::MemberMetrics;
use process::ProcessMetrics;

/// The registry of a member and the families of this crate. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    pub(crate) calls: Arc<CallMetrics>,
    pub(crate) probes: ProbeMetrics,
    member: MemberMetrics,
    process: ProcessMetrics,
}

impl Metrics {
    /// A registry that holds the families of the doors. With `extensive`, also how long calls take (`--metrics`).
    #[must_use]
    pub fn new(extensive: bool) -> Self {
        let registry = Registry::default();
        Self {
            calls: CallMetrics::registered_in(&registry, extensive),
            probes: ProbeMetrics::registered_in(&registry),
            member: MemberMetrics::registered_in(&registry),
            process: ProcessMetrics::registered_in(&registry),
            registry,
        }
    }

    /// Where the other owners register what they measure.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The page, with what is only known by asking as it is now.
    pub(crate) fn page(&self, member: &Member) -> Response {
        self.member.read(member);
        self.process.read();
        match self.registry.page() {
            Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

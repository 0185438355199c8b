//! The audit log.

use std::pin::Pin;

use audit::Subscription;
use auth::Audits;
use bytes::Bytes;
use flow::{AuditEnd, Member};
use futures::{Stream, stream};
use proto::admin::{EndRequest, EndResponse, TailRequest, TailResponse, audit_server::Audit};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::Answer;
use crate::ApiError;
use crate::request::administered;

/// Lines that are sent together.
const LINES: usize = 256;

pub(crate) struct AuditDoor {
    pub(crate) member: Member,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Audit for AuditDoor {
    type TailStream = Pin<Box<dyn Stream<Item = Result<TailResponse, Status>> + Send>>;

    async fn tail(&self, request: Request<TailRequest>) -> Answer<Self::TailStream> {
        let (auditor, TailRequest { last, follow }) = administered::<Audits, _>(request)?;
        let lines = self.member.audit_tail(&auditor, last as usize).await.map_err(ApiError::from)?;
        let tail = Tail { lines, follow, shutdown: self.shutdown.clone() };
        Ok(Response::new(Box::pin(stream::unfold(tail, Tail::next))))
    }

    async fn end(&self, request: Request<EndRequest>) -> Answer<EndResponse> {
        let (auditor, _) = administered::<Audits, _>(request)?;
        let AuditEnd { line, cluster } = self.member.audit_end(&auditor);
        let bytes = |hash: audit::Hash| Bytes::copy_from_slice(hash.bytes());
        let (seq, hash) = (line.0, bytes(line.1));
        Ok(Response::new(EndResponse { seq, hash, cluster_seq: cluster.0, cluster_hash: bytes(cluster.1) }))
    }
}

struct Tail {
    lines: Subscription,
    follow: bool,
    shutdown: CancellationToken,
}

impl Tail {
    async fn next(mut self) -> Option<(Result<TailResponse, Status>, Self)> {
        let mut lines: Vec<_> = std::iter::from_fn(|| self.lines.old()).take(LINES).collect();
        if lines.is_empty() {
            let more = if self.follow { self.shutdown.run_until_cancelled(self.lines.next()).await } else { None };
            lines.push(more.flatten()?);
        }
        Some((Ok(TailResponse { lines }), self))
    }
}

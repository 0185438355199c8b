//! The lease service.

use std::pin::Pin;

use auth::Caller;
use flow::{FlowError, Member};
use futures::stream::{self, BoxStream, StreamExt as _};
use proto::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse, lease_server::Lease,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Request, Response, Status, Streaming};
use types::LEASE_TTL_SECONDS_MAX;

use crate::request::opened;
use crate::{ApiError, header, status};

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct LeaseDoor {
    pub(crate) member: Member,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Lease for LeaseDoor {
    /// A time to live below the least one is raised to it by the member, as etcd does, zero and less included.
    async fn lease_grant(&self, request: Request<LeaseGrantRequest>) -> Answer<LeaseGrantResponse> {
        let (caller, request) = opened(request);
        if request.ttl > LEASE_TTL_SECONDS_MAX {
            return Err(status::of_flow(&FlowError::LeaseTtlTooLarge));
        }
        let granted = self.member.lease_grant(&caller, request.id, request.ttl).await.map_err(ApiError::from)?;
        let header = header::full(granted.header);
        let (id, ttl) = (granted.body.id, granted.body.ttl);
        Ok(Response::new(LeaseGrantResponse { header, id, ttl, error: String::new() }))
    }

    async fn lease_revoke(&self, request: Request<LeaseRevokeRequest>) -> Answer<LeaseRevokeResponse> {
        let (caller, request) = opened(request);
        let revoked = self.member.lease_revoke(&caller, request.id).await.map_err(ApiError::from)?;
        Ok(Response::new(LeaseRevokeResponse { header: header::full(revoked) }))
    }

    type LeaseKeepAliveStream = BoxStream<'static, Result<LeaseKeepAliveResponse, Status>>;

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Answer<Self::LeaseKeepAliveStream> {
        let (caller, requests) = opened(request);
        let shutdown = Box::pin(self.shutdown.clone().cancelled_owned());
        let keeper = Box::new(Keeper { member: self.member.clone(), caller, shutdown, requests });
        let answers =
            stream::try_unfold(keeper, async |mut keeper| Ok(keeper.next().await?.map(|answer| (answer, keeper))));
        Ok(Response::new(answers.boxed()))
    }

    async fn lease_time_to_live(&self, request: Request<LeaseTimeToLiveRequest>) -> Answer<LeaseTimeToLiveResponse> {
        let (caller, request) = opened(request);
        let reply = self.member.lease_time_to_live(&caller, request.id, request.keys).await.map_err(ApiError::from)?;
        let (header, info) = (header::full(reply.header), reply.body);
        Ok(Response::new(LeaseTimeToLiveResponse {
            header,
            id: info.id,
            ttl: info.ttl,
            granted_ttl: info.granted_ttl,
            keys: info.keys,
        }))
    }

    async fn lease_leases(&self, request: Request<LeaseLeasesRequest>) -> Answer<LeaseLeasesResponse> {
        let (caller, _) = opened(request);
        let reply = self.member.leases(&caller).await.map_err(ApiError::from)?;
        let leases = reply.body.into_iter().map(|id| LeaseStatus { id }).collect();
        Ok(Response::new(LeaseLeasesResponse { header: header::full(reply.header), leases }))
    }
}

/// One keep-alive stream: one request, one answer, in order.
struct Keeper {
    member: Member,
    caller: Caller,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    requests: Streaming<LeaseKeepAliveRequest>,
}

impl Keeper {
    async fn next(&mut self) -> Result<Option<LeaseKeepAliveResponse>, Status> {
        let request = tokio::select! {
            request = self.requests.message() => request?,
            () = &mut self.shutdown => return Err(status::of_flow(&FlowError::Stopped)),
        };
        let Some(request) = request else { return Ok(None) };
        self.keep(request.id).await.map(Some)
    }

    /// The header is taken before the lease is kept alive, as in etcd: otherwise a client could see the lease alive at
    /// a revision at which it was already revoked.
    async fn keep(&self, id: i64) -> Result<LeaseKeepAliveResponse, Status> {
        let header = header::full(self.member.header());
        let ttl = match self.member.lease_keep_alive(&self.caller, id).await {
            Ok(reply) => reply.body,
            Err(FlowError::LeaseNotFound) => 0,
            Err(error) => return Err(status::of_flow(&error)),
        };
        Ok(LeaseKeepAliveResponse { header, id, ttl })
    }
}

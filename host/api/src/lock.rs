//! The lock service.

use flow::Member;
use proto::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse, lock_server::Lock};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::request::{check_size, opened, unless_stopped};
use crate::{header, status};

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct LockDoor {
    pub(crate) member: Member,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Lock for LockDoor {
    async fn lock(&self, request: Request<LockRequest>) -> Answer<LockResponse> {
        let (caller, request) = opened(request);
        check_size(&request, &self.member).map_err(status::through_client)?;
        let locking = self.member.lock(&caller, &request.name, request.lease);
        let locked = Box::pin(unless_stopped(&self.shutdown, locking)).await.map_err(status::through_client)?;
        Ok(Response::new(LockResponse { header: header::full(locked.header), key: locked.body }))
    }

    async fn unlock(&self, request: Request<UnlockRequest>) -> Answer<UnlockResponse> {
        let (caller, request) = opened(request);
        let header = self.member.unlock(&caller, request.key).await.map_err(status::through_client)?;
        Ok(Response::new(UnlockResponse { header: header::full(header) }))
    }
}

//! gRPC's own health service, for load balancers. As in etcd it says that the server as a whole (the empty name) serves,
//! which is so whenever it answers; the pages of `health.rs` say how the member is.

use std::collections::HashMap;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use proto::health::health_check_response::ServingStatus;
use proto::health::health_server::Health;
use proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::ApiError;

/// The name that stands for all services.
const ALL_SERVICES: &str = "";

/// The door.
pub(crate) struct ServingDoor {
    pub(crate) shutdown: CancellationToken,
}

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for ServingDoor {
    type WatchStream = Answers;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if request.into_inner().service != ALL_SERVICES {
            return Err(ApiError::UnknownService.into());
        }
        Ok(Response::new(answer(ServingStatus::Serving)))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        let statuses = HashMap::from([(ALL_SERVICES.to_owned(), answer(ServingStatus::Serving))]);
        Ok(Response::new(HealthListResponse { statuses }))
    }

    /// What is asked for does not change while the member runs: one answer, and then the stream stays open.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Answers>, Status> {
        let known = request.into_inner().service == ALL_SERVICES;
        let status = if known { ServingStatus::Serving } else { ServingStatus::ServiceUnknown };
        let first = futures::stream::once(async move { Ok(answer(status)) });
        let open = first.chain(futures::stream::pending()).take_until(self.shutdown.clone().cancelled_owned());
        Ok(Response::new(Box::pin(open)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn asking(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: service.to_owned() })
    }

    #[tokio::test]
    async fn the_server_serves_and_other_names_are_unknown() {
        let door = ServingDoor { shutdown: CancellationToken::new() };
        assert_eq!(door.check(asking("")).await.unwrap().into_inner().status(), ServingStatus::Serving);
        let unknown = door.check(asking("etcdserverpb.KV")).await.unwrap_err();
        assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "unknown service"));
        assert_eq!(door.list(Request::new(HealthListRequest {})).await.unwrap().into_inner().statuses.len(), 1);
    }

    #[tokio::test]
    async fn a_watch_answers_once_and_ends_at_shutdown() {
        let door = ServingDoor { shutdown: CancellationToken::new() };
        let mut watch = door.watch(asking("other")).await.unwrap().into_inner();
        assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
        door.shutdown.cancel();
        assert!(watch.next().await.is_none());
    }
}

//! The election service.

use std::pin::Pin;

use flow::{LeaderKey, Member, Observer};
use futures::{Stream, stream};
use proto::v3electionpb::{
    self as wire, CampaignRequest, CampaignResponse, LeaderRequest, LeaderResponse, ProclaimRequest, ProclaimResponse,
    ResignRequest, ResignResponse, election_server::Election,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::request::{check_size, opened, unless_stopped};
use crate::{ApiError, convert, header, status};

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct ElectionDoor {
    pub(crate) member: Member,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Election for ElectionDoor {
    async fn campaign(&self, request: Request<CampaignRequest>) -> Answer<CampaignResponse> {
        let (caller, request) = opened(request);
        check_size(&request, &self.member).map_err(status::through_client)?;
        let campaign = self.member.campaign(&caller, request.name, request.lease, request.value.into());
        let elected = Box::pin(unless_stopped(&self.shutdown, campaign)).await.map_err(status::through_client)?;
        let LeaderKey { name, key, revision, lease } = elected.body;
        let leader = Some(wire::LeaderKey { name, key, rev: revision, lease });
        Ok(Response::new(CampaignResponse { header: header::full(elected.header), leader }))
    }

    async fn proclaim(&self, request: Request<ProclaimRequest>) -> Answer<ProclaimResponse> {
        let (caller, request) = opened(request);
        check_size(&request, &self.member).map_err(status::through_client)?;
        let leader = leader_key(request.leader)?;
        let proclaimed = self.member.proclaim(&caller, &leader, request.value.into()).await;
        Ok(Response::new(ProclaimResponse { header: header::full(proclaimed.map_err(status::through_client)?) }))
    }

    async fn leader(&self, request: Request<LeaderRequest>) -> Answer<LeaderResponse> {
        let (caller, request) = opened(request);
        let found = self.member.leader(&caller, &request.name).await.map_err(status::through_client)?;
        let kv = Some(convert::key_value(found.body));
        Ok(Response::new(LeaderResponse { header: header::full(found.header), kv }))
    }

    type ObserveStream = Pin<Box<dyn Stream<Item = Result<LeaderResponse, Status>> + Send>>;

    async fn observe(&self, request: Request<LeaderRequest>) -> Answer<Self::ObserveStream> {
        let (caller, request) = opened(request);
        let observing = (self.member.observe(&caller, &request.name), self.shutdown.clone());
        Ok(Response::new(Box::pin(stream::try_unfold(observing, observed))))
    }

    async fn resign(&self, request: Request<ResignRequest>) -> Answer<ResignResponse> {
        let (caller, request) = opened(request);
        let leader = leader_key(request.leader)?;
        let resigned = self.member.resign(&caller, &leader).await.map_err(status::through_client)?;
        Ok(Response::new(ResignResponse { header: header::full(resigned) }))
    }
}

type Observing = (Observer, CancellationToken);

async fn observed((mut observer, shutdown): Observing) -> Result<Option<(LeaderResponse, Observing)>, Status> {
    let next = unless_stopped(&shutdown, async { Ok(observer.next().await) });
    let Some(observed) = next.await.map_err(status::through_client)? else { return Ok(None) };
    let response =
        LeaderResponse { header: header::full(observed.header), kv: Some(convert::key_value(observed.body)) };
    Ok(Some((response, (observer, shutdown))))
}

fn leader_key(leader: Option<wire::LeaderKey>) -> Result<LeaderKey, ApiError> {
    let wire::LeaderKey { name, key, rev: revision, lease } = leader.ok_or(ApiError::MissingLeader)?;
    Ok(LeaderKey { name, key, revision, lease })
}

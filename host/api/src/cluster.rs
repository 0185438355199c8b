//! The cluster service.

use flow::{Member, MemberInfo};
use proto::etcdserverpb::{self as wire, MemberListRequest, MemberListResponse, cluster_server::Cluster};
use tonic::{Request, Response, Status};

use crate::request::administered;
use crate::{ApiError, header};

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct ClusterDoor {
    pub(crate) member: Member,
}

#[tonic::async_trait]
impl Cluster for ClusterDoor {
    async fn member_add(&self, request: Request<wire::MemberAddRequest>) -> Answer<wire::MemberAddResponse> {
        let (administrator, request) = administered(request)?;
        let Err(refused) = self.member.member_add(&administrator, &request.peer_ur_ls).await;
        Err(ApiError::from(refused).into())
    }

    async fn member_remove(&self, request: Request<wire::MemberRemoveRequest>) -> Answer<wire::MemberRemoveResponse> {
        let (administrator, request) = administered(request)?;
        let Err(refused) = self.member.member_remove(&administrator, request.id).await;
        Err(ApiError::from(refused).into())
    }

    async fn member_update(&self, request: Request<wire::MemberUpdateRequest>) -> Answer<wire::MemberUpdateResponse> {
        let (administrator, request) = administered(request)?;
        let updated = self.member.member_update(&administrator, request.id, request.peer_ur_ls).await;
        let reply = updated.map_err(ApiError::from)?;
        let members = reply.body.into_iter().map(member).collect();
        Ok(Response::new(wire::MemberUpdateResponse { header: header::without_revision(reply.header), members }))
    }

    async fn member_list(&self, request: Request<MemberListRequest>) -> Answer<MemberListResponse> {
        let linearizable = request.into_inner().linearizable;
        let reply = self.member.members(linearizable).await.map_err(ApiError::from)?;
        let members = reply.body.into_iter().map(member).collect();
        Ok(Response::new(MemberListResponse { header: header::without_revision(reply.header), members }))
    }

    async fn member_promote(
        &self,
        request: Request<wire::MemberPromoteRequest>,
    ) -> Answer<wire::MemberPromoteResponse> {
        let (administrator, request) = administered(request)?;
        let Err(refused) = self.member.member_promote(&administrator, request.id).await;
        Err(ApiError::from(refused).into())
    }
}

fn member(info: MemberInfo) -> wire::Member {
    wire::Member {
        id: info.id,
        name: info.name,
        peer_ur_ls: info.peer_urls,
        client_ur_ls: info.client_urls,
        is_learner: info.is_learner,
    }
}

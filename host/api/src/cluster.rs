//! The cluster service.

use flow::{Member, MemberInfo, Reply};
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
        let added = self.member.member_add(&administrator, &request.peer_ur_ls, request.is_learner).await;
        let Reply { header, body } = added.map_err(ApiError::from)?;
        let (header, members) = (header::without_revision(header), members(body.members));
        Ok(Response::new(wire::MemberAddResponse { header, member: Some(member(body.member)), members }))
    }

    async fn member_remove(&self, request: Request<wire::MemberRemoveRequest>) -> Answer<wire::MemberRemoveResponse> {
        let (administrator, request) = administered(request)?;
        let removed = self.member.member_remove(&administrator, request.id).await;
        let Reply { header, body } = removed.map_err(ApiError::from)?;
        let (header, members) = (header::without_revision(header), members(body));
        Ok(Response::new(wire::MemberRemoveResponse { header, members }))
    }

    async fn member_update(&self, request: Request<wire::MemberUpdateRequest>) -> Answer<wire::MemberUpdateResponse> {
        let (administrator, request) = administered(request)?;
        let updated = self.member.member_update(&administrator, request.id, request.peer_ur_ls).await;
        let Reply { header, body } = updated.map_err(ApiError::from)?;
        let (header, members) = (header::without_revision(header), members(body));
        Ok(Response::new(wire::MemberUpdateResponse { header, members }))
    }

    async fn member_list(&self, request: Request<MemberListRequest>) -> Answer<MemberListResponse> {
        let linearizable = request.into_inner().linearizable;
        let Reply { header, body } = self.member.members(linearizable).await.map_err(ApiError::from)?;
        let (header, members) = (header::without_revision(header), members(body));
        Ok(Response::new(MemberListResponse { header, members }))
    }

    async fn member_promote(
        &self,
        request: Request<wire::MemberPromoteRequest>,
    ) -> Answer<wire::MemberPromoteResponse> {
        let (administrator, request) = administered(request)?;
        let promoted = self.member.member_promote(&administrator, request.id).await;
        let Reply { header, body } = promoted.map_err(ApiError::from)?;
        let (header, members) = (header::without_revision(header), members(body));
        Ok(Response::new(wire::MemberPromoteResponse { header, members }))
    }
}

fn members(infos: Vec<MemberInfo>) -> Vec<wire::Member> {
    infos.into_iter().map(member).collect()
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

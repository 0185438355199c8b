//! The cluster service.

use flow::{Member, MemberInfo};
use proto::etcdserverpb::{self as wire, MemberListRequest, MemberListResponse, cluster_server::Cluster};
use tonic::{Request, Response, Status};

use crate::{ApiError, header, unserved};

type Answer<T> = Result<Response<T>, Status>;

const FIXED_MEMBERS: &str = "the members of a cluster cannot be changed yet";

pub(crate) struct ClusterDoor {
    pub(crate) member: Member,
}

#[tonic::async_trait]
impl Cluster for ClusterDoor {
    async fn member_add(&self, _: Request<wire::MemberAddRequest>) -> Answer<wire::MemberAddResponse> {
        unserved::call(FIXED_MEMBERS)
    }

    async fn member_remove(&self, _: Request<wire::MemberRemoveRequest>) -> Answer<wire::MemberRemoveResponse> {
        unserved::call(FIXED_MEMBERS)
    }

    async fn member_update(&self, _: Request<wire::MemberUpdateRequest>) -> Answer<wire::MemberUpdateResponse> {
        unserved::call(FIXED_MEMBERS)
    }

    async fn member_list(&self, request: Request<MemberListRequest>) -> Answer<MemberListResponse> {
        let linearizable = request.into_inner().linearizable;
        let reply = self.member.members(linearizable).await.map_err(ApiError::from)?;
        let members = reply.body.into_iter().map(member).collect();
        Ok(Response::new(MemberListResponse { header: header::without_revision(reply.header), members }))
    }

    async fn member_promote(&self, _: Request<wire::MemberPromoteRequest>) -> Answer<wire::MemberPromoteResponse> {
        unserved::call(FIXED_MEMBERS)
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

//! The maintenance service.

use std::sync::Arc;

use auth::Administrators;
use flow::Member;
use proto::etcdserverpb::{
    self as wire, AlarmMember, AlarmRequest, AlarmResponse, AlarmType, DowngradeInfo, HashKvRequest, HashKvResponse,
    HashRequest, HashResponse, StatusRequest, StatusResponse, alarm_request::AlarmAction,
    maintenance_server::Maintenance,
};
use tonic::{Request, Response, Status};

use crate::request::opened;
use crate::{ApiError, header, unserved};

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct MaintenanceDoor {
    pub(crate) member: Member,
    pub(crate) administrators: Arc<Administrators>,
}

#[tonic::async_trait]
impl Maintenance for MaintenanceDoor {
    /// Reading alarms is open to everybody, changing them is for administrators; the table of classes cannot tell them
    /// apart.
    async fn alarm(&self, request: Request<AlarmRequest>) -> Answer<AlarmResponse> {
        let (caller, request) = opened(request);
        if request.action != i32::from(AlarmAction::Get) {
            self.administrators.admit(&caller).map_err(ApiError::from)?;
            return unserved::call("alarms cannot be raised or cleared by hand yet");
        }
        let reply = self.member.alarms();
        // As in etcd, the kind of alarm selects and the member does not.
        let wanted = |alarm| request.alarm == i32::from(AlarmType::None) || request.alarm == alarm;
        let alarms = reply.body.into_iter().filter(|(_, alarm)| wanted(*alarm));
        let alarms = alarms.map(|(member_id, alarm)| AlarmMember { member_id, alarm }).collect();
        Ok(Response::new(AlarmResponse { header: header::full(reply.header), alarms }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Answer<StatusResponse> {
        let reply = self.member.status();
        let info = reply.body;
        Ok(Response::new(StatusResponse {
            header: header::full(reply.header),
            version: info.version,
            db_size: info.db_size,
            leader: info.leader,
            raft_index: info.raft_index,
            raft_term: info.raft_term,
            raft_applied_index: info.raft_applied_index,
            errors: info.errors,
            db_size_in_use: info.db_size_in_use,
            is_learner: info.is_learner,
            storage_version: info.storage_version,
            db_size_quota: info.db_size_quota,
            downgrade_info: Some(DowngradeInfo::default()),
        }))
    }

    async fn defragment(&self, _: Request<wire::DefragmentRequest>) -> Answer<wire::DefragmentResponse> {
        unserved::call("there is nothing to defragment: the store gives space back by itself")
    }

    async fn hash(&self, _: Request<HashRequest>) -> Answer<HashResponse> {
        let reply = self.member.hash().await.map_err(ApiError::from)?;
        Ok(Response::new(HashResponse { header: header::full(reply.header), hash: reply.body }))
    }

    async fn hash_kv(&self, request: Request<HashKvRequest>) -> Answer<HashKvResponse> {
        let revision = request.into_inner().revision;
        let reply = self.member.hash_kv(revision).await.map_err(ApiError::from)?;
        let (header, hashed) = (header::full(reply.header), reply.body);
        Ok(Response::new(HashKvResponse {
            header,
            hash: hashed.hash,
            compact_revision: hashed.compact_revision,
            hash_revision: hashed.hash_revision,
        }))
    }

    type SnapshotStream = unserved::NoStream<wire::SnapshotResponse>;

    async fn snapshot(&self, _: Request<wire::SnapshotRequest>) -> Answer<Self::SnapshotStream> {
        unserved::stream("snapshots are not served yet")
    }

    async fn move_leader(&self, _: Request<wire::MoveLeaderRequest>) -> Answer<wire::MoveLeaderResponse> {
        unserved::call("leadership cannot be moved by hand yet")
    }

    async fn downgrade(&self, _: Request<wire::DowngradeRequest>) -> Answer<wire::DowngradeResponse> {
        unserved::call("there is no older version to downgrade to")
    }
}

//! The maintenance service.

use std::pin::Pin;

use auth::{AuthError, Requirement};
use flow::{Alarm, Member, Reply, Snapshot, SnapshotPiece, SnapshotStart};
use futures::{Stream, stream};
use proto::etcdserverpb::{
    self as wire, AlarmMember, AlarmRequest, AlarmResponse, DowngradeInfo, HashKvRequest, HashKvResponse, HashRequest,
    HashResponse, StatusRequest, StatusResponse, alarm_request::AlarmAction, downgrade_request::DowngradeAction,
    maintenance_server::Maintenance,
};
use tokio_util::sync::CancellationToken;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Request, Response, Status};

use crate::request::{administered, opened, unless_stopped};
use crate::{ApiError, header};

/// The metadata in which a client that wants to be able to go on with a snapshot says what it has of it: `new`, or id and bytes, as in
/// `4f...@65536`.
pub const SNAPSHOT_RESUME: &str = "strongroom-snapshot-resume";

/// The metadata in which it is told the id.
pub const SNAPSHOT_ID: &str = "strongroom-snapshot-id";

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct MaintenanceDoor {
    pub(crate) member: Member,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Maintenance for MaintenanceDoor {
    /// Reading alarms is open to everybody, changing them is for administrators, as the gate sees to.
    async fn alarm(&self, request: Request<AlarmRequest>) -> Answer<AlarmResponse> {
        let action = request.get_ref().action;
        let action = AlarmAction::try_from(action).map_err(|_| ApiError::UnknownAction(action))?;
        let reply = if action == AlarmAction::Get {
            let (caller, request) = opened(request);
            self.member
                .warden()
                .enforce(Requirement::User, &caller)
                .map_err(AuthError::from)
                .map_err(ApiError::from)?;
            self.member.alarms_of(request.alarm).await.map_err(ApiError::from)?
        } else {
            let (administrator, request) = administered(request)?;
            let alarm = Alarm { kind: request.alarm, member_id: request.member_id };
            let set = self.member.alarm_set(&administrator, action == AlarmAction::Activate, alarm).await;
            let Reply { header, body } = set.map_err(ApiError::from)?;
            Reply { header, body: body.into_iter().collect() }
        };
        let alarms = reply.body.into_iter().map(|alarm| AlarmMember { member_id: alarm.member_id, alarm: alarm.kind });
        Ok(Response::new(AlarmResponse { header: header::full(reply.header), alarms: alarms.collect() }))
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
            downgrade_info: Some(DowngradeInfo {
                enabled: info.downgrade_target.is_some(),
                target_version: info.downgrade_target.unwrap_or_default(),
            }),
        }))
    }

    async fn defragment(&self, request: Request<wire::DefragmentRequest>) -> Answer<wire::DefragmentResponse> {
        let (administrator, _) = administered(request)?;
        self.member.defragment(&administrator).await.map_err(ApiError::from)?;
        Ok(Response::new(wire::DefragmentResponse::default()))
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

    type SnapshotStream = Pin<Box<dyn Stream<Item = Result<wire::SnapshotResponse, Status>> + Send>>;

    async fn snapshot(&self, request: Request<wire::SnapshotRequest>) -> Answer<Self::SnapshotStream> {
        let start = start_of(request.metadata())?;
        let (administrator, _) = administered(request)?;
        let snapshot = self.member.snapshot(&administrator, start).await.map_err(ApiError::from)?;
        let id = snapshot.id.as_ref().and_then(|id| AsciiMetadataValue::try_from(id).ok());
        let sending = Sending { snapshot, shutdown: self.shutdown.clone() };
        let stream: Self::SnapshotStream = Box::pin(stream::try_unfold(sending, Sending::next));
        let mut answer = Response::new(stream);
        if let Some(id) = id {
            answer.metadata_mut().insert(SNAPSHOT_ID, id);
        }
        Ok(answer)
    }

    async fn move_leader(&self, request: Request<wire::MoveLeaderRequest>) -> Answer<wire::MoveLeaderResponse> {
        let (administrator, request) = administered(request)?;
        self.member.move_leader(&administrator, request.target_id).await.map_err(ApiError::from)?;
        Ok(Response::new(wire::MoveLeaderResponse::default()))
    }

    async fn downgrade(&self, request: Request<wire::DowngradeRequest>) -> Answer<wire::DowngradeResponse> {
        let (administrator, request) = administered(request)?;
        let done = match DowngradeAction::try_from(request.action).map_err(|_| ApiError::UnknownMethod)? {
            DowngradeAction::Validate => self.member.downgrade_validate(&administrator, &request.version).await,
            DowngradeAction::Enable => self.member.downgrade_enable(&administrator, &request.version).await,
            DowngradeAction::Cancel => self.member.downgrade_cancel(&administrator).await,
        };
        let reply = done.map_err(ApiError::from)?;
        Ok(Response::new(wire::DowngradeResponse { header: header::full(reply.header), version: reply.body }))
    }
}

fn start_of(metadata: &MetadataMap) -> Result<SnapshotStart, ApiError> {
    let Some(asked) = metadata.get(SNAPSHOT_RESUME) else { return Ok(SnapshotStart::Once) };
    let asked = asked.to_str().map_err(|_| ApiError::UnknownResume)?;
    if asked == "new" {
        return Ok(SnapshotStart::Resumable);
    }
    let (id, offset) = asked.split_once('@').ok_or(ApiError::UnknownResume)?;
    let offset = offset.parse().map_err(|_| ApiError::UnknownResume)?;
    Ok(SnapshotStart::Resume { id: id.to_owned(), offset })
}

/// A snapshot on its way to a client.
struct Sending {
    snapshot: Snapshot,
    shutdown: CancellationToken,
}

impl Sending {
    async fn next(mut self) -> Result<Option<(wire::SnapshotResponse, Self)>, Status> {
        let next = async { self.snapshot.pieces.recv().await.transpose() };
        let piece = unless_stopped(&self.shutdown, next).await.map_err(ApiError::from)?;
        let Some(SnapshotPiece { remaining_bytes, blob }) = piece else { return Ok(None) };
        let version = self.snapshot.version.clone();
        Ok(Some((wire::SnapshotResponse { header: None, remaining_bytes, blob, version }, self)))
    }
}

//! The keys that seal values.

use std::time::Duration;

use flow::{DataKeyInfo, KeyStatus, Member};
use proto::admin::{
    DataKey, KeyStatusRequest, KeyStatusResponse, RecoverRequest, RecoverResponse, Residue, RotateRequest,
    RotateResponse, SettleRequest, SettleResponse, ShredRequest, ShredResponse, WrappedRequest, WrappedResponse,
    keys_server::Keys,
};
use tonic::{Request, Response};
use types::Plain;

use super::{Answer, log, shown};
use crate::ApiError;
use crate::request::administered;

/// Longest wait for values to be sealed anew: within what a client waits for an answer. It may ask again.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) struct KeysDoor {
    pub(crate) member: Member,
}

#[tonic::async_trait]
impl Keys for KeysDoor {
    async fn status(&self, request: Request<KeyStatusRequest>) -> Answer<KeyStatusResponse> {
        let (administrator, _) = administered(request)?;
        let status = self.member.key_status(&administrator).await.map_err(ApiError::from)?;
        Ok(Response::new(key_status(status)))
    }

    async fn rotate(&self, request: Request<RotateRequest>) -> Answer<RotateResponse> {
        let (administrator, RotateRequest { prefix, digests }) = administered(request)?;
        let meant = Some(&prefix).filter(|prefix| !prefix.is_empty());
        let rotated = self.member.rotate_keys(&administrator, meant, digests).await;
        log(&administrator, "rotate data key", &shown(&prefix), &rotated);
        Ok(Response::new(RotateResponse { policy_epoch: rotated.map_err(ApiError::from)? }))
    }

    async fn settle(&self, request: Request<SettleRequest>) -> Answer<SettleResponse> {
        let (administrator, SettleRequest { wait_ms }) = administered(request)?;
        let wait = Duration::from_millis(wait_ms.into()).min(WAIT_MAX);
        let waited = self.member.wait_settled(&administrator, wait).await;
        let (settled, policy_epoch) = waited.map_err(ApiError::from)?;
        Ok(Response::new(SettleResponse { policy_epoch, settled }))
    }

    async fn shred(&self, request: Request<ShredRequest>) -> Answer<ShredResponse> {
        let (administrator, ShredRequest { prefix }) = administered(request)?;
        let shredded = self.member.shred(&administrator, &prefix).await;
        log(&administrator, "shred", &shown(&prefix), &shredded);
        Ok(Response::new(ShredResponse { policy_epoch: shredded.map_err(ApiError::from)? }))
    }

    async fn wrapped(&self, request: Request<WrappedRequest>) -> Answer<WrappedResponse> {
        let (administrator, _) = administered(request)?;
        let wrapped = self.member.wrapped_keys(&administrator);
        log(&administrator, "read wrapped data keys", "", &wrapped);
        let (cluster_id, records) = wrapped.map_err(ApiError::from)?;
        Ok(Response::new(WrappedResponse { cluster_id, records }))
    }

    async fn recover(&self, request: Request<RecoverRequest>) -> Answer<RecoverResponse> {
        let (administrator, RecoverRequest { keys }) = administered(request)?;
        let keys = keys.into_iter().map(|key| (key.id, Plain::from(key.material))).collect();
        let recovered = self.member.recover_keys(&administrator, keys).await;
        log(&administrator, "recover data keys", "", &recovered);
        let (recovered, policy_epoch) = recovered.map_err(ApiError::from)?;
        Ok(Response::new(RecoverResponse { policy_epoch, recovered }))
    }
}

fn key_status(status: KeyStatus) -> KeyStatusResponse {
    KeyStatusResponse {
        keys: status.keys.into_iter().map(data_key).collect(),
        policy_epoch: status.policy_epoch,
        root_key_present: status.root_key_present,
        residue: status.residue.into_iter().map(residue).collect(),
        settled: status.settled,
        forgotten: status.forgotten,
        rewrapped_records: status.progress.records,
        rewrapped_bytes: status.progress.bytes,
        unopened_records: status.progress.unopened,
        provider_complaints: status.complaints.into_iter().collect(),
    }
}

fn residue(residue: flow::Residue) -> Residue {
    let flow::Residue { prefix, plain, past, outdated, logged, snapshot } = residue;
    Residue {
        prefix,
        plain_records: plain.records,
        plain_bytes: plain.bytes,
        outdated_records: outdated.records,
        outdated_bytes: outdated.bytes,
        past_records: past.records,
        past_bytes: past.bytes,
        logged_records: logged.records,
        logged_bytes: logged.bytes,
        snapshot_records: snapshot.records,
        snapshot_bytes: snapshot.bytes,
    }
}

fn data_key(info: DataKeyInfo) -> DataKey {
    DataKey {
        prefix: info.prefix,
        id: info.id,
        state: info.state.name().to_owned(),
        created_unix_seconds: info.created_unix_seconds,
        wraps: info.wraps,
        usable: info.usable,
        records: info.records,
        bytes: info.bytes,
        uses: info.uses,
    }
}

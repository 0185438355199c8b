//! What every handler does first: who calls, and is the message within bounds.

use std::sync::Arc;

use auth::{Caller, Official};
use flow::{FlowError, Member};
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use crate::ApiError;

/// The caller of a request and what was asked.
///
/// The listener puts a [`Caller`] into every request. Without one the caller is anonymous, which admits to nothing
/// more.
pub(crate) fn opened<T>(request: Request<T>) -> (Caller, T) {
    let caller = request.extensions().get::<Caller>().cloned();
    (caller.unwrap_or_else(|| Caller::anonymous(None)), request.into_inner())
}

/// Whom the gate admitted to the office that the call takes, and what was asked.
pub(crate) fn administered<Office: 'static, T>(request: Request<T>) -> Result<(Arc<Official<Office>>, T), ApiError> {
    let official = request.extensions().get::<Arc<Official<Office>>>().cloned();
    Ok((official.ok_or(ApiError::NoEvidence)?, request.into_inner()))
}

/// Refuses a write that etcd would refuse to put into its log.
pub(crate) fn check_size(request: &impl Message, member: &Member) -> Result<(), ApiError> {
    if request.encoded_len() > member.max_request_bytes() { Err(FlowError::RequestTooLarge.into()) } else { Ok(()) }
}

/// What may take as long as it likes, but not longer than the member runs.
pub(crate) async fn unless_stopped<T>(
    shutdown: &CancellationToken,
    work: impl Future<Output = Result<T, FlowError>>,
) -> Result<T, FlowError> {
    shutdown.run_until_cancelled(work).await.unwrap_or(Err(FlowError::Stopped))
}

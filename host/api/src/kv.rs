//! The key-value service.

use std::pin::Pin;

use flow::{FlowError, List, Member, Reply};
use futures::{Stream, stream};
use proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, RangeStreamResponse, TxnRequest, TxnResponse, kv_server::Kv,
};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};
use types::{OpOutcome, Operation, Plain};

use crate::request::{check_size, opened};
use crate::{ApiError, convert, header, status};

/// In a Range's metadata: leave keys out whose values cannot be opened.
const SKIP_DAMAGED: &str = "strongroom-skip-damaged";

/// In its answer's metadata: the keys that were left out.
const DAMAGED_KEYS: &str = "strongroom-damaged-key-bin";

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct KvDoor {
    pub(crate) member: Member,
}

impl KvDoor {
    /// Writes; the answer that `answer` makes carries what plugins have to say.
    async fn write<T>(
        &self,
        caller: &auth::Caller,
        operation: Operation,
        answer: impl FnOnce(Reply<OpOutcome<Plain>>) -> Result<T, ApiError>,
    ) -> Answer<T> {
        let (reply, warnings) = self.member.write_warned(caller, operation).await.map_err(ApiError::from)?;
        let mut response = Response::new(answer(reply)?);
        status::warn(response.metadata_mut(), &warnings);
        Ok(response)
    }
}

#[tonic::async_trait]
impl Kv for KvDoor {
    type RangeStreamStream = Pin<Box<dyn Stream<Item = Result<RangeStreamResponse, Status>> + Send>>;

    async fn range(&self, request: Request<RangeRequest>) -> Answer<RangeResponse> {
        let skips = skips_damaged(&request);
        let (caller, request) = opened(request);
        let query = convert::range_query(request).map_err(ApiError::from)?;
        if !query.serializable && self.member.is_learner() {
            return Err(ApiError::from(FlowError::LearnerRefuses).into());
        }
        let reply = self.member.range_skipping(&caller, query, skips).await.map_err(ApiError::from)?;
        let ((body, damaged), header) = (reply.body, header::full(reply.header));
        let mut response = Response::new(RangeResponse { header, ..convert::ranged(body) });
        for key in damaged {
            response.metadata_mut().append_bin(DAMAGED_KEYS, MetadataValue::from_bytes(&key));
        }
        Ok(response)
    }

    /// The next piece is read when the one before it has been taken: a client that does not read holds one.
    async fn range_stream(&self, request: Request<RangeRequest>) -> Answer<Self::RangeStreamStream> {
        let (caller, request) = opened(request);
        let query = convert::streamed_query(request)?;
        let list = self.member.list(&caller, query).await.map_err(ApiError::from)?;
        let pieces = stream::try_unfold(list, async |mut list: List| {
            let piece = list.next().await.map_err(ApiError::from)?;
            Ok(piece.map(|piece| (convert::list_piece(piece), list)))
        });
        Ok(Response::new(Box::pin(pieces)))
    }

    async fn put(&self, request: Request<PutRequest>) -> Answer<PutResponse> {
        let (caller, request) = opened(request);
        let fits = check_size(&request, &self.member);
        let put = convert::put(request).map_err(ApiError::from)?;
        fits?;
        self.write(&caller, Operation::Put(put), |reply| {
            let OpOutcome::Put { prev } = reply.body else { return Err(unlike("a put")) };
            Ok(PutResponse { header: header::full(reply.header), prev_kv: prev.map(convert::key_value) })
        })
        .await
    }

    async fn delete_range(&self, request: Request<DeleteRangeRequest>) -> Answer<DeleteRangeResponse> {
        let (caller, request) = opened(request);
        let fits = check_size(&request, &self.member);
        let delete = convert::delete_range(request).map_err(ApiError::from)?;
        fits?;
        self.write(&caller, Operation::DeleteRange(delete), |reply| {
            let OpOutcome::DeleteRange { deleted, prevs } = reply.body else { return Err(unlike("a delete")) };
            Ok(DeleteRangeResponse { header: header::full(reply.header), ..convert::deleted(deleted, prevs) })
        })
        .await
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Answer<TxnResponse> {
        let (caller, request) = opened(request);
        let fits = check_size(&request, &self.member);
        let txn = convert::txn(request, self.member.max_txn_ops()).map_err(ApiError::from)?;
        // etcd bounds what goes into its log, and a transaction that only reads does not.
        if !txn.is_read_only() {
            fits?;
        }
        self.write(&caller, Operation::Txn(txn), |reply| {
            let OpOutcome::Txn(outcome) = reply.body else { return Err(unlike("a transaction")) };
            let header = header::full(reply.header);
            Ok(TxnResponse { header, ..convert::transacted(outcome, reply.header.revision) })
        })
        .await
    }

    async fn compact(&self, request: Request<CompactionRequest>) -> Answer<CompactionResponse> {
        let (caller, request) = opened(request);
        let compacted = self.member.compact(&caller, request.revision, request.physical).await;
        Ok(Response::new(CompactionResponse { header: header::full(compacted.map_err(ApiError::from)?) }))
    }
}

/// Whether the caller asks for what can be read, rather than for everything or an error.
fn skips_damaged<T>(request: &Request<T>) -> bool {
    request.metadata().get(SKIP_DAMAGED).is_some_and(|value| value == "true")
}

/// A bug: the member answered another operation than the one asked for.
fn unlike(operation: &str) -> ApiError {
    FlowError::Corrupt(format!("the outcome is not that of {operation}")).into()
}

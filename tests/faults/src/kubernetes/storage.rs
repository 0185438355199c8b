//! What kube-apiserver asks of etcd, in the requests that it sends.

use harness::{Client, Watching};
use proto::{
    etcdserverpb::{
        Compare, DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse, RequestOp, TxnRequest, TxnResponse,
        WatchCreateRequest,
        compare::{CompareResult, CompareTarget, TargetUnion},
        request_op::Request,
        response_op::Response,
    },
    mvccpb::KeyValue,
};
use tonic::Status;

/// Its own key for compactions.
pub(super) const COMPACT_KEY: &str = "compact_rev_key";

/// A key; `0` comes right after `/`, so this ends a prefix with a `/` at its end.
pub(super) fn prefix_end(prefix: &str) -> String {
    format!("{}0", prefix.strip_suffix('/').expect("a prefix ends with a slash"))
}

/// The outcome of a transaction: done at a revision, or what is there instead.
pub(super) type Written = Result<i64, Option<KeyValue>>;

/// The storage layer of an API server.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    pub(super) client: Client,
}

impl Storage {
    pub(super) async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Status> {
        self.client.kv.clone().range(request).await.map(tonic::Response::into_inner)
    }

    /// Get: one key, linearizable.
    pub(super) async fn get(&self, key: &str) -> (Option<KeyValue>, i64) {
        let request = RangeRequest { key: key.to_owned().into(), limit: 1, ..RangeRequest::default() };
        let answer = self.range(request).await.expect("a get is answered");
        (answer.kvs.first().cloned(), answer.header.expect("an answer has a header").revision)
    }

    /// A page of a list. Revision 0 is the newest.
    pub(super) async fn page(
        &self,
        prefix: &str,
        from: &[u8],
        limit: i64,
        revision: i64,
    ) -> Result<RangeResponse, Status> {
        let (key, range_end) = (from.to_vec().into(), prefix_end(prefix).into());
        self.range(RangeRequest { key, range_end, limit, revision, ..RangeRequest::default() }).await
    }

    /// The list of 1.37: chunks, as they come.
    pub(super) async fn chunks(&self, prefix: &str, revision: i64) -> Result<Vec<RangeResponse>, Status> {
        let (key, range_end) = (prefix.to_owned().into(), prefix_end(prefix).into());
        let request = RangeRequest { key, range_end, revision, ..RangeRequest::default() };
        let mut stream = self.client.kv.clone().range_stream(request).await?.into_inner();
        let mut chunks = Vec::new();
        while let Some(chunk) = stream.message().await? {
            chunks.push(chunk.range_response.expect("a chunk has a part of the list"));
        }
        Ok(chunks)
    }

    pub(super) async fn create(&self, key: &str, value: Vec<u8>, lease: i64) -> Written {
        self.txn(unchanged(key, 0), put(key, value, lease), None).await
    }

    pub(super) async fn update(&self, key: &str, revision: i64, value: Vec<u8>) -> Written {
        self.txn(unchanged(key, revision), put(key, value, 0), Some(key)).await
    }

    pub(super) async fn delete(&self, key: &str, revision: i64) -> Written {
        let delete = DeleteRangeRequest { key: key.to_owned().into(), ..DeleteRangeRequest::default() };
        self.txn(unchanged(key, revision), Request::RequestDeleteRange(delete), Some(key)).await
    }

    async fn txn(&self, condition: Compare, then: Request, otherwise: Option<&str>) -> Written {
        let get =
            |key: &str| op(Request::RequestRange(RangeRequest { key: key.to_owned().into(), ..Default::default() }));
        let failure = otherwise.map(get).into_iter().collect();
        written(self.commit(condition, then, failure).await)
    }

    async fn commit(&self, condition: Compare, then: Request, failure: Vec<RequestOp>) -> TxnResponse {
        let request = TxnRequest { compare: vec![condition], success: vec![op(then)], failure };
        self.client.kv.clone().txn(request).await.expect("a transaction is answered").into_inner()
    }

    /// The turn of one API server at compacting: whose count of compactions is right may write the next.
    pub(super) async fn claim_compaction(&self, version: i64, revision: i64) -> Written {
        let target_union = Some(TargetUnion::Version(version));
        let condition = Compare { target: CompareTarget::Version.into(), ..compare(COMPACT_KEY, target_union) };
        self.txn(condition, put(COMPACT_KEY, revision.to_string().into_bytes(), 0), Some(COMPACT_KEY)).await
    }

    /// Watches as the watch cache does: from a revision, with what was there before, and asking for a leader.
    pub(super) async fn watch(&self, prefix: &str, after: i64) -> Watching {
        let watch = self.client.watch_with_leader();
        let request = WatchCreateRequest {
            key: prefix.to_owned().into(),
            range_end: prefix_end(prefix).into(),
            start_revision: after + 1,
            progress_notify: true,
            prev_kv: true,
            ..WatchCreateRequest::default()
        };
        watch.create(request).await;
        watch
    }
}

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn compare(key: &str, target_union: Option<TargetUnion>) -> Compare {
    Compare { result: CompareResult::Equal.into(), key: key.to_owned().into(), target_union, ..Compare::default() }
}

fn unchanged(key: &str, revision: i64) -> Compare {
    Compare { target: CompareTarget::Mod.into(), ..compare(key, Some(TargetUnion::ModRevision(revision))) }
}

fn put(key: &str, value: Vec<u8>, lease: i64) -> Request {
    Request::RequestPut(PutRequest { key: key.to_owned().into(), value: value.into(), lease, ..PutRequest::default() })
}

fn written(answer: TxnResponse) -> Written {
    if answer.succeeded {
        assert_eq!(answer.responses.len(), 1);
        return Ok(answer.header.expect("an answer has a header").revision);
    }
    match answer.responses.into_iter().next().and_then(|response| response.response) {
        None => Err(None),
        Some(Response::ResponseRange(range)) => Err(range.kvs.into_iter().next()),
        Some(other) => panic!("the failure branch only gets: {other:?}"),
    }
}

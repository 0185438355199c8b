//! Clients that write until the server is gone, and remember what they were told.

use harness::{Client, Random};
use proto::etcdserverpb::{
    Compare, PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCreateRequest,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
    response_op::Response,
};
use tokio::task::JoinSet;
use tonic::Status;

use crate::history::{Known, known};

/// Clients that each put keys of their own. Enough for group commits to hold several.
const WRITERS: u64 = 6;

/// Clients that count up one key together, by compare-and-swap.
const COUNTERS: u64 = 2;

/// Clients at work.
pub(crate) struct Load {
    clients: JoinSet<Vec<Known>>,
}

impl Load {
    /// Starts writing, each client with keys that no other round or client has.
    pub(crate) fn start(client: &Client, round: usize, random: &mut Random) -> Self {
        let mut clients = JoinSet::new();
        for writer in 0..WRITERS {
            clients.spawn(write(client.clone(), format!("/once/{round}/{writer}"), Random::new(random.next())));
        }
        for counter in 0..COUNTERS {
            clients.spawn(count(client.clone(), format!("/once/{round}/count-{counter}")));
        }
        clients.spawn(follow(client.clone()));
        Self { clients }
    }

    /// What the clients were told, once the server is gone.
    pub(crate) async fn told(self) -> Vec<Known> {
        self.clients.join_all().await.concat()
    }
}

async fn write(mut client: Client, keys: String, mut random: Random) -> Vec<Known> {
    let mut told = Vec::new();
    for number in 0_u64.. {
        let length = usize::try_from(random.below(2000)).expect("it is below 2000");
        let (key, value) = (format!("{keys}/{number}"), random.word(length));
        let request = PutRequest { key: key.clone().into(), value: value.clone().into(), ..PutRequest::default() };
        match client.kv.put(request).await {
            Ok(answer) => told.push(Known {
                revision: answer.into_inner().header.map_or(0, |header| header.revision),
                key,
                value,
            }),
            // Nobody knows whether this one was written. Its key is not used again.
            Err(_) => break,
        }
    }
    told
}

/// Raises the counter by one as often as it can. Each success leaves a key of its own besides, in the same transaction.
async fn count(mut client: Client, keys: String) -> Vec<Known> {
    let mut told = Vec::new();
    let mut seen = 0;
    while let Ok((revision, version)) = swap(&mut client, seen, &keys).await {
        if let Some(revision) = revision {
            told.push(Known { revision, key: "/count/shared".into(), value: version.to_string() });
            told.push(Known { revision, key: format!("{keys}/{version}"), value: "counted".into() });
        }
        seen = version;
    }
    told
}

/// Tries to write version `seen + 1` of the counter. Gives the revision if it did, and the version that the counter then has.
async fn swap(client: &mut Client, seen: i64, keys: &str) -> Result<(Option<i64>, i64), Status> {
    let next = seen + 1;
    let op = |request| RequestOp { request: Some(request) };
    let put = |key: String, value: String| {
        op(Request::RequestPut(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }))
    };
    let compare = Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Version.into(),
        key: "/count/shared".into(),
        range_end: "".into(),
        target_union: Some(TargetUnion::Version(seen)),
    };
    let request = TxnRequest {
        compare: vec![compare],
        success: vec![put("/count/shared".into(), next.to_string()), put(format!("{keys}/{next}"), "counted".into())],
        failure: vec![op(Request::RequestRange(RangeRequest {
            key: "/count/shared".into(),
            ..RangeRequest::default()
        }))],
    };
    let answer = client.kv.txn(request).await?.into_inner();
    if answer.succeeded {
        return Ok((answer.header.map(|header| header.revision), next));
    }
    match answer.responses.first().and_then(|response| response.response.as_ref()) {
        Some(Response::ResponseRange(range)) => Ok((None, range.kvs.first().map_or(0, |kv| kv.version))),
        other => panic!("a failed swap reads the counter, but answered {other:?}"),
    }
}

/// Watches everything. What a watch has shown was committed, so it may not be taken back either.
async fn follow(client: Client) -> Vec<Known> {
    let mut stream = client.watch();
    stream
        .create(WatchCreateRequest { key: "\0".into(), range_end: "\0".into(), ..WatchCreateRequest::default() })
        .await;
    let mut told = Vec::new();
    while let Ok(answer) = stream.try_next().await {
        told.extend(answer.events.iter().map(|event| known(event).0));
    }
    told
}

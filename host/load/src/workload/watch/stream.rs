//! One stream with its watchers.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use proto::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse, watch_request::RequestUnion as Request};
use proto::mvccpb::event::EventType;
use tokio_stream::StreamExt as _;
use tonic::{Status, Streaming};

use super::EVENT;
use super::mark::Mark;
use super::tally::Tally;
use crate::connection::Connection;
use crate::keys::KeySpace;
use crate::recorder::Notes;

/// What the watchers of a stream watch.
pub(super) struct Watched {
    key: Bytes,
    range_end: Bytes,
    /// Which of all watchers they are.
    watchers: Vec<usize>,
}

impl Watched {
    /// The only key, or the prefix.
    pub(super) fn new(keys: &KeySpace, watchers: Vec<usize>) -> Self {
        let (key, range_end) =
            if keys.count == 1 { (keys.key(0), Bytes::new()) } else { (keys.prefix(), keys.prefix_end()) };
        Self { key, range_end, watchers }
    }

    fn request(&self) -> WatchRequest {
        let (key, range_end) = (self.key.clone(), self.range_end.clone());
        let create = WatchCreateRequest { key, range_end, ..WatchCreateRequest::default() };
        WatchRequest { request_union: Some(Request::CreateRequest(create)) }
    }
}

/// Open, with every watcher in place.
pub(super) struct Stream {
    responses: Streaming<WatchResponse>,
    /// Which of all watchers has which id on this stream.
    watchers: HashMap<i64, usize>,
}

impl Stream {
    /// Opens a stream and waits until the server has made all its watchers.
    pub(super) async fn open(connection: &Connection, watched: Watched) -> Result<Self, Status> {
        let creations = vec![watched.request(); watched.watchers.len()];
        // The end of the requests would be the end of the watches.
        let requests = tokio_stream::iter(creations).chain(tokio_stream::pending());
        let mut responses = connection.watch().watch(connection.request(requests)).await?.into_inner();
        let mut watchers = HashMap::with_capacity(watched.watchers.len());
        for watcher in watched.watchers {
            loop {
                let response = responses.message().await?.ok_or_else(ended)?;
                if response.canceled {
                    return Err(Status::aborted(format!("the server refuses the watch: {}", response.cancel_reason)));
                }
                if response.created {
                    watchers.insert(response.watch_id, watcher);
                    break;
                }
            }
        }
        Ok(Self { responses, watchers })
    }

    /// Counts what comes, until the stream ends.
    pub(super) async fn follow(mut self, mark: Mark, tally: Arc<Tally>, notes: Notes) {
        loop {
            match self.responses.message().await {
                Ok(Some(response)) => self.count(&response, mark, &tally, &notes),
                Ok(None) => return notes.failed(&ended()),
                Err(status) => return notes.failed(&status),
            }
        }
    }

    fn count(&self, response: &WatchResponse, mark: Mark, tally: &Tally, notes: &Notes) {
        if response.canceled {
            notes.failed(&Status::aborted(format!("a watch was canceled: {}", response.cancel_reason)));
        }
        let Some(watcher) = self.watchers.get(&response.watch_id) else { return };
        let puts = response.events.iter().filter(|event| event.r#type() == EventType::Put);
        let marked = puts.filter_map(|event| {
            let pair = event.kv.as_ref()?;
            Some((pair.mod_revision, mark.read(&pair.value)?))
        });
        notes.all_answered(
            EVENT,
            marked.map(|(revision, put)| {
                tally.receive(*watcher, revision);
                put
            }),
        );
    }
}

fn ended() -> Status {
    Status::unavailable("the server ended a stream of watches")
}

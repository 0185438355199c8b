//! openraft's log storage on top of [`crate::log::LogStore`].

use std::{fmt::Debug, io, ops::RangeBounds};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use openraft::{
    LogState, OptionalSend, RaftLogReader,
    entry::RaftEntry as _,
    storage::{IOFlushed, RaftLogStorage},
};
use tokio::sync::oneshot;

use crate::{
    codec,
    farewell::{Farewell, after_farewell},
    log::{LogError, LogStore},
    raft_types::{Entry, LogId, TypeConfig, Vote},
};

/// openraft counts log entries from 0, the log store from 1.
pub(crate) const INDEX_OFFSET: u64 = 1;

/// Most bytes of entries read at once, whatever the range asked for.
const READ_BYTES_MAX: usize = 8 << 20;

/// Bytes of entries in one request to another member: enough for one write to its disk.
const APPEND_MESSAGE_BYTES: usize = 1 << 20;

/// Most bytes appended in one operation: openraft hands over thousands of entries at once, of up to 1.5 MiB each.
const APPEND_BYTES_MAX: usize = 16 << 20;

/// The log of this member.
#[derive(Clone)]
pub(crate) struct LogStorage {
    log: LogStore,
    farewell: Farewell,
}

impl LogStorage {
    pub(crate) fn new(log: LogStore, farewell: Farewell) -> Self {
        Self { log, farewell }
    }

    fn last_purged(&self) -> io::Result<Option<LogId>> {
        self.log.purged().map(|(_, log_id)| codec::decode_log_id(log_id)).transpose()
    }

    /// The part of a range that is in the log, as first index and the index to stop before.
    fn bounds(&self, range: &impl RangeBounds<u64>) -> Option<(u64, u64)> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match range.start_bound() {
            Included(from) => *from,
            Excluded(before) => before + 1,
            Unbounded => 0,
        };
        let to = match range.end_bound() {
            Included(last) => last.saturating_add(1),
            Excluded(to) => *to,
            Unbounded => u64::MAX,
        };
        let (from, to) = (from.max(self.log.first_index()? - INDEX_OFFSET), to.min(self.log.last_index()?));
        (from < to).then_some((from, to))
    }

    /// Entries from `from` on and before `to`, as many as `bytes_max` allows and at least one.
    fn some_entries(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let range = from.saturating_add(INDEX_OFFSET)..to.saturating_add(INDEX_OFFSET);
        let read = self.log.read(range, bytes_max).map_err(failed)?;
        read.into_iter().map(|(_, bytes)| codec::decode_entry(bytes)).collect()
    }

    /// All entries from `from` on and before `to`.
    fn entries(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut next = from;
        while next < to {
            let some = self.some_entries(next, to, READ_BYTES_MAX)?;
            let Some(last) = some.last() else { break };
            next = last.log_id.index + 1;
            entries.extend(some);
        }
        Ok(entries)
    }

    /// Adds one entry, before openraft has the log.
    pub(crate) async fn append_durably(&self, index: u64, entry: Bytes) -> io::Result<()> {
        self.durably(|log, done| log.append(vec![(index + INDEX_OFFSET, entry)], done)).await
    }

    /// Runs an operation of the ordered stream and waits until it is on disk.
    async fn durably(&self, start: impl FnOnce(&LogStore, Done)) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        start(
            &self.log,
            Box::new(move |result| {
                let _ = sender.send(result);
            }),
        );
        let outcome = receiver.await.map_err(|_| io::Error::other("the log writer has stopped"))?;
        if outcome.is_err() {
            self.farewell.say_at_once().await;
        }
        outcome.map_err(failed)
    }
}

type Done = Box<dyn FnOnce(Result<(), std::sync::Arc<LogError>>) + Send>;

fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(source)
}

impl RaftLogReader<TypeConfig> for LogStorage {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        match self.bounds(&range) {
            Some((from, to)) => self.entries(from, to),
            None => Ok(Vec::new()),
        }
    }

    /// As many as make a request to another member: more would only wait behind each other.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        match self.bounds(&(start..end)) {
            Some((from, to)) if from == start => self.some_entries(from, to, APPEND_MESSAGE_BYTES),
            // Purged under a replication that was overtaken: openraft sends nothing then, and a snapshot later.
            _ => Ok(Vec::new()),
        }
    }

    /// Reads ahead by at most [`READ_BYTES_MAX`]: what is applied again after a crash may be far more than memory.
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let bounds = self.bounds(&range);
        let state = bounds.map(|(from, to)| (self.clone(), from, to));
        Box::pin(stream::unfold(state, async |state| {
            let (log, from, to) = state?;
            match log.some_entries(from, to, READ_BYTES_MAX) {
                Ok(entries) => {
                    let next = entries.last()?.log_id.index + 1;
                    let entries: Vec<_> = entries.into_iter().map(Ok).collect();
                    Some((stream::iter(entries), (next < to).then_some((log, next, to))))
                }
                Err(error) => Some((stream::iter(vec![Err(error)]), None)),
            }
        }))
        .flatten()
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        self.log.vote().map(codec::decode_vote).transpose()
    }
}

impl RaftLogStorage<TypeConfig> for LogStorage {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let last_purged_log_id = self.last_purged()?;
        let last_log_id = match self.log.last_index() {
            None => last_purged_log_id,
            Some(last) => self.entries(last - INDEX_OFFSET, last)?.first().map(|entry| entry.log_id()),
        };
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let vote = codec::encode_vote(vote);
        self.durably(|log, done| log.save_vote(vote, done)).await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for entry in entries {
            let index = entry.log_id.index + INDEX_OFFSET;
            let payload = codec::encode_entry(entry);
            if bytes > 0 && bytes + payload.len() > APPEND_BYTES_MAX {
                // The stream is ordered and a failure ends it: what becomes of the last chunk stands for all.
                self.log.append(std::mem::take(&mut chunk), Box::new(drop));
                bytes = 0;
            }
            bytes += payload.len();
            chunk.push((index, payload));
        }
        let tell = move |outcome: Result<(), _>| callback.io_completed(outcome.map_err(failed));
        self.log.append(chunk, after_farewell(&self.farewell, tell));
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let keep = last_log_id.map_or(0, |log_id| log_id.index + INDEX_OFFSET);
        self.durably(|log, done| log.truncate_after(keep, done)).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        let bytes = codec::encode_log_id(&log_id);
        self.durably(|log, done| log.purge(log_id.index + INDEX_OFFSET, bytes, done)).await
    }
}

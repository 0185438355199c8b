//! openraft's log storage on top of [`crate::log::LogStore`].

use std::{fmt::Debug, io, ops::RangeBounds};

use openraft::{
    LogState, OptionalSend, RaftLogReader,
    entry::RaftEntry as _,
    storage::{IOFlushed, RaftLogStorage},
};
use tokio::sync::oneshot;

use crate::{
    codec,
    log::{LogError, LogStore},
    raft_types::{Entry, LogId, TypeConfig, Vote},
};

/// openraft counts log entries from 0, the log store from 1.
const INDEX_OFFSET: u64 = 1;

/// Most bytes of entries read at once, whatever the range asked for.
const READ_BYTES_MAX: usize = 8 << 20;

/// The log of this member.
#[derive(Clone)]
pub(crate) struct LogStorage {
    log: LogStore,
}

impl LogStorage {
    pub(crate) fn new(log: LogStore) -> Self {
        Self { log }
    }

    fn last_purged(&self) -> io::Result<Option<LogId>> {
        self.log.purged().map(|(_, log_id)| codec::decode_log_id(log_id)).transpose()
    }

    fn entries(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut next = from + INDEX_OFFSET;
        while next < to.saturating_add(INDEX_OFFSET) {
            let read = self.log.read(next..to.saturating_add(INDEX_OFFSET), READ_BYTES_MAX).map_err(failed)?;
            let Some((last, _)) = read.last() else { break };
            next = last + 1;
            for (_, bytes) in read {
                entries.push(codec::decode_entry(bytes)?);
            }
        }
        Ok(entries)
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
        receiver.await.map_err(|_| io::Error::other("the log writer has stopped"))?.map_err(failed)
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
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match range.start_bound() {
            Included(from) => *from,
            Excluded(before) => before + 1,
            Unbounded => 0,
        };
        let to = match range.end_bound() {
            Included(last) => last.saturating_add(1),
            Excluded(to) => *to,
            Unbounded => u64::MAX - INDEX_OFFSET,
        };
        let (Some(first), Some(last)) = (self.log.first_index(), self.log.last_index()) else { return Ok(Vec::new()) };
        self.entries(from.max(first - INDEX_OFFSET), to.min(last))
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
        let entries =
            entries.into_iter().map(|entry| (entry.log_id.index + INDEX_OFFSET, codec::encode_entry(entry))).collect();
        self.log.append(entries, Box::new(move |result| callback.io_completed(result.map_err(failed))));
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

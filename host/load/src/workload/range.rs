//! `bench range`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use proto::etcdserverpb::{RangeRequest, RangeResponse};
use tonic::Status;

use super::{Kind, run_on_keys};
use crate::arguments::{Data, Prepare, Run, Sequence};
use crate::connection::Kv;
use crate::dataset::after;
use crate::driver::Work;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::keys::{KeySpace, Picker};
use crate::random::Random;
use crate::recorder::Notes;
use crate::report::Report;
use crate::session::Session;

/// What only `range` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RangeLoad {
    /// What is read
    #[arg(long, value_enum, default_value_t = RangeKind::Point)]
    kind: RangeKind,
    /// Keys of a list, or of a page; 0 for all
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u32))]
    limit: u32,
    /// Read what the member has, which may be old, rather than ask for what is newest
    #[arg(long)]
    serializable: bool,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    sequence: Sequence,
    #[command(flatten)]
    prepare: Prepare,
}

/// `--kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RangeKind {
    /// One key
    Point,
    /// So many keys as --limit says, from a key on
    List,
    /// All keys below the prefix at one revision, page by page; with --rate, whole lists are counted
    Paged,
    /// The number of keys below the prefix
    Count,
}

impl RangeKind {
    fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Point => &["get"],
            Self::List => &["list"],
            Self::Paged => &["list", "page"],
            Self::Count => &["count"],
        }
    }
}

/// # Errors
/// [`BenchError`] when there is nothing to report.
pub(crate) async fn run(run: &Run<RangeLoad>, interrupt: &Arc<Interrupt>) -> Result<Report, BenchError> {
    let RangeLoad { kind, limit, serializable, data, sequence, prepare } = &run.own;
    let reading = if *serializable { "serializable" } else { "linearizable" };
    let order = sequence.name();
    let name = match kind {
        RangeKind::Point => format!("range, point, {order} keys, {reading}"),
        RangeKind::List => format!("range, list of {limit}, from {order} keys, {reading}"),
        RangeKind::Paged => format!("range, pages of {limit}, {reading}"),
        RangeKind::Count => format!("range, count, {reading}"),
    };
    let workers = async |session: &Session| {
        let starts = match (kind, limit) {
            // A list is whole also from the last key that one begins at.
            (RangeKind::List, 0) => 1,
            (RangeKind::List, limit) => session.keys.count.saturating_sub(u64::from(*limit)) + 1,
            _ => session.keys.count,
        };
        let picker = Picker::new(sequence.order, starts);
        let reader = |client| Reader::new(session, client, picker.clone(), *serializable);
        let lister = |client| Lister { reader: reader(client), kind: *kind, limit: i64::from(*limit) };
        Ok((0..session.clients).map(lister).collect())
    };
    run_on_keys(run, data, Some(prepare), Kind { name, operations: kind.operations() }, interrupt, workers).await
}

/// A client that reads.
pub(super) struct Reader {
    kv: Kv,
    keys: KeySpace,
    picker: Picker,
    random: Random,
    serializable: bool,
}

impl Reader {
    /// The client with this number.
    pub(super) fn new(session: &Session, client: usize, picker: Picker, serializable: bool) -> Self {
        let (kv, keys) = (session.connection(client).kv(), session.keys.clone());
        Self { kv, keys, picker, random: Random::of_client(session.seed, client), serializable }
    }

    /// Reads the next key, and notes when it is not there.
    pub(super) async fn get(&mut self, notes: &Notes) -> Result<(), Status> {
        let key = self.next();
        let response = self.range(RangeRequest { key, ..RangeRequest::default() }).await?;
        Self::expect_keys(&response, notes);
        Ok(())
    }

    fn next(&mut self) -> Bytes {
        self.keys.key(self.picker.pick(&mut self.random))
    }

    async fn range(&mut self, request: RangeRequest) -> Result<RangeResponse, Status> {
        self.kv.range(RangeRequest { serializable: self.serializable, ..request }).await
    }

    fn expect_keys(response: &RangeResponse, notes: &Notes) {
        if response.count == 0 {
            notes.missed();
        }
    }
}

struct Lister {
    reader: Reader,
    kind: RangeKind,
    limit: i64,
}

impl Lister {
    async fn list(&mut self, notes: &Notes) -> Result<(), Status> {
        let (key, range_end) = (self.reader.next(), self.reader.keys.prefix_end());
        let request = RangeRequest { key, range_end, limit: self.limit, ..RangeRequest::default() };
        Reader::expect_keys(&self.reader.range(request).await?, notes);
        Ok(())
    }

    async fn count(&mut self, notes: &Notes) -> Result<(), Status> {
        let (key, range_end) = (self.reader.keys.prefix(), self.reader.keys.prefix_end());
        let request = RangeRequest { key, range_end, count_only: true, ..RangeRequest::default() };
        Reader::expect_keys(&self.reader.range(request).await?, notes);
        Ok(())
    }

    /// All pages are of the revision of the first, as kube-apiserver reads them.
    async fn pages(&mut self, notes: &Notes) -> Result<(), Status> {
        const PAGE: usize = 1;
        let (mut key, range_end) = (self.reader.keys.prefix(), self.reader.keys.prefix_end());
        let mut revision = 0;
        loop {
            let range_end = range_end.clone();
            let request = RangeRequest { key, range_end, limit: self.limit, revision, ..RangeRequest::default() };
            let begun = Instant::now();
            let page = self.reader.range(request).await?;
            notes.answered(PAGE, begun);
            if revision == 0 {
                Reader::expect_keys(&page, notes);
                revision = page.header.map_or(0, |header| header.revision);
            }
            match page.kvs.into_iter().next_back() {
                Some(last) if page.more => key = after(last.key),
                _ => return Ok(()),
            }
        }
    }
}

impl Work for Lister {
    async fn work(&mut self, begun: Instant, notes: &Notes) -> Result<(), Status> {
        match self.kind {
            RangeKind::Point => self.reader.get(notes).await?,
            RangeKind::List => self.list(notes).await?,
            RangeKind::Paged => self.pages(notes).await?,
            RangeKind::Count => self.count(notes).await?,
        }
        notes.answered(0, begun);
        Ok(())
    }
}

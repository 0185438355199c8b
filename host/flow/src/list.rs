//! One list, piece by piece at one revision, so that its memory does not grow with its length.
//!
//! Nothing is held between two pieces but the place to go on from: a reader that is slow holds no thread and no snapshot. A
//! compaction that overtakes it ends the list with an error, as in etcd.

use auth::{Caller, Denial, ReadPermit};
use seal::Sealed;
use store::{Piece, PieceLimits};
use types::{KeyRange, KeyValue, Plain, RangeOutcome, RangeQuery, SortTarget};

use crate::{FlowError, Header, Member, write::ATTEMPTS_MAX};

/// Keys of the first piece, as in etcd: the first keys come at once.
const FIRST_PIECE_KEYS: usize = 10;

/// What a key costs on the wire beside its bytes and those of its value, about.
const KEY_OVERHEAD_BYTES: usize = 24;

/// Some keys of a list.
pub struct ListPiece {
    /// The keys, in order.
    pub kvs: Vec<KeyValue<Plain>>,
    /// With the last piece: what is known now that the list is whole.
    pub end: Option<ListEnd>,
}

/// What is told with the last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListEnd {
    /// Who answered; with the newest revision when the list began.
    pub header: Header,
    /// Whether the limit cut some off.
    pub more: bool,
    /// How many keys lie in the range at the list's revision.
    pub count: i64,
}

/// A list that is being read.
pub struct List {
    member: Member,
    caller: Caller,
    /// All of it, which its caller must be allowed to read to the end.
    range: KeyRange,
    /// What is left of it.
    query: RangeQuery,
    /// Keys that may still be given.
    left: usize,
    given: usize,
    piece_keys: usize,
    /// Newest revision when the list began, zero before.
    newest: i64,
    ended: bool,
}

impl Member {
    /// Begins a list: linearizable, unless the query says that local state will do. Sort orders and bounds on revisions
    /// are not looked at.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn list(&self, caller: &Caller, query: RangeQuery) -> Result<List, FlowError> {
        if query.range.start.is_empty() {
            return Err(types::Invalid::EmptyKey.into());
        }
        self.refuse_if_diverged()?;
        if !query.serializable {
            self.shared.consensus.confirm_read().await?;
        }
        self.shared.warden.read(caller, &query.range)?;
        let left = usize::try_from(query.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        // Keys come in the order in which they are stored, and each piece is cut as it is read.
        let query = RangeQuery { limit: 0, sort_target: SortTarget::Key, ..query };
        let (member, caller, range) = (self.clone(), caller.clone(), query.range.clone());
        Ok(List { member, caller, range, query, left, given: 0, piece_keys: FIRST_PIECE_KEYS, newest: 0, ended: false })
    }
}

impl List {
    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// A compacted or future revision, a value that cannot be opened, or the disk.
    pub async fn next(&mut self) -> Result<Option<ListPiece>, FlowError> {
        if self.ended {
            return Ok(None);
        }
        if self.query.count_only {
            return self.count_only().await.map(Some);
        }
        let (permit, Piece { kvs, more, revision }) = self.permitted_piece().await?;
        if self.newest == 0 {
            self.newest = revision;
            self.query.revision = if self.query.revision > 0 { self.query.revision } else { revision };
        }
        self.given += kvs.len();
        self.left -= kvs.len();
        self.adjust(&kvs);
        if let Some(last) = kvs.last() {
            self.query.range = self.query.range.behind(&last.key);
        }
        self.ended = !more || self.left == 0;
        let end = if self.ended { Some(self.end(more).await?) } else { None };
        let fetched = RangeOutcome { kvs, count: 0, more, revision };
        let policy = self.member.shared.policy.caught_up().await?;
        let kvs = self.member.opener(&policy, &permit, &self.caller).range(&self.query, fetched)?.kvs;
        Ok(Some(ListPiece { kvs, end }))
    }

    /// What was read may be newer than the rules by which it was permitted; then it is read again by the newer ones.
    async fn permitted_piece(&self) -> Result<(ReadPermit, Piece), FlowError> {
        let warden = &self.member.shared.warden;
        for _ in 0..ATTEMPTS_MAX {
            let permit = warden.read(&self.caller, &self.range)?;
            let piece = self.read_piece().await?;
            if permit.is_of(&warden.realm()) {
                return Ok((permit, piece));
            }
        }
        Err(Denial::OldRevision.into())
    }

    async fn read_piece(&self) -> Result<Piece, FlowError> {
        let limits = PieceLimits { keys: self.piece_keys.min(self.left), bytes: self.target_bytes().saturating_mul(2) };
        let (range, revision) = (self.query.range.clone(), self.query.revision);
        let store = self.member.shared.store.clone();
        let read = move || store.view_once(|view| view.piece(&range, revision, limits));
        Ok(tokio::task::spawn_blocking(read).await??)
    }

    /// A piece is to be about as large as a request may be, as in etcd.
    fn target_bytes(&self) -> usize {
        self.member.max_request_bytes()
    }

    fn adjust(&mut self, kvs: &[KeyValue<Sealed>]) {
        let bytes: usize = kvs.iter().map(|kv| kv.key.len() + kv.value.bytes().len() + KEY_OVERHEAD_BYTES).sum();
        if bytes < self.target_bytes() / 2 {
            self.piece_keys = self.piece_keys.saturating_mul(2);
        } else if bytes / 2 > self.target_bytes() {
            self.piece_keys = (self.piece_keys / 2).max(1);
        }
    }

    async fn end(&self, more: bool) -> Result<ListEnd, FlowError> {
        let behind = if more { self.count().await?.count } else { 0 };
        let given = i64::try_from(self.given).unwrap_or(i64::MAX);
        let header = Header { revision: self.newest, ..self.member.header() };
        Ok(ListEnd { header, more, count: given.saturating_add(behind) })
    }

    async fn count_only(&mut self) -> Result<ListPiece, FlowError> {
        self.ended = true;
        let counted = self.count().await?;
        let header = Header { revision: counted.revision, ..self.member.header() };
        Ok(ListPiece { kvs: Vec::new(), end: Some(ListEnd { header, more: false, count: counted.count }) })
    }

    async fn count(&self) -> Result<RangeOutcome<Sealed>, FlowError> {
        let query = RangeQuery { count_only: true, ..self.query.clone() };
        let store = self.member.shared.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.view_once(|view| view.range(&query))).await??)
    }
}

//! What a client asks to write, and etcd's rules for a well-formed request.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::{KeyRange, Plain, RangeEnd, RangeQuery, TXN_DEPTH_MAX};

/// A client write.
#[derive(Clone)]
pub enum Operation {
    /// Write one key.
    Put(Put),
    /// Delete a range of keys.
    DeleteRange(DeleteRange),
    /// Compare, then do one of two lists.
    Txn(Txn),
}

/// What a put writes as the value.
#[derive(Clone)]
pub enum PutValue {
    /// This value.
    Set(Plain),
    /// The value the key already has (`ignore_value`).
    Keep,
}

/// What a put does with the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutLease {
    /// Attach to this lease; zero for none.
    Set(i64),
    /// The lease the key already has (`ignore_lease`).
    Keep,
}

/// Writes one key.
#[derive(Clone)]
pub struct Put {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: PutValue,
    /// The lease.
    pub lease: PutLease,
    /// Whether to answer with what was there before.
    pub prev_kv: bool,
}

/// Deletes a range of keys.
#[derive(Clone, Debug)]
pub struct DeleteRange {
    /// Which keys.
    pub range: KeyRange,
    /// Whether to answer with what was there before.
    pub prev_kv: bool,
}

/// Compares, then does one of two lists of operations at one revision.
#[derive(Clone)]
pub struct Txn {
    /// All must hold for `success`.
    pub compare: Vec<Compare>,
    /// Done when every compare holds.
    pub success: Branch,
    /// Done otherwise.
    pub failure: Branch,
}

/// One list of a transaction.
pub type Branch = Vec<TxnOp>;

/// One operation of a transaction.
#[derive(Clone)]
pub enum TxnOp {
    /// Read.
    Range(RangeQuery),
    /// Write one key.
    Put(Put),
    /// Delete a range of keys.
    DeleteRange(DeleteRange),
    /// A transaction within.
    Txn(Txn),
}

/// How a compare relates the stored to the given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareResult {
    /// Stored equals given.
    Equal,
    /// Stored is greater than given.
    Greater,
    /// Stored is less than given.
    Less,
    /// Stored differs from given.
    NotEqual,
}

/// What a compare looks at, with the given operand.
#[derive(Clone)]
pub enum CompareTarget {
    /// Number of writes since creation.
    Version(i64),
    /// Revision of creation.
    Create(i64),
    /// Revision of the last write.
    Mod(i64),
    /// The value.
    Value(Plain),
    /// The lease attached.
    Lease(i64),
}

/// One condition of a transaction; over a range it must hold for every key.
#[derive(Clone)]
pub struct Compare {
    /// Which keys.
    pub range: KeyRange,
    /// The relation.
    pub result: CompareResult,
    /// What is compared.
    pub target: CompareTarget,
}

/// A request that breaks etcd's rules; always the client's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A request without a key.
    #[error("key is not provided")]
    EmptyKey,
    /// `ignore_value` together with a value.
    #[error("value is provided")]
    ValueProvided,
    /// `ignore_lease` together with a lease.
    #[error("lease is provided")]
    LeaseProvided,
    /// More operations than the member takes ([`crate::TXN_OPS_MAX`] by default), or nested deeper than [`TXN_DEPTH_MAX`].
    #[error("too many operations in txn request")]
    TooManyOps,
    /// Two puts of one key, or a put and a delete over it, that could both happen.
    #[error("duplicate key given in txn request")]
    DuplicateKey,
    /// A sort order or target outside the enumeration.
    #[error("invalid sort option")]
    SortOption,
    /// A request operation that names nothing to do.
    #[error("key not found")]
    EmptyOperation,
}

impl Operation {
    /// Checks the request against etcd's rules; `txn_ops_max` bounds a transaction as `--max-txn-ops` does.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, txn_ops_max: usize) -> Result<(), Invalid> {
        match self {
            Self::Put(put) => put.check(),
            Self::DeleteRange(delete) => check_key(&delete.range),
            Self::Txn(txn) => {
                txn.check(txn_ops_max, 1)?;
                Writes::of_txn(txn).map(drop)
            }
        }
    }
}

impl Put {
    fn check(&self) -> Result<(), Invalid> {
        if self.key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
    }
}

impl Txn {
    /// Whether nothing in either branch writes, so that it needs no log entry.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|op| match op {
            TxnOp::Range(_) => true,
            TxnOp::Put(_) | TxnOp::DeleteRange(_) => false,
            TxnOp::Txn(txn) => txn.is_read_only(),
        })
    }

    /// As in etcd, a transaction within has left what the widest list of the one around it leaves.
    fn check(&self, ops_left: usize, depth: usize) -> Result<(), Invalid> {
        let widest = self.compare.len().max(self.success.len()).max(self.failure.len());
        let ops_left = ops_left.checked_sub(widest).ok_or(Invalid::TooManyOps)?;
        if depth > TXN_DEPTH_MAX {
            return Err(Invalid::TooManyOps);
        }
        for compare in &self.compare {
            check_key(&compare.range)?;
        }
        for op in self.success.iter().chain(&self.failure) {
            match op {
                TxnOp::Range(query) => check_key(&query.range)?,
                TxnOp::Put(put) => put.check()?,
                TxnOp::DeleteRange(delete) => check_key(&delete.range)?,
                TxnOp::Txn(txn) => txn.check(ops_left, depth + 1)?,
            }
        }
        Ok(())
    }
}

fn check_key(range: &KeyRange) -> Result<(), Invalid> {
    if range.start.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}

/// What a transaction could write, for etcd's rule that no key may be written twice at one revision (`checkIntervals` in
/// etcd's `v3rpc/key.go`).
#[derive(Default)]
struct Writes {
    puts: BTreeSet<Bytes>,
    deletes: Deletes,
}

impl Writes {
    fn of_txn(txn: &Txn) -> Result<Self, Invalid> {
        let mut success = Self::of_branch(&txn.success)?;
        let failure = Self::of_branch(&txn.failure)?;
        // Only one of the two branches happens, so they cannot clash with each other.
        success.add(failure);
        Ok(success)
    }

    fn of_branch(branch: &[TxnOp]) -> Result<Self, Invalid> {
        let mut own = Self::default();
        for op in branch {
            if let TxnOp::DeleteRange(delete) = op {
                own.deletes.add_range(&delete.range);
            }
        }
        for op in branch {
            if let TxnOp::Txn(txn) = op {
                own.absorb(Self::of_txn(txn)?)?;
            }
        }
        for op in branch {
            if let TxnOp::Put(put) = op
                && (own.deletes.contain(&put.key) || !own.puts.insert(put.key.clone()))
            {
                return Err(Invalid::DuplicateKey);
            }
        }
        Ok(own)
    }

    /// As in etcd, the deletes of a later transaction within are not held against the puts of an earlier one.
    fn absorb(&mut self, inner: Self) -> Result<(), Invalid> {
        if inner.puts.iter().any(|key| self.puts.contains(key) || self.deletes.contain(key)) {
            return Err(Invalid::DuplicateKey);
        }
        self.add(inner);
        Ok(())
    }

    fn add(&mut self, other: Self) {
        self.puts.extend(other.puts);
        for (start, end) in other.deletes.0 {
            self.deletes.add(start, end);
        }
    }
}

/// The keys that may be deleted: stretches by their start, none touching another, so that a request of many operations
/// is checked without comparing each with each.
#[derive(Default)]
struct Deletes(BTreeMap<Bytes, Bytes>);

impl Deletes {
    /// etcd reads the end of one zero byte literally here, so that a delete without an end clashes with no put: the two
    /// are carried out in their order.
    fn add_range(&mut self, range: &KeyRange) {
        match &range.end {
            RangeEnd::Single => self.add(range.start.clone(), [&range.start[..], &[0]].concat().into()),
            RangeEnd::Before(end) if *end > range.start => self.add(range.start.clone(), end.clone()),
            RangeEnd::Before(_) | RangeEnd::Unbounded => {}
        }
    }

    fn add(&mut self, mut start: Bytes, mut end: Bytes) {
        while let Some((from, to)) = self.0.range(..=end.clone()).next_back()
            && *to >= start
        {
            let from = from.clone();
            start = start.min(from.clone());
            end = end.max(to.clone());
            self.0.remove(&from);
        }
        self.0.insert(start, end);
    }

    fn contain(&self, key: &Bytes) -> bool {
        self.0.range(..=key.clone()).next_back().is_some_and(|(_, end)| key < end)
    }
}

#[cfg(test)]
#[path = "operation_tests.rs"]
mod tests;

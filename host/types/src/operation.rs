//! What a client asks to write, and etcd's rules for a well-formed request.

use bytes::Bytes;

use crate::{KeyRange, Plain, RangeEnd, RangeQuery, TXN_DEPTH_MAX, TXN_OPS_MAX};

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
    /// More than [`TXN_OPS_MAX`] operations, or nested deeper than [`TXN_DEPTH_MAX`].
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
    /// Checks the request against etcd's rules.
    ///
    /// # Errors
    /// The first rule that is broken, in etcd's order.
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Put(put) => put.check(),
            Self::DeleteRange(delete) => check_key(&delete.range),
            Self::Txn(txn) => {
                txn.check(1)?;
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

    fn check(&self, depth: usize) -> Result<(), Invalid> {
        let widest = self.compare.len().max(self.success.len()).max(self.failure.len());
        if widest > TXN_OPS_MAX || depth > TXN_DEPTH_MAX {
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
                TxnOp::Txn(txn) => txn.check(depth + 1)?,
            }
        }
        Ok(())
    }
}

fn check_key(range: &KeyRange) -> Result<(), Invalid> {
    if range.start.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}

/// What a transaction could write: the keys put and the ranges deleted, for etcd's rule that no key
/// may be written twice at one revision (`checkIntervals` in etcd's `v3rpc/key.go`).
#[derive(Default)]
struct Writes {
    puts: std::collections::BTreeSet<Bytes>,
    deletes: Vec<KeyRange>,
}

impl Writes {
    fn of_txn(txn: &Txn) -> Result<Self, Invalid> {
        let mut success = Self::of_branch(&txn.success)?;
        let failure = Self::of_branch(&txn.failure)?;
        // Only one of the two branches happens, so they cannot clash with each other.
        success.puts.extend(failure.puts);
        success.deletes.extend(failure.deletes);
        Ok(success)
    }

    fn of_branch(branch: &[TxnOp]) -> Result<Self, Invalid> {
        let mut own = Self::default();
        own.deletes.extend(branch.iter().filter_map(|op| match op {
            TxnOp::DeleteRange(delete) => Some(delete.range.clone()),
            _ => None,
        }));
        for op in branch {
            if let TxnOp::Txn(txn) = op {
                own.absorb(Self::of_txn(txn)?)?;
            }
        }
        for op in branch {
            if let TxnOp::Put(put) = op
                && (own.deletes(&put.key) || !own.puts.insert(put.key.clone()))
            {
                return Err(Invalid::DuplicateKey);
            }
        }
        Ok(own)
    }

    fn absorb(&mut self, inner: Self) -> Result<(), Invalid> {
        let clash = inner.puts.iter().any(|key| self.puts.contains(key) || self.deletes(key))
            || self.puts.iter().any(|key| inner.deletes(key));
        if clash {
            return Err(Invalid::DuplicateKey);
        }
        self.puts.extend(inner.puts);
        self.deletes.extend(inner.deletes);
        Ok(())
    }

    fn deletes(&self, key: &[u8]) -> bool {
        self.deletes.iter().any(|range| range.contains(key) && !is_inverted(range))
    }
}

fn is_inverted(range: &KeyRange) -> bool {
    matches!(&range.end, RangeEnd::Before(end) if *end <= range.start)
}

#[cfg(test)]
#[path = "operation_tests.rs"]
mod tests;

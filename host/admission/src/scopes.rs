//! Which plugins a key concerns, found in steps that do not grow with the number of plugins and prefixes but with how deep the
//! prefixes of that key nest.

use bytes::Bytes;
use types::{KeyRange, Operation, RangeEnd, TxnOp};

use crate::limits::PLUGINS_MAX;

/// Plugins of one set, by their place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerned(u64);

const _: () = assert!(PLUGINS_MAX as u32 <= u64::BITS, "a plugin has a bit of its own");

impl Concerned {
    pub(crate) fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

/// The prefixes of all plugins, in order.
#[derive(Default)]
pub(crate) struct Scopes {
    prefixes: Vec<Scope>,
}

struct Scope {
    prefix: Bytes,
    /// Whose prefix it is.
    plugins: Concerned,
    /// The longest other prefix that this one begins with.
    around: Option<usize>,
}

impl Scopes {
    /// Of plugins in the order of their places: at most [`PLUGINS_MAX`], which is held to where commands are applied.
    pub(crate) fn new<'a>(plugins: impl Iterator<Item = impl Iterator<Item = &'a Bytes>>) -> Self {
        let mut named: Vec<(&Bytes, Concerned)> = plugins
            .enumerate()
            .flat_map(|(place, prefixes)| prefixes.map(move |prefix| (prefix, Concerned(1 << place))))
            .collect();
        named.sort_by_key(|(prefix, _)| *prefix);
        let mut prefixes: Vec<Scope> = Vec::new();
        for (prefix, plugins) in named {
            match prefixes.last_mut() {
                Some(last) if last.prefix == *prefix => last.plugins.add(plugins),
                last => {
                    let mut around = last.is_some().then(|| prefixes.len() - 1);
                    while let Some(at) = around.filter(|at| !prefix.starts_with(&prefixes[*at].prefix)) {
                        around = prefixes[at].around;
                    }
                    prefixes.push(Scope { prefix: prefix.clone(), plugins, around });
                }
            }
        }
        Self { prefixes }
    }

    /// Those with a prefix that some key which `operation` writes begins with.
    pub(crate) fn of(&self, operation: &Operation) -> Concerned {
        let mut concerned = Concerned::default();
        match operation {
            Operation::Put(put) => self.key(&put.key, &mut concerned),
            Operation::DeleteRange(delete) => self.range(&delete.range, &mut concerned),
            Operation::Txn(txn) => self.txn(txn, &mut concerned),
        }
        concerned
    }

    /// Recursion is bounded by [`types::TXN_DEPTH_MAX`].
    fn txn(&self, txn: &types::Txn, concerned: &mut Concerned) {
        for op in txn.success.iter().chain(&txn.failure) {
            match op {
                TxnOp::Range(_) => {}
                TxnOp::Put(put) => self.key(&put.key, concerned),
                TxnOp::DeleteRange(delete) => self.range(&delete.range, concerned),
                TxnOp::Txn(inner) => self.txn(inner, concerned),
            }
        }
    }

    /// Whatever prefix the key has is the last one before it in the order, or one around that.
    fn key(&self, key: &[u8], concerned: &mut Concerned) {
        let behind = self.prefixes.partition_point(|scope| *scope.prefix <= *key);
        let mut at = behind.checked_sub(1);
        while let Some(scope) = at.map(|at| &self.prefixes[at]) {
            if key.starts_with(&scope.prefix) {
                concerned.add(scope.plugins);
            }
            at = scope.around;
        }
    }

    /// Those of its first key, and those that begin within it.
    fn range(&self, range: &KeyRange, concerned: &mut Concerned) {
        self.key(&range.start, concerned);
        let first = self.prefixes.partition_point(|scope| scope.prefix < range.start);
        let within = self.prefixes[first..].iter().take_while(|scope| match &range.end {
            RangeEnd::Single => false,
            RangeEnd::Before(end) => scope.prefix < *end,
            RangeEnd::Unbounded => true,
        });
        within.for_each(|scope| concerned.add(scope.plugins));
    }
}

#[cfg(test)]
#[path = "scopes_tests.rs"]
mod tests;

//! What is measured: a file for each kind of work, with its rows beside what measures them.

mod compaction;
mod million;
mod own;
mod put;
mod read;
mod stall;
mod watch;

use clap::ValueEnum;
use harness::Program;

use crate::{identity::Identity, row::Row, scale::Scale};

/// Something that is measured on a server of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Puts of one client
    Put1,
    /// Puts of 64 clients
    Put64,
    /// Puts of 1000 clients
    Put1000,
    /// Puts of 1000 clients on three members
    ThreeMembers,
    /// The update of kube-apiserver
    Txn,
    /// Linearizable reads of one key
    Get,
    /// Lists of 10,000 keys
    List,
    /// Many watchers of one key
    Watch,
    /// Leases kept alive
    Lease,
    /// Reads while the disk is slow
    Stall,
    /// A million keys: count, memory, size, snapshot, restart
    Million,
    /// Compaction of a million revisions
    Compaction,
    /// What a sealed prefix costs
    Sealing,
    /// What a plugin costs
    Plugin,
}

impl Work {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[
        Self::Put1,
        Self::Put64,
        Self::Put1000,
        Self::ThreeMembers,
        Self::Txn,
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Lease,
        Self::Stall,
        Self::Million,
        Self::Compaction,
        Self::Sealing,
        Self::Plugin,
    ];

    /// What `--only` calls it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether etcd has anything like it.
    pub(crate) fn has_etcd(self) -> bool {
        !matches!(self, Self::Sealing | Self::Plugin)
    }

    /// What comes out of it.
    pub(crate) fn rows(self) -> &'static [Row] {
        match self {
            Self::Put1 => put::ONE,
            Self::Put64 => put::SOME,
            Self::Put1000 => put::MANY,
            Self::ThreeMembers => put::THREE_MEMBERS,
            Self::Txn => put::TXN,
            Self::Get => read::GET,
            Self::List => read::LIST,
            Self::Watch => watch::WATCH,
            Self::Lease => watch::LEASE,
            Self::Stall => stall::ROWS,
            Self::Million => million::ROWS,
            Self::Compaction => compaction::ROWS,
            Self::Sealing => own::SEALING,
            Self::Plugin => own::PLUGIN,
        }
    }

    /// Measures a server of this program, started for it: a figure for each row.
    pub(crate) async fn measure(self, scale: &Scale, identity: &Identity, program: Program) -> Vec<f64> {
        match self {
            Self::Put1 => put::one(scale, identity, program).await,
            Self::Put64 => put::some(scale, identity, program).await,
            Self::Put1000 => put::many(scale, identity, program).await,
            Self::ThreeMembers => put::three_members(scale, identity, program).await,
            Self::Txn => put::txn(scale, identity, program).await,
            Self::Get => read::get(scale, identity, program).await,
            Self::List => read::list(scale, identity, program).await,
            Self::Watch => watch::watch(scale, identity, program).await,
            Self::Lease => watch::lease(scale, identity, program).await,
            Self::Stall => stall::measure(scale, identity, program).await,
            Self::Million => million::measure(scale, identity, program).await,
            Self::Compaction => compaction::measure(scale, identity, program).await,
            Self::Sealing => own::sealing(scale).await,
            Self::Plugin => own::plugin(scale).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_work_is_measured_and_no_two_rows_have_one_title() {
        assert_eq!(Work::value_variants(), Work::ALL);
        let titles: Vec<_> = Work::ALL.iter().flat_map(|work| work.rows()).map(|row| row.title).collect();
        assert_eq!(titles.iter().collect::<HashSet<_>>().len(), titles.len());
    }
}

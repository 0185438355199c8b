//! The column families of the state and how RocksDB keeps them.

use rocksdb::{BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, Env, Options};

/// A column family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Newest record of each key.
    Live,
    /// The revision of the newest record of each key: what counts keys, or looks for old ones, needs no value.
    Index,
    /// How many live keys lie between some of them.
    Counts,
    /// Superseded records and tombstones.
    Past,
    /// What happened, by revision.
    Events,
    /// Leases and the keys attached to them.
    Lease,
    /// Users and roles.
    Auth,
    /// Plugins, and how they are bound to writes.
    Policy,
    /// Components of plugins, by their digest.
    Component,
    /// Wrapped data keys.
    Keyring,
    /// What is sealed.
    Rules,
    /// What administrators did.
    Audit,
    /// Counters, and how far the log is applied.
    Meta,
}

impl Family {
    /// In the order of the variants.
    pub(crate) const ALL: [Self; 13] = [
        Self::Live,
        Self::Index,
        Self::Counts,
        Self::Past,
        Self::Events,
        Self::Lease,
        Self::Auth,
        Self::Policy,
        Self::Component,
        Self::Keyring,
        Self::Rules,
        Self::Audit,
        Self::Meta,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Index => "index",
            Self::Counts => "counts",
            Self::Past => "past",
            Self::Events => "events",
            Self::Lease => "lease",
            Self::Auth => "auth",
            Self::Policy => "policy",
            Self::Component => "component",
            Self::Keyring => "keyring",
            Self::Rules => "rules",
            Self::Audit => "audit",
            Self::Meta => "meta",
        }
    }
}

/// Shared by all families: enough to keep the index and filter blocks of a few million keys at hand.
const BLOCK_CACHE_BYTES: usize = 128 << 20;

/// Memtable of one family; with the log kept apart it is flushed when full, at a snapshot and at shutdown.
const WRITE_BUFFER_BYTES: usize = 64 << 20;

/// Of what is read at once: with RocksDB's own 4 KiB a list of values of 1 KiB looks a block up for every few of them.
const BLOCK_BYTES: usize = 16 << 10;

/// Files are handed to the disk in steps of so much while they are written: at once at their end, a sync of the log would wait for all of it.
const BYTES_PER_SYNC: u64 = 1 << 20;

/// Options of the database as a whole.
pub(crate) fn database_options() -> Result<Options, rocksdb::Error> {
    let mut options = Options::default();
    // Merging files gives way to all else. What is in memory is written out as ever: until it is, it can only grow.
    let mut env = Env::new()?;
    env.lower_thread_pool_cpu_priority();
    options.set_env(&env);
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // Without a write-ahead log all families must reach the disk together, or `applied` could run ahead of its data.
    options.set_atomic_flush(true);
    options.set_max_background_jobs(4);
    options.set_keep_log_file_num(4);
    options.set_max_open_files(1024);
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    Ok(options)
}

/// Every family with its options.
pub(crate) fn descriptors() -> Vec<ColumnFamilyDescriptor> {
    descriptors_of(|_| true)
}

/// The families that `wanted` names, with their options.
pub(crate) fn descriptors_of(wanted: impl Fn(&str) -> bool) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    Family::ALL
        .iter()
        .filter(|family| wanted(family.name()))
        .map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(*family, &cache)))
        .collect()
}

fn family_options(family: Family, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(5);
    blocks.set_block_size(BLOCK_BYTES);
    if matches!(family, Family::Live | Family::Index | Family::Past | Family::Lease) {
        blocks.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options
}

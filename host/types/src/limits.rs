//! Bounds on what a client may ask for, with the reason for each number.

/// Most operations in one transaction, nested ones included per level. etcd's `--max-txn-ops` default.
pub const TXN_OPS_MAX: usize = 128;

/// Largest request in bytes: 1.5 MiB, etcd's `--max-request-bytes` default. Kubernetes relies on it being no smaller.
pub const REQUEST_BYTES_MAX: usize = 1_572_864;

/// How deep transactions may nest. etcd sets no bound; ours keeps recursion over untrusted input shallow.
pub const TXN_DEPTH_MAX: usize = 16;

/// Longest lease in seconds. etcd's `lease.MaxLeaseTTL`.
pub const LEASE_TTL_SECONDS_MAX: i64 = 9_000_000_000;

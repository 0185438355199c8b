//! The same cases against Strongroom and against etcd, whose answers must agree.
//!
//! A case is an async closure over a `Session`. `agree` runs it on a new Strongroom and on a
//! new etcd (Debian's `etcd-server`, version 3.4) at the same time, and compares what the two sessions wrote down: the output of
//! the real `etcdctl`, and gRPC answers for what `etcdctl` 3.4 cannot ask. Nothing is normalised but cluster, member and lease
//! ids, the raft term and times; a revision is compared as it is. Where etcd 3.7, which Strongroom follows, differs from 3.4, the
//! case says so and expects each answer by name.
//!
//! A case is to fail when both servers are wrong in the same way, too: `ok` wants success, `fails` and `refused` want their
//! error by its exact text.
//!
//! It is *not* about durability, sealing or plugins; see `faults`.

#[cfg(test)]
mod compaction;
#[cfg(test)]
mod delete;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod get;
#[cfg(test)]
mod hash;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod nested;
#[cfg(test)]
mod put;
#[cfg(test)]
mod range;
#[cfg(test)]
mod render;
#[cfg(test)]
mod session;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod txn;
#[cfg(test)]
mod watch;

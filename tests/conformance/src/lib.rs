//! The same cases against Strongroom and against a real etcd, whose answers must agree.
//!
//! A case is data (`cases/`, and how to write one in `cases/README.md`): calls by name, streams, HTTP requests, `etcdctl`, starts and
//! stops. [`run()`] plays each on a new Strongroom and on a new etcd at the same time, and compares everything that the two said: whole
//! answers, errors, revisions, events and their order. Only what differs between any two servers is masked, by name (`mask`), so
//! that which ids are the same is compared, too. Where an older etcd answers otherwise, or Strongroom means to do better, the case says so
//! with the reason.
//!
//! A case fails when both servers are wrong in the same way, too: each has an expectation that is held against both.
//!
//! Generated sequences ([`Plan::sequences`]) are played the same way; one that differs is shrunk, and printed as a case.
//!
//! What the cases reach is counted against the descriptors of the wire and the list of etcd's errors: a method, a field or an error
//! that no case reaches fails the run unless `cases/` says why.
//!
//! It is *not* about durability, sealing or plugins; see `faults`.
//!
//! Environment: that of `harness`; `STRONGROOM_SUBJECT=etcd` puts a second etcd in Strongroom's place, so what then fails is wrong in
//! the case.

mod authority;
mod case;
mod coverage;
mod errors;
mod expect;
mod json;
mod mask;
mod message;
mod older;
mod outcome;
mod page;
mod play;
mod report;
mod run;
mod sequence;
mod session;
mod shell;
mod stream;
mod verdict;
mod wire;

pub use run::{Failure, Plan, run};

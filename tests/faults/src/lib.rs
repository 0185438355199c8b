//! Crashes, leaks, hostile plugins, closed doors and operator mistakes, against the built program.
//!
//! | file | what it holds Strongroom to |
//! |---|---|
//! | `crash` | after `kill -9` at any moment every acknowledged write is there, once, at its revision |
//! | `secrets` | a value of a sealed prefix is in no file, no log line and no metric |
//! | `backup` | what was held is in a snapshot, and in etcd's when moving in or out; what was changed of one is found |
//! | `admission` | plugins deny with their reason; hostile ones are stopped, deny, and harm nothing else |
//! | `doors` | no certificate, no connection; no administrator's certificate, no admin call |
//! | `audit` | who did what is recorded, on every member, and nobody can change it unseen |
//! | `offices` | administrators, auditors and operators of backups do what they are for, with certificates of `strongroom cert` |
//! | `matrix` | every call, by every kind of certificate, at every listener, is let in or refused as the table of classes says |
//! | `reload` | certificates, authorities and lists of revoked ones are replaced under traffic, and only the revoked notice |
//! | `revoked_member` | nobody stays connected, or connects, to a member whose certificate was revoked |
//! | `limits` | prefixes hold no more and are written no faster than they may, and callers ask no more often and have no more streams |
//! | `gateway` | etcd's JSON over HTTP works over TLS, for nobody more than gRPC does |
//! | `introspection` | tools that ask a server what it is are told: gRPC's health service and reflection |
//! | `metrics` | every family of etcd is on the page, or has its reason |
//! | `drop_in` | under etcd's name it takes etcd's command line and file, and logs as etcd does |
//! | `formats` | what an older version left in a data directory is read as that version read it |
//! | `watchers` | thousands of watches receive each event once, in order, while one client never reads |
//! | `kubernetes` | what kube-apiserver asks is answered as it relies on, and its secrets are not on the disk |
//! | `kubeadm` | it runs from kubeadm's own static pod, is joined and reset as kubeadm does, and obeys its certificate and no client's |
//! | `users` | users and roles, and what etcd had to mend of them (`advisories`) |
//! | `kms` | data keys follow a KMS plugin that is killed, comes back and rotates, and no write is lost meanwhile |
//! | `operator` | a mistake is one sentence and exit code 1, and a stopped member is found again |
//!
//! `history` and `search` are what `crash` and `secrets` judge by; each has tests that show it finding what it is to find.
//! `crash` can be run against etcd as well (`STRONGROOM_SUBJECT=etcd`), to tell a broken test from a broken server; `kubernetes` always is.
//!
//! The program `faults` beside it (`make faults`) runs campaigns: traffic on a cluster, faults drawn by a seed, and checkers that know
//! what a correct server may do. Its own page says how; `verdict`, `traffic` and `campaign` are its parts.
//!
//! It is *not* about what a request answers: see `conformance`.

pub mod search;

#[cfg(test)]
mod admission;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod drop_in;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod history;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod kms;
#[cfg(test)]
mod kubeadm;
#[cfg(test)]
mod kubernetes;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod load;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod offices;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod revoked_member;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod users;
#[cfg(test)]
mod watchers;

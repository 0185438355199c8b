//! What a cluster held is in its snapshots, and in those of an etcd that it moves to or comes from.

mod damage;
mod etcd;
mod kubernetes;
mod moments;
mod restore;
mod resume;
mod rewind;
mod unasked;

use std::path::Path;

use harness::{Etcdctl, Kind, Program, Run, Server};

use crate::offices::{done, text};

/// A member with etcd's flags and these besides.
fn kind(flags: &[&str]) -> Kind {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Kind::Member { program: Program::Strongroom, tls: None, flags }
}

/// Runs `strongroom` with these words and those that make a data directory for a server that was not started.
async fn made_for(server: &Server, words: &[&str]) -> Run {
    let peer = format!("http://127.0.0.1:{}", server.ports().peer);
    let (dir, cluster) = (server.dir(), format!("default={peer}"));
    let member = ["--data-dir", text(&dir), "--initial-cluster", &cluster, "--initial-advertise-peer-urls", &peer];
    harness::run(&[words, &member[..], &["--initial-cluster-token", "another"]].concat(), None).await
}

/// A server that begins with a snapshot.
pub(crate) async fn restored(snapshot: &Path, flags: &[&str], more: &[&str]) -> Server {
    let mut server = Server::unstarted(kind(flags));
    done(&made_for(&server, &[&["snapshot", "restore", text(snapshot)], more].concat()).await);
    server.start().await;
    server
}

async fn saved(etcdctl: &Etcdctl, path: &Path) {
    etcdctl.ok(&["snapshot", "save", text(path)]).await;
}

/// Every key with its value, its revisions, its version and its lease, as it was at a revision.
async fn everything(etcdctl: &Etcdctl, revision: i64) -> String {
    let revision = format!("--rev={revision}");
    let answer = etcdctl.ok(&["get", "", "--prefix", &revision, "-w", "json"]).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["kvs"].to_string()
}

/// The newest revision.
async fn newest(etcdctl: &Etcdctl) -> i64 {
    let answer = etcdctl.ok(&["get", "x", "-w", "json"]).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["header"]["revision"].as_i64().unwrap()
}

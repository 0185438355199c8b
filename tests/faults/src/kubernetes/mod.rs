//! kube-apiserver's pattern: what its storage layer asks (1.36, and 1.37 with streamed lists), with objects in its own encoding.
//!
//! The same calls and the same expectations go to Strongroom and to the etcd to compare with. kube-apiserver does without streamed
//! lists on an etcd that has none, and without progress on one whose answers may run ahead; so does this, by the version that the
//! server reports. Strongroom has to report one that has both.

mod lists;
mod object;
mod storage;
mod upkeep;
mod watch;
mod writes;

use harness::{Kind, Server};
use storage::Storage;

/// Whether a server is an etcd from before 3.7, as it says itself.
async fn is_older(storage: &Storage) -> bool {
    upkeep::version(storage).await < (3, 7)
}

async fn pattern(server: &Server) {
    let storage = Storage { client: server.client().await };
    let older = is_older(&storage).await;
    let ours = matches!(server.kind(), Kind::Strongroom { .. });
    assert!(!(ours && older), "Strongroom reports a version that kube-apiserver takes for an old one");
    println!("streamed lists and progress: {}", if older { "not in this etcd" } else { "yes" });
    upkeep::status_and_health(&storage).await;
    writes::objects(&storage).await;
    writes::secrets(server, &storage).await;
    lists::pages(&storage).await;
    lists::stream(&storage, older).await;
    watch::events(&storage).await;
    if !older {
        watch::consistent_reads(&storage).await;
    }
    upkeep::leases(&storage).await;
    upkeep::compaction(&storage, older).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strongroom_answers_kube_apiserver() {
    pattern(&Server::subject().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcd_answers_kube_apiserver() {
    pattern(&Server::etcd().await).await;
}

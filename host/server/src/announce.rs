//! What a server says in its log while it starts, in etcd's words where scripts wait for them.

use crate::cli::architecture;
use crate::config::url::Url;
use crate::config::{Config, Limits, Timing};
use crate::listeners::{Socket, Sockets};

/// etcd's name for a member that was given none.
const DEFAULT_NAME: &str = "default";

/// The start, with what decides how the member behaves.
pub(crate) fn start(config: &Config) {
    if config.name == DEFAULT_NAME {
        tracing::warn!(name = config.name, "it isn't recommended to use default name, please set a value for --name");
    }
    if config.unsafe_no_fsync {
        tracing::warn!(
            setting = "--unsafe-no-fsync",
            "writes are answered before they are on disk: a crash loses them"
        );
    }
    let Limits { quota_backend_bytes, max_txn_ops, max_request_bytes, .. } = config.limits;
    let Timing { heartbeat, election, .. } = config.timing;
    tracing::info!(
        "etcd-version" = api::ETCD_VERSION,
        "strongroom-version" = env!("CARGO_PKG_VERSION"),
        "go-os" = std::env::consts::OS,
        "go-arch" = architecture(),
        "name" = config.name,
        "data-dir" = %config.data_dir.display(),
        "heartbeat-interval" = ?heartbeat,
        "election-timeout" = ?election,
        "snapshot-count" = config.snapshot_entries,
        "quota-backend-bytes" = quota_backend_bytes,
        "max-txn-ops" = max_txn_ops,
        "max-request-bytes" = max_request_bytes,
        "auto-compaction" = ?config.limits.auto_compaction,
        "starting an etcd server"
    );
}

/// The listeners, and the line that scripts wait for. The sockets take connections already; who connects now is served.
pub(crate) fn ready(config: &Config, peers: &[Url], sockets: &Sockets) {
    tracing::info!(
        "initial-advertise-peer-urls" = ?texts(&config.peer.advertised),
        "listen-peer-urls" = ?texts(peers),
        "advertise-client-urls" = ?texts(&config.client.advertised),
        "listen-client-urls" = ?of(&sockets.client),
        "listen-metrics-urls" = ?of(&sockets.metrics),
        "listen-admin-urls" = ?of(&sockets.admin),
        "now serving peer/client/metrics"
    );
    for address in texts(peers) {
        tracing::info!(address, "serving peer traffic");
    }
    for address in of(&sockets.metrics) {
        tracing::info!(address, "serving metrics");
    }
    for address in of(&sockets.admin) {
        tracing::info!(address, "serving administrators");
    }
    tracing::info!("ready to serve client requests");
    for Socket { url, .. } in &sockets.client {
        let address = address(url);
        if url.is_tls() {
            tracing::info!(traffic = "grpc+http", address, "serving client traffic securely");
        } else {
            tracing::info!(
                traffic = "grpc+http",
                address,
                "serving client traffic insecurely; this is strongly discouraged!"
            );
        }
    }
}

/// Without the scheme, as etcd has it there.
fn address(url: &Url) -> String {
    let url = url.to_string();
    url.split_once("://").map_or(url.clone(), |(_, address)| address.to_owned())
}

fn of(sockets: &[Socket]) -> Vec<String> {
    sockets.iter().map(|socket| socket.url.to_string()).collect()
}

fn texts(urls: &[Url]) -> Vec<String> {
    urls.iter().map(ToString::to_string).collect()
}

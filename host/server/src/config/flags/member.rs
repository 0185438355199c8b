//! Flags of the member itself: its data, its listeners, its limits.

use super::Kind::{Duration, Signed, Switch, Text, Whole};
use super::{Flag, honoured, moot, only};

const NO_BBOLT: &str = "the state is in RocksDB, not in bbolt";
const OWN_LINK: &str = "the peer link sees by itself whether the other side is alive";

#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    honoured("name", Text, "default", "human-readable name of this member"),
    honoured("data-dir", Text, "", "directory that holds the log and the state; NAME.etcd when not given"),
    only("wal-dir", Text, &[""], "the log lies in the data directory"),
    honoured("snapshot-count", Whole, "10000", "committed entries after which the log is compacted into a snapshot"),
    honoured("heartbeat-interval", Whole, "100", "time between heartbeats, in milliseconds"),
    honoured("election-timeout", Whole, "1000", "time without a heartbeat after which an election starts, in milliseconds"),
    moot("initial-election-tick-advance", Switch, "true", "the first election is not waited for longer than any other"),
    honoured("listen-peer-urls", Text, "http://localhost:2380", "URLs to listen on for members, comma separated"),
    honoured("listen-client-urls", Text, "http://localhost:2379", "URLs to listen on for clients, gRPC and HTTP, comma separated"),
    only("listen-client-http-urls", Text, &[""], "gRPC and HTTP share --listen-client-urls"),
    moot("max-snapshots", Whole, "5", "there is one snapshot, replaced by the next"),
    moot("max-wals", Whole, "5", "the log keeps what a restart needs, and nothing else"),
    honoured("memory-mlock", Switch, "false", "keep the memory of the process out of swap"),
    honoured("quota-backend-bytes", Signed, "0", "bytes of state above which writes are refused; 0 means 2 GiB, less means no limit"),
    moot("backend-bbolt-freelist-type", Text, "", NO_BBOLT),
    moot("backend-batch-interval", Duration, "0s", NO_BBOLT),
    moot("backend-batch-limit", Signed, "0", NO_BBOLT),
    honoured("max-txn-ops", Whole, "128", "most operations in one transaction"),
    honoured("max-request-bytes", Whole, "1572864", "largest request in bytes"),
    honoured("max-concurrent-streams", Whole, "4294967295", "streams in one connection; the default stands for 16384"),
    moot("grpc-keepalive-min-time", Duration, "5s", "clients may ask for signs of life as often as they like"),
    honoured("grpc-keepalive-interval", Duration, "2h0m0s", "time after which a silent connection is asked for a sign of life; 0 for never"),
    honoured("grpc-keepalive-timeout", Duration, "20s", "time in which it has to give one"),
    only("socket-reuse-port", Switch, &["false"], "two members on one port would take each other's clients"),
    moot("socket-reuse-address", Switch, "false", "listeners have SO_REUSEADDR always"),
    honoured("enable-grpc-gateway", Switch, "true", "serve the JSON gateway below /v3/"),
    moot("raft-read-timeout", Duration, "5s", OWN_LINK),
    moot("raft-write-timeout", Duration, "5s", OWN_LINK),
    honoured("feature-gates", Text, "", "NAME=true|false of etcd's feature gates, comma separated; they are about etcd's insides and have no effect"),
];

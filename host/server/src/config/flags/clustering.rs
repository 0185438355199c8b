//! Flags of the cluster and how it is founded.

use super::Kind::{Duration, Switch, Text};
use super::{Flag, honoured, moot, only, refused};

const NO_DISCOVERY: &str = "members are not discovered; name them with --initial-cluster";
const UNUSED: &str = "members are not discovered";

#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    honoured("initial-advertise-peer-urls", Text, "http://localhost:2380", "URLs of this member that other members are told"),
    honoured("initial-cluster", Text, "default=http://localhost:2380", "members at first start, as name=URL, comma separated; a name with several URLs is given several times"),
    honoured("initial-cluster-state", Text, "new", "`new` to found the cluster, `existing` to join it"),
    honoured("initial-cluster-token", Text, "etcd-cluster", "sets this cluster apart from others made of the same members"),
    honoured("advertise-client-urls", Text, "http://localhost:2379", "URLs of this member that clients are told"),
    refused("discovery", Text, "", NO_DISCOVERY),
    refused("discovery-token", Text, "", NO_DISCOVERY),
    refused("discovery-endpoints", Text, "", NO_DISCOVERY),
    moot("discovery-dial-timeout", Duration, "2s", UNUSED),
    moot("discovery-request-timeout", Duration, "5s", UNUSED),
    moot("discovery-keepalive-time", Duration, "2s", UNUSED),
    moot("discovery-keepalive-timeout", Duration, "6s", UNUSED),
    moot("discovery-insecure-transport", Switch, "true", UNUSED),
    moot("discovery-insecure-skip-tls-verify", Switch, "false", UNUSED),
    moot("discovery-cert", Text, "", UNUSED),
    moot("discovery-key", Text, "", UNUSED),
    moot("discovery-cacert", Text, "", UNUSED),
    moot("discovery-user", Text, "", UNUSED),
    moot("discovery-password", Text, "", UNUSED),
    only("discovery-fallback", Text, &["exit"], "the v2 proxy is gone, in etcd too"),
    moot("discovery-proxy", Text, "", UNUSED),
    refused("discovery-srv", Text, "", NO_DISCOVERY),
    refused("discovery-srv-name", Text, "", NO_DISCOVERY),
    honoured("strict-reconfig-check", Switch, "true", "refuse a change of members that would leave too few working ones"),
    honoured("pre-vote", Switch, "true", "a member asks whether it could win before it holds an election"),
    honoured("auto-compaction-retention", Text, "0", "history to keep: a duration (hours when it is a bare number) or a number of revisions; 0 keeps all"),
    honoured("auto-compaction-mode", Text, "periodic", "`periodic` or `revision`: how to read --auto-compaction-retention"),
    moot("v2-deprecation", Text, "write-only", "there is no v2 store, and etcd ignores the flag too"),
];

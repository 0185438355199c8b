//! Flags of monitoring, of the log, of the work in the background, and the unsafe ones.

use super::Kind::{Duration, Signed, Switch, Text, Whole};
use super::{Flag, honoured, moot};

const NO_TRACES: &str = "this version sends no traces";

#[rustfmt::skip]
pub(super) const MONITORING: &[Flag] = &[
    moot("enable-pprof", Switch, "false", "/debug/pprof is Go's; use perf or a like tool"),
    honoured("metrics", Text, "basic", "`basic`, or `extensive` to show how long each kind of call takes as well"),
    honoured("listen-metrics-urls", Text, "", "URLs to serve /metrics, /health, /livez and /readyz on, comma separated"),
];

#[rustfmt::skip]
pub(super) const LOGGING: &[Flag] = &[
    honoured("logger", Text, "zap", "`zap`, whose form the log has"),
    honoured("log-outputs", Text, "default", "`stderr`, `stdout`, `systemd/journal` or paths of files, comma separated"),
    honoured("log-level", Text, "info", "`debug`, `info`, `warn`, `error`, `panic` or `fatal`"),
    honoured("log-format", Text, "json", "`json` or `console`"),
    honoured("enable-log-rotation", Switch, "false", "rotate the one file of --log-outputs"),
    honoured("log-rotation-config-json", Text,
        r#"{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}"#,
        "when to rotate (MB) and what to keep (days, files)"),
    honoured("warning-unary-request-duration", Duration, "300ms", "time after which a request is logged as slow"),
];

#[rustfmt::skip]
pub(super) const TRACING: &[Flag] = &[
    moot("enable-distributed-tracing", Switch, "false", NO_TRACES),
    moot("distributed-tracing-address", Text, "localhost:4317", NO_TRACES),
    moot("distributed-tracing-service-name", Text, "etcd", NO_TRACES),
    moot("distributed-tracing-instance-id", Text, "", NO_TRACES),
    moot("distributed-tracing-sampling-rate", Signed, "0", NO_TRACES),
];

#[rustfmt::skip]
pub(super) const FEATURES: &[Flag] = &[
    honoured("corrupt-check-time", Duration, "0s", "time between two comparisons of the members' data; 0 means never"),
    honoured("compact-hash-check-time", Duration, "1m0s", "the same, if the feature gate CompactHashCheck is on"),
    moot("compaction-batch-limit", Signed, "0", "compaction is in batches of its own size"),
    moot("peer-skip-client-san-verification", Switch, "false", "a certificate's address is not compared with the caller's"),
    honoured("watch-progress-notify-interval", Duration, "0s", "time between progress notifications of an idle watch; 0 means 10m"),
    honoured("warning-apply-duration", Duration, "100ms", "time after which applying is logged as slow"),
    moot("bootstrap-defrag-threshold-megabytes", Whole, "0", "RocksDB gives space back by itself"),
    honoured("max-learners", Signed, "1", "most learners at a time"),
    moot("compaction-sleep-interval", Duration, "0s", "compaction is in batches of its own pace"),
    moot("downgrade-check-time", Duration, "5s", "a downgrade is looked at every five seconds"),
    honoured("snapshot-catchup-entries", Whole, "5000", "log entries kept behind a snapshot, for members that lag a little"),
];

#[rustfmt::skip]
pub(super) const UNSAFE: &[Flag] = &[
    honoured("force-new-cluster", Switch, "false", "go on alone with the data that is there, when the other members are lost for good; take the flag away afterwards"),
    honoured("unsafe-no-fsync", Switch, "false", "answer writes before they are on disk: a crash loses them"),
];

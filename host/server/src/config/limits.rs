//! Resolves what requests and the state may take.

use api::ConnectionSettings;
use flow::AutoCompaction;

use super::error::ConfigError;
use super::reader::Reader;
use super::value;

/// What requests and the state may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of state above which writes are refused; zero for the default, less for no limit.
    pub(crate) quota_backend_bytes: i64,
    /// Which history is compacted without being asked.
    pub(crate) auto_compaction: AutoCompaction,
    /// Most operations in one transaction.
    pub(crate) max_txn_ops: usize,
    /// Largest request, in bytes.
    pub(crate) max_request_bytes: usize,
}

impl Default for Limits {
    /// etcd's defaults.
    fn default() -> Self {
        let member = flow::MemberConfig::default();
        Self {
            quota_backend_bytes: member.quota_backend_bytes,
            auto_compaction: member.auto_compaction,
            max_txn_ops: member.max_txn_ops,
            max_request_bytes: member.max_request_bytes,
        }
    }
}

/// Every limit.
pub(super) fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        quota_backend_bytes: reader.signed("quota-backend-bytes"),
        auto_compaction: auto_compaction(reader),
        max_txn_ops: size(reader, "max-txn-ops"),
        max_request_bytes: size(reader, "max-request-bytes"),
    }
}

/// What etcd means by no limit.
const UNLIMITED: u32 = u32::MAX;

/// Streams and signs of life of one connection. Without a limit of the operator's there is one of our own.
pub(super) fn connections(reader: &mut Reader<'_>) -> ConnectionSettings {
    let usual = ConnectionSettings::default();
    let streams = reader.parsed("max-concurrent-streams", "a whole number from 1 to 4294967295", |text| {
        u32::try_from(value::whole(text)?).ok().filter(|streams| *streams > 0)
    });
    ConnectionSettings {
        streams_max: streams.filter(|streams| *streams != UNLIMITED).unwrap_or(usual.streams_max),
        keep_alive_interval: reader.duration("grpc-keepalive-interval"),
        keep_alive_timeout: reader.duration("grpc-keepalive-timeout"),
        ..usual
    }
}

fn size(reader: &mut Reader<'_>, name: &str) -> usize {
    reader.count(name).map_or(0, |number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// A bare number is hours in the periodic mode, as in etcd.
fn auto_compaction(reader: &mut Reader<'_>) -> AutoCompaction {
    let retention = "auto-compaction-retention";
    let mode = reader.text("auto-compaction-mode");
    let compaction = match mode.as_str() {
        "periodic" => reader.parsed(retention, "a duration such as 5m, or a whole number of hours", |text| {
            let hours = value::whole(text).map(|hours| format!("{hours}h"));
            let period = value::duration(hours.as_deref().unwrap_or(text))?;
            Some(if period.is_zero() { AutoCompaction::Off } else { AutoCompaction::Periodic(period) })
        }),
        "revision" => reader.parsed(retention, "a whole number of revisions", |text| {
            Some(match i64::try_from(value::whole(text)?).ok()? {
                0 => AutoCompaction::Off,
                revisions => AutoCompaction::Revision(revisions),
            })
        }),
        _ => {
            let (origin, expected) = (reader.origin("auto-compaction-mode"), "periodic or revision");
            reader.report(ConfigError::BadValue { origin, value: mode, expected });
            None
        }
    };
    compaction.unwrap_or_default()
}

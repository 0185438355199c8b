//! `--feature-gates`: etcd's switches for its insides. They are checked as etcd checks them; those that ask for comparing
//! the data of members are honoured, the others have no effect.

use flow::CorruptionChecks;

use super::error::ConfigError;
use super::reader::Reader;
use super::remark::Remark;
use super::value;

const FLAG: &str = "feature-gates";

/// The gates of etcd 3.7 with what makes each moot here, and the two that stand for all of a stage.
const GATES: [(&str, &str); 9] = [
    ("StopGRPCServiceOnDefrag", "requests are served while defragmenting"),
    ("TxnModeWriteWithSharedBuffer", "there is no such buffer"),
    ("LeaseCheckpoint", "how long leases have left is kept always"),
    ("LeaseCheckpointPersist", "how long leases have left is kept always"),
    ("SetMemberLocalAddr", "the system chooses the address that a member dials from"),
    ("FastLeaseKeepAlive", "renewing a lease waits for nothing"),
    ("PriorityRequest", "requests are carried out in their order"),
    ("AllAlpha", "there are no gates"),
    ("AllBeta", "there are no gates"),
];

/// The gate that makes a member compare itself with the others before it serves.
const INITIAL_CORRUPT_CHECK: &str = "InitialCorruptCheck";

/// The gate that makes the leader compare members every `--compact-hash-check-time`.
const COMPACT_HASH_CHECK: &str = "CompactHashCheck";

/// Checks the names and values; how the data of members is compared.
pub(super) fn corruption_checks(reader: &mut Reader<'_>) -> CorruptionChecks {
    let (mut initial, mut by_gate) = (false, false);
    for part in reader.list(FLAG) {
        let (name, value) = part.split_once('=').unwrap_or((&part, ""));
        match (name.trim(), value::switch(value.trim())) {
            (INITIAL_CORRUPT_CHECK, Some(on)) => {
                initial = on;
                continue;
            }
            (COMPACT_HASH_CHECK, Some(on)) => {
                by_gate = on;
                continue;
            }
            _ => {}
        }
        let known = GATES.iter().find(|(gate, _)| *gate == name.trim());
        let origin = reader.origin(FLAG);
        match (known, value::switch(value.trim())) {
            (Some((gate, why)), Some(_)) => reader.remark(Remark::Moot { origin: format!("{gate} of {origin}"), why }),
            (None, _) => {
                reader.report(ConfigError::BadValue { origin, value: part, expected: "a feature gate of etcd" });
            }
            (_, None) => {
                let expected = "a list of NAME=true or NAME=false";
                reader.report(ConfigError::BadValue { origin, value: part, expected });
            }
        }
    }
    let interval = match reader.duration("corrupt-check-time") {
        interval if interval.is_zero() && by_gate => reader.duration("compact-hash-check-time"),
        interval => interval,
    };
    CorruptionChecks { initial, interval }
}

//! `--feature-gates`: etcd's switches for its insides. They are checked as etcd checks them, and have no effect.

use super::error::ConfigError;
use super::reader::Reader;
use super::remark::Remark;
use super::value;

const FLAG: &str = "feature-gates";

/// The gates of etcd 3.7 with what makes each moot here, and the two that stand for all of a stage.
const GATES: [(&str, &str); 11] = [
    ("StopGRPCServiceOnDefrag", "requests are served while defragmenting"),
    ("TxnModeWriteWithSharedBuffer", "there is no such buffer"),
    ("InitialCorruptCheck", "a member alone has nobody to compare its data with"),
    ("CompactHashCheck", "a member alone has nobody to compare its data with"),
    ("LeaseCheckpoint", "how long leases have left is kept always"),
    ("LeaseCheckpointPersist", "how long leases have left is kept always"),
    ("SetMemberLocalAddr", "the system chooses the address that a member dials from"),
    ("FastLeaseKeepAlive", "renewing a lease waits for nothing"),
    ("PriorityRequest", "requests are carried out in their order"),
    ("AllAlpha", "there are no gates"),
    ("AllBeta", "there are no gates"),
];

/// Checks the names and values.
pub(super) fn check(reader: &mut Reader<'_>) {
    for part in reader.list(FLAG) {
        let (name, value) = part.split_once('=').unwrap_or((&part, ""));
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
}

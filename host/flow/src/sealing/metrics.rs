//! What is told of sealing.

use meters::{IntCounter, IntGauge, IntGaugeVec, Registry, counter, gauge, gauges};

/// The families of sealing. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SealMetrics {
    /// Records that were sealed anew by this member.
    pub(super) rewrapped_records: IntCounter,
    /// Bytes of their values.
    pub(super) rewrapped_bytes: IntCounter,
    /// Records that the last rewrap could not open.
    pub(super) unopened_records: IntGauge,
    /// Whether each root-key provider can be used, by its name.
    pub(super) providers: IntGaugeVec,
    /// Data keys that this member needs and could not unwrap.
    pub(super) unopened_keys: IntGauge,
    /// Records that a client asked for and that could not be opened.
    pub(crate) damaged: IntCounter,
}

impl SealMetrics {
    pub(crate) fn new() -> Self {
        Self {
            rewrapped_records: counter(
                "strongroom_seal_rewrapped_records_total",
                "Records that were sealed anew by this member.",
            ),
            rewrapped_bytes: counter(
                "strongroom_seal_rewrapped_bytes_total",
                "Bytes of the values that were sealed anew by this member.",
            ),
            unopened_records: gauge(
                "strongroom_seal_unopened_records",
                "Records that the last pass over sealed prefixes could not open.",
            ),
            providers: gauges(
                "strongroom_seal_provider_up",
                "Whether a root-key provider can be used. 1 means it can, 0 means it cannot.",
                &["provider"],
            ),
            unopened_keys: gauge(
                "strongroom_seal_unopened_data_keys",
                "Data keys that this member needs and could not unwrap.",
            ),
            damaged: counter(
                "strongroom_seal_damaged_total",
                "Records that a client asked for and that could not be opened.",
            ),
        }
    }

    pub(crate) fn register(&self, registry: &Registry) {
        for family in [&self.rewrapped_records, &self.rewrapped_bytes, &self.damaged] {
            registry.add(family);
        }
        registry.add(&self.unopened_records);
        registry.add(&self.unopened_keys);
        registry.add(&self.providers);
    }
}

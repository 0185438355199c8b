//! openraft's own conformance suite, run on this log and this state.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};
use store::{LeaseRecord, Store};
use tempfile::TempDir;
use watch::Hub;

use crate::{
    Bootstrap, ConsensusConfig, LeaseClock, Renewal,
    farewell::Farewell,
    log::{LogOptions, LogStore},
    log_storage::LogStorage,
    machine::StateMachine,
    metrics::ConsensusMetrics,
    outcomes::Outcomes,
    raft_types::TypeConfig,
};

struct Builder;

struct NoClock;

impl LeaseClock for NoClock {
    fn granted(&self, _lease: LeaseRecord) {}

    fn renew(&self, _id: i64, _ttl_seconds: i64) -> Renewal {
        Renewal::NotPrimary
    }

    fn left(&self, _ids: &[i64]) -> Option<BTreeMap<i64, i64>> {
        None
    }
}

fn config(dir: &Path) -> ConsensusConfig {
    ConsensusConfig {
        dir: dir.to_owned(),
        cluster_id: 7,
        member_id: 1,
        bootstrap: Bootstrap::Join,
        force_alone: None,
        peer_tls: None,
        heartbeat_ms: 100,
        election_ms: 1000,
        pre_vote: true,
        snapshot_entries: 100,
        catch_up_entries: 10,
        unsafe_no_fsync: true,
        warning_apply_duration: Duration::from_secs(1),
    }
}

impl StoreBuilder<TypeConfig, LogStorage, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStorage, StateMachine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let log = LogStore::open(&dir.path().join("log"), LogOptions::default()).unwrap();
        let store = Store::open(&dir.path().join("state")).unwrap();
        let metrics = ConsensusMetrics::new(log.metrics().clone(), 1);
        let (hub, clock) = (Arc::new(Hub::new(1)), Arc::new(NoClock));
        let (config, farewell) = (config(dir.path()), Farewell::default());
        let machine = StateMachine::open(store, hub, Outcomes::new(1), clock, &config, metrics, farewell.clone());
        Ok((dir, LogStorage::new(log, farewell), machine.unwrap()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openrafts_storage_conformance_suite_passes() {
    Suite::test_all(Builder).await.unwrap();
}

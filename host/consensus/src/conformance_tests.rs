//! openraft's own conformance suite, run on this log and this state.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};
use store::{LeaseRecord, Store};
use tempfile::TempDir;
use watch::Hub;

use crate::{
    LeaseClock, Renewal,
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

impl StoreBuilder<TypeConfig, LogStorage, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStorage, StateMachine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let log = LogStore::open(&dir.path().join("log"), LogOptions::default()).unwrap();
        let store = Store::open(&dir.path().join("state")).unwrap();
        let metrics = ConsensusMetrics::new(log.metrics().clone(), 1);
        let machine = StateMachine::open(
            store,
            Arc::new(Hub::new(1)),
            Outcomes::new(1),
            Arc::new(NoClock),
            &dir.path().join("snapshot"),
            Duration::from_secs(1),
            metrics,
        )
        .unwrap();
        Ok((dir, LogStorage::new(log), machine))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openrafts_storage_conformance_suite_passes() {
    Suite::test_all(Builder).await.unwrap();
}

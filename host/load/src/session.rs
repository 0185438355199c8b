//! What all clients of a run share.

use std::sync::Arc;
use std::time::Duration;

use crate::arguments::{Data, Load};
use crate::connection::{Connection, Endpoints, answer};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::keys::KeySpace;
use crate::values::Values;

/// Connections, keys and values.
pub(crate) struct Session {
    pub(crate) urls: Vec<String>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) clients: usize,
    pub(crate) keys: KeySpace,
    pub(crate) values: Values,
    pub(crate) value_bytes: usize,
    pub(crate) seed: u64,
    pub(crate) timeout: Duration,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Session {
    /// Opens so many connections for the keys and values of these flags.
    ///
    /// # Errors
    /// [`BenchError::Unreachable`] and what else is wrong with the endpoints.
    pub(crate) async fn open(
        endpoints: &Endpoints,
        load: &Load,
        data: &Data,
        keys: KeySpace,
        connections: usize,
        interrupt: &Arc<Interrupt>,
    ) -> Result<Self, BenchError> {
        Ok(Self {
            urls: endpoints.urls(),
            connections: endpoints.open(connections, load.timeout).await?,
            clients: load.clients(),
            keys,
            values: Values::new(data.value_bytes, load.seed),
            value_bytes: data.value_bytes,
            seed: load.seed,
            timeout: load.timeout,
            interrupt: Arc::clone(interrupt),
        })
    }

    /// The connection of the client with this number.
    pub(crate) fn connection(&self, client: usize) -> &Connection {
        &self.connections[client % self.connections.len()]
    }

    /// What a call that has to succeed was answered.
    ///
    /// # Errors
    /// [`BenchError::Refused`] and [`BenchError::Unanswered`].
    pub(crate) async fn answer<T>(
        &self,
        what: &'static str,
        call: impl Future<Output = Result<T, tonic::Status>>,
    ) -> Result<T, BenchError> {
        answer(what, self.timeout, call).await
    }
}

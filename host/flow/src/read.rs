//! One read: confirm that this member is new enough, read a view, open what was asked for.

use auth::{Caller, Denial};
use bytes::Bytes;
use seal::Sealed;
use store::{ReadError, StoreFailure, View};
use types::{Plain, RangeOutcome, RangeQuery};

use crate::{FlowError, Header, Member, Reply, write::ATTEMPTS_MAX};

impl Member {
    /// Reads a range: linearizable, unless the query says that local state will do.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn range(&self, caller: &Caller, query: RangeQuery) -> Result<Reply<RangeOutcome<Plain>>, FlowError> {
        let Reply { header, body: (body, _) } = self.range_skipping(caller, query, false).await?;
        Ok(Reply { header, body })
    }

    /// The same; `skips` says whether keys whose values cannot be opened are left out and told apart, rather than fail the read.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn range_skipping(
        &self,
        caller: &Caller,
        query: RangeQuery,
        skips: bool,
    ) -> Result<Reply<(RangeOutcome<Plain>, Vec<Bytes>)>, FlowError> {
        if query.range.start.is_empty() {
            return Err(types::Invalid::EmptyKey.into());
        }
        self.refuse_if_diverged()?;
        self.shared.store.metrics().count_range();
        if !query.serializable {
            self.shared.consensus.confirm_read().await?;
        }
        for _ in 0..ATTEMPTS_MAX {
            let permit = self.shared.warden.read(caller, &query.range)?;
            let fetched = self.fetch(&query).await?;
            // What was read may be newer than the rules by which it was permitted.
            if permit.is_of(&self.shared.warden.realm()) {
                let policy = self.shared.policy.caught_up().await?;
                let body = self.opener(&policy, &permit, caller).range_skipping(&query, fetched, skips)?;
                return Ok(Reply { header: Header { revision: body.0.revision, ..self.header() }, body });
            }
        }
        Err(Denial::OldRevision.into())
    }

    /// One key is there within microseconds; whatever may take longer does not hold up a network thread.
    async fn fetch(&self, query: &RangeQuery) -> Result<RangeOutcome<Sealed>, FlowError> {
        if query.range.is_single() {
            return Ok(self.shared.store.view(|view| view.range(query))?);
        }
        let query = query.clone();
        self.view_off_thread(move |view| view.range(&query)).await
    }

    /// Runs a read that may touch much of the disk on a thread for blocking work.
    pub(crate) async fn view_off_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, FlowError> {
        let store = self.shared.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.view(read)).await??)
    }

    /// Runs a read of most of the state that is in no hurry. What it reads is not kept in memory.
    pub(crate) async fn view_unhurried<T: Send + 'static, E: StoreFailure + Send + 'static>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, FlowError>
    where
        FlowError: From<E>,
    {
        let viewed = consensus::unhurried(self.shared.store.clone(), read).await;
        // A walk that did not come back: this member is stopping.
        Ok(viewed.map_err(|_| FlowError::Stopped)??)
    }
}

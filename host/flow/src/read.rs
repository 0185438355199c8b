//! One read: confirm that this member is new enough, read a view, open what was asked for.

use auth::Caller;
use store::{ReadError, View};
use types::{Plain, RangeOutcome, RangeQuery};

use crate::{FlowError, Header, Member, Reply, opening::Opener};

impl Member {
    /// Reads a range: linearizable, unless the query says that local state will do.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn range(&self, _caller: &Caller, query: RangeQuery) -> Result<Reply<RangeOutcome<Plain>>, FlowError> {
        if query.range.start.is_empty() {
            return Err(types::Invalid::EmptyKey.into());
        }
        if !query.serializable {
            self.shared.consensus.confirm_read().await?;
        }
        // One key is there within microseconds; whatever may take longer does not hold up a network thread.
        let fetched = if query.range.is_single() {
            self.shared.store.view(|view| view.range(&query))?
        } else {
            let query = query.clone();
            self.view_off_thread(move |view| view.range(&query)).await?
        };
        let body = Opener(self.shared.policy.current().keyring()).range(&query, fetched)?;
        Ok(Reply { header: Header { revision: body.revision, ..self.header() }, body })
    }

    /// Runs a read that may touch much of the disk on a thread for blocking work.
    pub(crate) async fn view_off_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, FlowError> {
        let store = self.shared.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.view(read)).await??)
    }
}

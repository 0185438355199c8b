//! Alarms: raised by members or administrators, kept in the state, cleared by administrators.

use auth::Administrator;
use consensus::Proposal;
use store::{AlarmRecord, Outcome};

use crate::{FlowError, Member, Reply};

/// The kind that stands for every kind.
const ANY: i32 = 0;

/// An alarm: its kind as etcd counts (1 no space, 2 corrupt) and the member that it was raised for.
pub type Alarm = AlarmRecord;

impl Member {
    /// Alarms that stand as far as this member knows: the member that each is for, and its kind. None are shown when the
    /// state cannot be read; every read fails then.
    #[must_use]
    pub fn alarms(&self) -> Reply<Vec<(u64, i32)>> {
        let alarms = self.standing().unwrap_or_else(|error| {
            tracing::error!(%error, "the alarms cannot be read");
            Vec::new()
        });
        let body = alarms.into_iter().map(|alarm| (alarm.member_id, alarm.kind)).collect();
        Reply { header: self.header(), body }
    }

    pub(crate) fn standing(&self) -> Result<Vec<Alarm>, FlowError> {
        Ok(self.shared.store.view(|view| view.alarms())?)
    }

    /// Alarms of a kind that stand, zero for every kind.
    ///
    /// # Errors
    /// When leadership cannot be confirmed, or the disk fails.
    pub async fn alarms_of(&self, kind: i32) -> Result<Reply<Vec<Alarm>>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        let mut body = self.standing()?;
        body.retain(|alarm| kind == ANY || alarm.kind == kind);
        Ok(Reply { header: self.header(), body })
    }

    /// Raises or clears an alarm; answers with it, or with `None` when there was nothing to do.
    ///
    /// # Errors
    /// Too many alarms; otherwise as for a write.
    pub async fn alarm_set(
        &self,
        administrator: &Administrator,
        raised: bool,
        alarm: Alarm,
    ) -> Result<Reply<Option<Alarm>>, FlowError> {
        let (kind, member_id) = (alarm.kind, alarm.member_id);
        tracing::info!(administrator = administrator.name(), raised, kind, member_id, "alarm set by an administrator");
        self.set_alarm(raised, alarm).await
    }

    pub(crate) async fn set_alarm(&self, raised: bool, alarm: Alarm) -> Result<Reply<Option<Alarm>>, FlowError> {
        let applied = self.shared.consensus.propose(Proposal::set_alarm(raised, alarm)).await?;
        match applied.result? {
            Outcome::Alarm(body) => Ok(Reply { header: self.header_at(applied.revision), body }),
            other => Err(FlowError::Corrupt(format!("an alarm came out as {other:?}"))),
        }
    }
}

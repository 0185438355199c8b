//! Who did what: recorded before it is done, and once it is.
//!
//! What changes the cluster is recorded through its log, so that every member knows of it; what only this member was asked goes
//! into its own journal. What cannot be recorded is not done.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use audit::{Entry, Event, Hash, Outcome, Stage, Subscription, Who};
use auth::{Auditor, Caller, Subject, Warden};
use consensus::Proposal;
use ring::rand::{SecureRandom, SystemRandom};
use store::{ActionRecord, Outcome as Applied, StoreError};

use crate::{FlowError, Member, SealedReadsPolicy, member::Shared};

/// Keys that the record of one call names.
const KEYS_SHOWN: usize = 8;

/// How many records back it is looked for who has asked for the same.
const SECONDS_LOOK_BACK: u64 = 1000;

/// Records of the cluster that are read at a time.
const RECORDS: usize = 256;

/// Records that came with another member's state are found by looking.
const LOOK: Duration = Duration::from_secs(1);

/// What the end of an action says when whoever asked for it went away before.
const UNKNOWN: &str = "whoever asked for it went away before it ended";

/// An action that is recorded and may be carried out. Its end is recorded too, also when it is dropped.
pub struct Action {
    member: Member,
    /// What its end has in common with its beginning; taken by the end.
    ended: Option<Event>,
    in_cluster: bool,
}

/// Where the audit log of a member ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditEnd {
    /// The number of its last line, and its hash.
    pub line: (u64, Hash),
    /// The number of the last record of the cluster that it holds, and its hash; zero for none.
    pub cluster: (u64, Hash),
}

impl Member {
    /// Records that an action is about to be carried out: through the log of the cluster, or in this member's journal.
    ///
    /// # Errors
    /// When that cannot be done: then the action must not be carried out either.
    pub async fn begin_action(&self, event: Event, in_cluster: bool) -> Result<Action, FlowError> {
        let mut id = [0; 8];
        SystemRandom::new()
            .fill(&mut id)
            .map_err(|_| FlowError::Corrupt("no random numbers are to be had".to_owned()))?;
        let event = Event { stage: Stage::Begun, action: hex::encode(id), ..event };
        self.record(event.clone(), in_cluster).await?;
        Ok(Action { member: self.clone(), ended: Some(Event { stage: Stage::Ended, ..event }), in_cluster })
    }

    /// Who else has asked for the same, and not had it carried out, so that it may be now; if nobody has, that this one asks is
    /// recorded.
    ///
    /// # Errors
    /// When it cannot be known or recorded.
    pub async fn second(&self, event: &Event, within: Duration) -> Result<Option<String>, FlowError> {
        self.shared.consensus.confirm_read().await?;
        let records = self.shared.store.view(|view| {
            let end = view.last_action()?.map_or(0, |last| last.seq);
            view.actions(end.saturating_sub(SECONDS_LOOK_BACK), usize::MAX)
        })?;
        let newest_first = records.iter().rev().filter_map(|record| serde_json::from_slice(&record.event).ok());
        if let Some(other) = seconded(newest_first, event) {
            return Ok(Some(other));
        }
        let expires = audit::time(SystemTime::now() + within);
        self.record(Event { stage: Stage::Asked, expires, ..event.clone() }, true).await?;
        Ok(None)
    }

    async fn record(&self, event: Event, in_cluster: bool) -> Result<(), FlowError> {
        if !in_cluster {
            return Ok(self.shared.journal.append(self.entry(event)?).await?);
        }
        match self.shared.consensus.propose(Proposal::record_action(event.encode().into())).await?.result? {
            Applied::ActionRecorded => Ok(()),
            other => Err(FlowError::Corrupt(format!("a record came out as {other:?}"))),
        }
    }

    /// Puts an event into this member's journal when there is room, and waits for nothing.
    pub fn record_later(&self, event: Event) {
        match self.entry(event) {
            Ok(entry) => self.shared.journal.note(entry),
            Err(error) => {
                tracing::warn!(%error, "an event is missing from the audit log");
                self.shared.journal.omit(1);
            }
        }
    }

    /// Records what plugins had to say of a write that they let pass. They say nothing of sealed values: see [`admission`].
    pub(crate) fn record_remarks(&self, caller: &Caller, revision: i64, warnings: &[String], notes: &[String]) {
        if warnings.is_empty() && notes.is_empty() {
            return;
        }
        let mut what: BTreeMap<_, _> = [("revision".to_owned(), revision.to_string())].into();
        for (name, lines) in [("warnings", warnings), ("notes", notes)] {
            if !lines.is_empty() {
                what.insert(name.to_owned(), lines.join("; "));
            }
        }
        let Shared { warden, identity, .. } = &*self.shared;
        let who = Some(who(warden, caller, None));
        self.record_later(Event { who, what, ..Event::new(identity.member_id, Stage::Remarked) });
    }

    fn entry(&self, event: Event) -> Result<Entry, StoreError> {
        let policy_epoch = self.shared.policy.current().epoch();
        let event = event.encode();
        Ok(Entry { policy_epoch, revision: self.shared.hub.newest(), cluster: None, event })
    }

    /// The last lines of this member's journal, and those to come.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn audit_tail(&self, _auditor: &Auditor, last: usize) -> Result<Subscription, FlowError> {
        let journal = self.shared.journal.clone();
        Ok(tokio::task::spawn_blocking(move || journal.subscribe(last)).await??)
    }

    /// Where this member's journal ends.
    #[must_use]
    pub fn audit_end(&self, _auditor: &Auditor) -> AuditEnd {
        AuditEnd { line: self.shared.journal.end(), cluster: self.shared.journal.cluster_end() }
    }

    /// Writes what is recorded through the log of the cluster into this member's journal.
    pub(crate) async fn write_down_forever(self) {
        let acted = self.shared.store.acted();
        loop {
            match self.write_down().await {
                Ok(true) => {}
                Ok(false) => drop(tokio::time::timeout(LOOK, acted.notified()).await),
                Err(error) => {
                    tracing::error!(%error, "what administrators did cannot be written down here; trying again");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Whether there was something to write.
    async fn write_down(&self) -> Result<bool, FlowError> {
        let journal = &self.shared.journal;
        let (seq, hash) = journal.cluster_end();
        let mut records = self.shared.store.view(|view| view.actions(seq.max(1), RECORDS))?;
        let Some(first) = records.first() else { return Ok(false) };
        if seq > 0 && first.seq == seq && first.link()?.hash == hash {
            records.remove(0);
        } else if let Some(gap) = gap(seq, first) {
            journal.append(self.entry(self.gap_event(gap))?).await?;
        }
        let found = !records.is_empty();
        for record in records {
            let (cluster, event) = (Some(record.link()?), String::from_utf8_lossy(&record.event).into_owned());
            let ActionRecord { policy_epoch, revision, .. } = record;
            journal.append(Entry { policy_epoch, revision, cluster, event }).await?;
        }
        Ok(found)
    }

    fn gap_event(&self, reason: String) -> Event {
        let what = [("reason".to_owned(), reason)].into();
        Event { what, ..Event::new(self.shared.identity.member_id, Stage::Missing) }
    }
}

/// Who has asked for what is asked for now: another name on another certificate, not long ago, and for what was not carried out
/// since.
fn seconded(newest_first: impl Iterator<Item = Event>, now: &Event) -> Option<String> {
    let mine = now.who.as_ref()?;
    for event in newest_first.filter(|event| (&event.call, &event.request) == (&now.call, &now.request)) {
        match (event.stage, event.who) {
            (Stage::Begun, _) => return None,
            (Stage::Asked, Some(who))
                if who.name != mine.name && who.certificate != mine.certificate && event.expires > now.time =>
            {
                return Some(who.name);
            }
            _ => {}
        }
    }
    None
}

/// Why the records from `first` on do not follow the one of number `seq`, which was written down last.
fn gap(seq: u64, first: &ActionRecord) -> Option<String> {
    if first.seq <= seq {
        return Some(format!(
            "records of the cluster from {} on are others than those that were written down before",
            first.seq
        ));
    }
    let missing = seq + 1;
    (first.seq > missing).then(|| {
        format!(
            "this member was away: records {missing} to {} of the cluster are in other members' logs",
            first.seq - 1
        )
    })
}

/// What is opened of sealed prefixes to answer one call, or to make one delivery: recorded when that is done.
pub(crate) struct SealedReads<'k> {
    member: &'k Member,
    caller: &'k Caller,
    opened: Cell<u64>,
    keys: RefCell<Vec<String>>,
}

impl<'k> SealedReads<'k> {
    /// `None` where nobody asked for it, and for the member itself.
    pub(crate) fn recorded(member: &'k Member, caller: &'k Caller) -> Option<Self> {
        let wanted = member.shared.config.audit.sealed_reads != SealedReadsPolicy::Off && !caller.is_internal();
        wanted.then(|| Self { member, caller, opened: Cell::new(0), keys: RefCell::default() })
    }

    pub(crate) fn add(&self, key: &[u8]) {
        self.opened.set(self.opened.get() + 1);
        let mut keys = self.keys.borrow_mut();
        if keys.len() < KEYS_SHOWN {
            keys.push(match self.member.shared.config.audit.sealed_reads {
                SealedReadsPolicy::Digests => self.member.shared.journal.digest(key),
                SealedReadsPolicy::Off | SealedReadsPolicy::Keys => String::from_utf8_lossy(key).into_owned(),
            });
        }
    }
}

impl Drop for SealedReads<'_> {
    fn drop(&mut self) {
        let opened = self.opened.get();
        if opened == 0 {
            return;
        }
        let Shared { warden, identity, .. } = &*self.member.shared;
        let who = Some(who(warden, self.caller, None));
        let what =
            [("values".to_owned(), opened.to_string()), ("keys".to_owned(), self.keys.borrow().join(" "))].into();
        self.member.record_later(Event { who, what, ..Event::new(identity.member_id, Stage::SealedRead) });
    }
}

/// Who calls: by the name that their office gives them, if they hold one.
#[must_use]
pub fn who(warden: &Warden, caller: &Caller, office: Option<&str>) -> Who {
    let user = match warden.subject(&warden.realm(), caller) {
        Ok(Subject::User { name, .. }) => Some(name.to_string()),
        Ok(Subject::Root | Subject::Nobody) | Err(_) => None,
    };
    Who {
        name: office.map_or_else(|| caller.display_name(), str::to_owned),
        certificate: caller.identity().map(|identity| identity.fingerprint().to_owned()),
        user,
        from: caller.remote().map(|remote| remote.to_string()),
    }
}

impl Action {
    /// Records how it ended. The action is done: what keeps its end from being recorded goes to the log of the program.
    pub async fn end(mut self, outcome: Outcome) {
        if let Some(event) = self.ended.take() {
            end(&self.member, event, outcome, self.in_cluster).await;
        }
    }
}

async fn end(member: &Member, event: Event, outcome: Outcome, in_cluster: bool) {
    let (call, action) = (event.call.clone(), event.action.clone());
    let event = Event { time: audit::now(), outcome: Some(outcome), ..event };
    if let Err(error) = member.record(event, in_cluster).await {
        tracing::error!(call, action, %error, "the audit log knows that this was begun, and not how it ended");
    }
}

impl Drop for Action {
    fn drop(&mut self) {
        let Some(event) = self.ended.take() else { return };
        let (member, in_cluster) = (self.member.clone(), self.in_cluster);
        let outcome = Outcome { code: "UNKNOWN".to_owned(), message: UNKNOWN.to_owned() };
        self.member.spawn(async move { end(&member, event, outcome, in_cluster).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(stage: Stage, name: &str, time: &str, expires: &str) -> Event {
        let who = Some(Who { name: name.to_owned(), certificate: Some(format!("{name}'s")), ..Who::default() });
        let (time, expires) = (time.to_owned(), expires.to_owned());
        Event {
            who,
            time,
            expires,
            call: "Keys/Shred".to_owned(),
            request: "digest".to_owned(),
            ..Event::new(1, stage)
        }
    }

    #[test]
    fn it_takes_another_person_in_time_for_the_same_and_once() {
        let now = event(Stage::Begun, "jane", "12:00", "");
        let joe = || event(Stage::Asked, "joe", "11:50", "12:05");
        let asked = |events: Vec<Event>| seconded(events.into_iter(), &now);
        assert_eq!(asked(vec![joe()]), Some("joe".to_owned()));
        assert_eq!(asked(vec![event(Stage::Asked, "jane", "11:59", "12:09"), joe()]), Some("joe".to_owned()));
        assert_eq!(asked(vec![]), None);
        assert_eq!(asked(vec![event(Stage::Asked, "jane", "11:59", "12:09")]), None);
        assert_eq!(asked(vec![event(Stage::Asked, "joe", "11:40", "11:55")]), None);
        assert_eq!(asked(vec![Event { request: "other".to_owned(), ..joe() }]), None);
        assert_eq!(asked(vec![event(Stage::Begun, "jane", "11:51", ""), joe()]), None);
        // One certificate under two names, or one name on two certificates, is one person.
        let certificate = Some("jane's".to_owned());
        let twice = Event { who: Some(Who { name: "joe".to_owned(), certificate, ..Who::default() }), ..joe() };
        assert_eq!(asked(vec![twice]), None);
        let again = Some(Who { name: "jane".to_owned(), certificate: Some("new".to_owned()), ..Who::default() });
        assert_eq!(asked(vec![Event { who: again, ..joe() }]), None);
    }
}

//! One round: an empty store, traffic under faults, everything healed, everything checked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use harness::{Client, Cluster, Random, Watching};
use proto::{
    admin::{SettleRequest, keys_client::KeysClient},
    etcdserverpb::{AlarmMember, AlarmRequest, HashKvRequest, WatchCreateRequest, alarm_request::AlarmAction},
};
use tokio::time::{sleep, timeout};

use super::{Tally, nemesis, rolling};
use crate::{
    traffic::{
        Testimony, Traffic, changes,
        field::{Doors, Field},
        keys,
    },
    verdict::{
        availability::Availability,
        call::{Call, Moment, Operation, Outcome, Span, Step, Told},
        leases, linear, policy, replay,
        state::Revision,
        watches::{self, Watched},
    },
};

/// How long faults go on.
const FAULTS: Duration = Duration::from_secs(12);

/// Longest time until a healed member is healthy.
const HEALED_SECONDS_MAX: u64 = 60;

/// Longest time until the store answers a write when all members are healthy, or gives up the last lease.
const SETTLED_SECONDS_MAX: u64 = 30;

/// How long a member is asked to wait at once until every value is sealed as it should be.
const SETTLE_WAIT_MS: u32 = 5000;

/// What comes over the members while clients are at work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Torment<'a> {
    /// Faults, drawn from those with these names, or from all when there are none.
    Faults(&'a [String]),
    /// Each member is stopped and started again, in turn.
    RollingRestart,
}

/// A round to be run.
pub(super) struct Round<'a> {
    pub(super) number: u64,
    pub(super) doors: Doors,
    pub(super) canary: String,
    pub(super) torment: Torment<'a>,
}

/// What came of one.
#[derive(Debug, Default)]
pub(super) struct RoundOutcome {
    pub(super) number: u64,
    pub(super) complaints: Vec<String>,
    pub(super) faults: Tally,
    pub(super) availability: Availability,
    pub(super) answered: usize,
    pub(super) unknown: usize,
    pub(super) refused: usize,
    pub(super) revisions: usize,
    pub(super) keys: usize,
    pub(super) watches: usize,
    pub(super) events: usize,
    pub(super) leases: usize,
    pub(super) in_force: usize,
    /// Calls of which nobody knows: they may still be carried out in the next round.
    pub(super) carried: Vec<Call>,
}

/// Everything that clients saw.
struct Seen {
    testimony: Testimony,
    start: i64,
    /// When clients were told to stop.
    stopped: Moment,
    watched: Vec<Watched>,
    histories: Vec<Vec<Revision>>,
}

impl Round<'_> {
    pub(super) async fn run(&self, cluster: &mut Cluster, carried: Vec<Call>, mut random: Random) -> RoundOutcome {
        let mut outcome = RoundOutcome { number: self.number, ..RoundOutcome::default() };
        let field = Arc::new(Field::new(self.doors.clone(), self.number, self.canary.clone()));
        match self.play(cluster, &field, carried, &mut random, &mut outcome).await {
            Ok(seen) => judge(&field, seen, &mut outcome),
            Err(complaint) => outcome.complaints.push(complaint),
        }
        outcome
    }

    async fn play(
        &self,
        cluster: &mut Cluster,
        field: &Arc<Field>,
        carried: Vec<Call>,
        random: &mut Random,
        outcome: &mut RoundOutcome,
    ) -> Result<Seen, String> {
        disarm(&self.doors.clients[0]).await?;
        let start = empty(field).await?;
        let mut traffic = Traffic::start(field, start, random);
        outcome.faults = match self.torment {
            Torment::Faults(only) => nemesis::torment(cluster, FAULTS, only, random, &mut outcome.complaints).await,
            Torment::RollingRestart => rolling::restart(cluster).await?,
        };
        let stopped = field.now();
        let mut testimony = traffic.stop().await;
        testimony.calls.extend(carried.into_iter().map(|call| Call { asked: Duration::ZERO, ..call }));
        for member in 0..cluster.size() {
            let ready = cluster.ready(member, Duration::from_secs(HEALED_SECONDS_MAX)).await;
            ready.map_err(|why| format!("member {member} does not come back: {why}"))?;
        }
        forget_leases(field, &mut testimony).await?;
        let last = last_revision(field).await?;
        let watched = traffic.watched(last).await;
        let mut histories = Vec::new();
        for client in &self.doors.clients {
            histories.push(history_of(client, start, last).await?);
        }
        sealed_as_wanted(&self.doors).await?;
        outcome.complaints.extend(different_hashes(&self.doors.clients, last).await);
        Ok(Seen { testimony, start, stopped, watched, histories })
    }
}

/// Takes back the alarms that a full disk has raised. They would go by themselves, but only after a round.
async fn disarm(client: &Client) -> Result<(), String> {
    settled("takes alarms back", || async {
        let mut maintenance = client.maintenance.clone();
        let alarms = maintenance.alarm(AlarmRequest::default()).await.ok()?.into_inner().alarms;
        for AlarmMember { member_id, alarm } in alarms {
            let action = AlarmAction::Deactivate.into();
            maintenance.alarm(AlarmRequest { action, member_id, alarm }).await.ok()?;
        }
        Some(())
    })
    .await
}

/// Deletes everything and gives the revision at which the store is empty.
async fn empty(field: &Field) -> Result<i64, String> {
    let everything = || Operation::single(Step::Delete(Span::everything()));
    let revision = settled("deletes everything", || async {
        match field.ask(0, 0, everything()).await {
            Outcome::Answered(_, answer) => Some(answer.revision),
            Outcome::Refused | Outcome::Unknown => None,
        }
    });
    let revision = revision.await?;
    // What was answered is where the round begins; what was not may still be done.
    field.keep_unknown();
    Ok(revision)
}

/// Tries until it comes to something.
async fn settled<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T, String> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(SETTLED_SECONDS_MAX) {
        if let Some(done) = attempt().await {
            return Ok(done);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("all members are healthy, but nobody {what} within {SETTLED_SECONDS_MAX} s"))
}

async fn last_revision(field: &Field) -> Result<i64, String> {
    settled("reads", || async { field.revision(&mut Random::new(0)).await }).await
}

/// Waits until every lease has taken its keys along. What stays behind is noted on its lease.
async fn forget_leases(field: &Field, testimony: &mut Testimony) -> Result<(), String> {
    let list = || Operation::single(Step::Get(Span::prefix(&field.leased())));
    let mut left = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(SETTLED_SECONDS_MAX) {
        let told = field.ask(0, 0, list()).await;
        if let Outcome::Answered(_, answer) = told {
            left = answer
                .told
                .into_iter()
                .flat_map(|told| if let Told::Got(records) = told { records } else { Vec::new() })
                .collect();
            if left.is_empty() {
                break;
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
    testimony.calls.extend(field.take_calls());
    for lease in &mut testimony.leases {
        lease.left_behind = left.iter().find(|record| record.lease == lease.id).map(|record| record.key.clone());
    }
    Ok(())
}

/// Waits until every member has every value sealed as it should be: until then, hashes can differ.
async fn sealed_as_wanted(doors: &Doors) -> Result<(), String> {
    for port in &doors.admin_ports {
        settled("has every value sealed as it should be", || async {
            let mut keys = KeysClient::new(harness::connect(*port, Some(&doors.administrator)).await.ok()?);
            let settled = keys.settle(SettleRequest { wait_ms: SETTLE_WAIT_MS }).await.ok()?.into_inner().settled;
            settled.then_some(())
        })
        .await?;
    }
    Ok(())
}

/// Everything that a member says has happened.
async fn history_of(client: &Client, start: i64, last: i64) -> Result<Vec<Revision>, String> {
    let mut stream = client.watch();
    let request = WatchCreateRequest {
        key: "\0".into(),
        range_end: "\0".into(),
        start_revision: start + 1,
        prev_kv: true,
        ..WatchCreateRequest::default()
    };
    stream.create(request).await;
    let mut revisions: Vec<Revision> = Vec::new();
    let read = collect(&mut stream, last, &mut revisions);
    let read = timeout(Duration::from_secs(SETTLED_SECONDS_MAX), read).await;
    read.map_err(|_| format!("the history up to {last} is not to be had"))??;
    Ok(revisions)
}

async fn collect(stream: &mut Watching, last: i64, revisions: &mut Vec<Revision>) -> Result<(), String> {
    let mut reached = revisions.last().map_or(0, |revision| revision.revision);
    stream.ask_progress().await;
    while reached < last {
        let answer = stream.try_next().await.map_err(|status| status.to_string())?;
        if answer.canceled {
            return Err(format!("the history was cancelled: {}", answer.cancel_reason));
        }
        if !answer.created && answer.events.is_empty() {
            reached = answer.header.map_or(0, |header| header.revision);
        }
        for change in changes(answer) {
            reached = change.record.mod_revision;
            match revisions.last_mut().filter(|one| one.revision == reached) {
                Some(one) => one.changes.push(change),
                None => revisions.push(Revision { revision: reached, changes: vec![change] }),
            }
        }
    }
    Ok(())
}

/// Whether the members hold different data at a revision, as a complaint.
pub(super) async fn different_hashes(clients: &[Client], revision: i64) -> Option<String> {
    let mut hashes = Vec::new();
    for client in clients {
        let hash = client.maintenance.clone().hash_kv(HashKvRequest { revision }).await;
        hashes.push(hash.map(|answer| answer.into_inner()).map(|answer| (answer.hash, answer.compact_revision)));
    }
    let same = hashes.iter().all(|hash| matches!((hash, &hashes[0]), (Ok(one), Ok(other)) if one == other));
    (!same).then(|| format!("the members differ at revision {revision}: {hashes:?}"))
}

fn judge(field: &Field, seen: Seen, outcome: &mut RoundOutcome) {
    let Seen { testimony, start, stopped, watched, histories } = seen;
    let Testimony { calls, leases, in_force } = testimony;
    let history = &histories[0];
    for (member, other) in histories.iter().enumerate().filter(|(_, other)| *other != history) {
        let at = history.iter().zip(other).find(|(one, other)| one != other);
        outcome.complaints.push(format!("members 0 and {member} tell different histories, first {at:?}"));
    }
    let replayed = replay::replay(start, history, &calls);
    outcome.complaints.extend(replayed.complaints);
    let names = keys(field);
    let searched = linear::search(names.iter().map(String::as_str), &calls);
    outcome.complaints.extend(searched.complaints);
    outcome.complaints.extend(watched.iter().flat_map(|watch| watches::check(watch, history)));
    for lease in &leases {
        let ended = replayed.expiries.iter().find(|(_, id)| *id == lease.id);
        let seen = ended.and_then(|(revision, _)| watches::first_seen(&watched, *revision));
        outcome.complaints.extend(leases::check(lease, seen));
    }
    outcome.complaints.extend(in_force.iter().flat_map(|one| policy::check(one, history)));
    outcome.availability = Availability::until(stopped, &calls);
    outcome.revisions = history.len();
    outcome.keys = searched.keys;
    outcome.watches = watched.len();
    outcome.events = watched.iter().flat_map(|watch| &watch.delivered).map(|delivered| delivered.changes.len()).sum();
    outcome.leases = leases.len();
    outcome.in_force = in_force.len();
    outcome.answered = calls.iter().filter(|call| call.answer().is_some()).count();
    outcome.unknown = calls.iter().filter(|call| call.is_unknown()).count();
    outcome.refused = calls.len() - outcome.answered - outcome.unknown;
    let unused = calls.into_iter().zip(replayed.used).filter(|(call, used)| call.is_unknown() && !used);
    outcome.carried = unused.map(|(call, _)| call).filter(|call| call.operation.writes()).collect();
}

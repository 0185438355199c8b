//! A run: every case, the generated sequences, the table.

use std::{collections::VecDeque, env, io::Write, path::PathBuf, sync::Arc};

use harness::{Program, Seed, Server};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    authority::Authority,
    case::{self, Case},
    coverage::{Beyond, Coverage},
    errors::Errors,
    older::Older,
    report::Report,
    sequence,
    verdict::{Pair, Verdict, parse_version},
};

/// The version of etcd whose API is implemented: major and minor.
const IMPLEMENTED: (u32, u32) = (3, 7);

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder of the cases.
    pub cases: PathBuf,
    /// Only cases whose name contains this; what they reach is then not counted.
    pub filter: Option<String>,
    /// Pairs of servers at the same time. A starting server mostly waits, so more than processors.
    pub pairs: usize,
    /// Generated sequences.
    pub sequences: u32,
    /// Shows what each case came to.
    pub verbose: bool,
}

/// Why a run did not pass.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Everything that the tasks share.
struct Stage {
    authority: Authority,
    errors: Errors,
    older: Vec<Older>,
    subject: Program,
    version: (u32, u32),
}

impl Stage {
    fn pair(&self) -> Pair<'_> {
        Pair {
            subject: self.subject,
            version: self.version,
            authority: &self.authority,
            errors: &self.errors,
            older: &self.older,
        }
    }
}

/// Runs what is planned and prints what came of it.
///
/// # Errors
/// When servers differ without an explanation, when something is not reached, or when a case cannot be read.
pub async fn run(plan: &Plan, out: &mut impl Write) -> Result<(), Failure> {
    let mut cases = case::read_all(&plan.cases).map_err(Failure)?;
    cases.retain(|case| plan.filter.as_ref().is_none_or(|filter| case.name.contains(filter)));
    let version = reference_version().await?;
    let subject = if env::var("STRONGROOM_SUBJECT").is_ok_and(|name| name == "etcd") {
        Program::Etcd
    } else {
        Program::Strongroom
    };
    let authority = Authority::new().map_err(|error| Failure(error.to_string()))?;
    let errors = Errors::read(&plan.cases).map_err(Failure)?;
    let older = Older::read_all(&plan.cases).map_err(Failure)?;
    let stage = Arc::new(Stage { authority, errors, older, subject, version });
    writeln!(out, "{} cases against etcd {}.{}", cases.len(), version.0, version.1)?;
    let (report, coverage) = play_all(&stage, cases, plan, out).await?;
    let mut complaints = Vec::new();
    if plan.filter.is_none() && stage.version >= IMPLEMENTED {
        let beyond = Beyond::read(&plan.cases).map_err(Failure)?;
        complaints = coverage.gaps(&beyond, &stage.errors);
    }
    if plan.filter.is_none() {
        let stale = stage.older.iter().filter(|older| older.concerns(version) && !report.explained_by(&older.reason));
        complaints.extend(stale.map(|older| format!("nothing differs as older.yaml says: {}", older.reason)));
    }
    write!(out, "{report}")?;
    if report.differing() > 0 {
        complaints.push(format!("{} cases differ", report.differing()));
    }
    // Where an older etcd differs is known by case, not by call.
    if plan.sequences > 0 && stage.version >= IMPLEMENTED {
        complaints.extend(sequences(&stage, plan.sequences, out).await?);
    }
    if complaints.is_empty() { Ok(()) } else { Err(Failure(complaints.join("\n"))) }
}

async fn play_all(
    stage: &Arc<Stage>,
    cases: Vec<Case>,
    plan: &Plan,
    out: &mut impl Write,
) -> Result<(Report, Coverage), Failure> {
    let (mut report, mut all) = (Report::default(), Coverage::default());
    let room = Arc::new(Semaphore::new(plan.pairs));
    let mut tasks = JoinSet::new();
    let mut waiting: VecDeque<_> = cases.into();
    while let Some(case) = waiting.pop_front() {
        let (stage, room) = (Arc::clone(stage), Arc::clone(&room));
        tasks.spawn(async move {
            let _place = room.acquire().await;
            let played = tokio::spawn({
                let (case, stage) = (case.clone(), Arc::clone(&stage));
                async move { stage.pair().compare(&case).await }
            });
            // A server that does not start or stop panics, which is that case's failure.
            let result =
                played.await.unwrap_or_else(|error| (Verdict::Differs(panic_text(error)), Coverage::default()));
            (case, result)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (case, (verdict, coverage)) = done.map_err(|error| Failure(error.to_string()))?;
        if let Verdict::Differs(difference) = &verdict {
            writeln!(out, "DIFFERS {}\n{difference}", case.name)?;
        } else if plan.verbose {
            writeln!(out, "{verdict:?} {}", case.name)?;
        }
        report.add(&case, &verdict, &coverage);
        all.extend(&coverage);
    }
    Ok((report, all))
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was given up".to_owned() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

async fn sequences(stage: &Arc<Stage>, count: u32, out: &mut impl Write) -> Result<Option<String>, Failure> {
    let seed = Seed::of_this_run();
    writeln!(out, "{count} generated sequences of {} steps, {seed}", sequence::STEPS)?;
    let (runtime, stage) = (tokio::runtime::Handle::current(), Arc::clone(stage));
    // Its runner is synchronous, so it gets a thread and comes back for each sequence.
    let found = tokio::task::spawn_blocking(move || {
        sequence::search(count, seed, |case| runtime.block_on(stage.pair().compare(case)).0)
    });
    found
        .await
        .map_err(|error| Failure(panic_text(error)))
        .map(|difference| difference.map(|text| format!("a generated sequence differs; {seed} repeats it\n{text}")))
}

/// Asks the etcd to compare with what it is.
async fn reference_version() -> Result<(u32, u32), Failure> {
    let etcd = Server::etcd().await;
    let page = harness::get(etcd.ports().client, "/version").await?;
    let json: serde_json::Value = serde_json::from_str(&page.body).map_err(|error| Failure(error.to_string()))?;
    let version = json["etcdserver"].as_str().and_then(parse_version);
    version
        .ok_or_else(|| Failure(format!("{} does not say its version: {}", harness::reference().display(), page.body)))
}

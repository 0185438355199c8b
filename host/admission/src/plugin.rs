//! A plugin in force: which writes concern it, and how it reviews them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::WriterRule;
use bytes::Bytes;
use store::{PluginMode, PluginRecord};
use tracing::Instrument as _;
use types::{KeyRange, Operation};

use crate::engine::Code;
use crate::idle::Idle;
use crate::journal::Journal;
use crate::lanes::Lanes;
use crate::limits::{HERE_TIMEOUT, LANE_WAIT_MAX, LANES_MAX, MEMORY_BYTES_MAX, TIMEOUT_DEFAULT, TIMEOUT_MAX};
use crate::metrics::PluginMetrics;
use crate::quickness::Quickness;
use crate::reading::Reading;
use crate::review::{Findings, Reviewed, Reviewer, Write};
use crate::sandbox::{Deadline, Grant};
use crate::scopes::Scopes;
use crate::{AdmissionError, Cause, Remarks};

/// The plugins of one policy, in the order in which they review. Cheap to clone.
#[derive(Clone, Default)]
pub struct PluginSet(Arc<Set>);

#[derive(Default)]
struct Set {
    plugins: Vec<Arc<Plugin>>,
    scopes: Scopes,
}

impl PluginSet {
    pub(crate) fn new(plugins: Vec<Arc<Plugin>>) -> Self {
        let scopes = Scopes::new(plugins.iter().map(|plugin| plugin.scopes.iter().map(|scope| &scope.start)));
        Self(Arc::new(Set { plugins, scopes }))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.plugins.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.plugins.is_empty()
    }

    /// Those with a prefix that some key which `operation` writes begins with.
    pub(crate) fn concerned_by(&self, operation: &Operation) -> impl Iterator<Item = &Arc<Plugin>> {
        let concerned = self.0.scopes.of(operation);
        self.0.plugins.iter().enumerate().filter(move |(place, _)| concerned.has(*place)).map(|(_, plugin)| plugin)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.0.plugins.iter()
    }
}

pub(crate) struct Plugin {
    pub(crate) name: String,
    scopes: Vec<KeyRange>,
    on_put: bool,
    on_delete: bool,
    /// Whose writes it reviews; none for everybody's.
    users: Vec<WriterRule>,
    exempt: Vec<WriterRule>,
    pub(crate) sees_sealed: bool,
    fail_open: bool,
    pub(crate) mode: PluginMode,
    pub(crate) timeout: Duration,
    pub(crate) grant: Grant,
    /// Where its instances wait, if they are reused.
    pub(crate) idle: Option<Idle>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) metrics: PluginMetrics,
    code: Result<Code, Cause>,
    lanes: Lanes,
    pub(crate) quickness: Quickness,
}

impl Plugin {
    pub(crate) fn new(
        record: &PluginRecord,
        code: Result<Code, Cause>,
        journal: Arc<Journal>,
        metrics: PluginMetrics,
    ) -> Self {
        let lanes = std::thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        Self {
            name: record.name.clone(),
            scopes: record.prefixes.iter().map(|prefix: &Bytes| KeyRange::prefix(prefix)).collect(),
            on_put: record.on_put,
            on_delete: record.on_delete,
            users: rules(&record.users),
            exempt: rules(&record.exempt),
            sees_sealed: record.sees_sealed,
            fail_open: record.fail_open,
            mode: record.mode(),
            timeout: timeout(record.timeout_ms),
            grant: Grant {
                settings: record.settings.as_str().into(),
                memory_bytes_max: memory(record.memory_mib),
                may_mutate: record.may_mutate,
                reads: record.reads.clone().into(),
                sees_sealed: record.sees_sealed,
            },
            // What it has seen of a sealed value it could say when nobody withholds its words.
            idle: (record.reuse_instances && !record.sees_sealed).then(Idle::default),
            journal,
            metrics,
            code,
            lanes: Lanes::new(lanes),
            quickness: Quickness::unknown(),
        }
    }

    /// Whether it reviews what this caller writes.
    pub(crate) fn reviews_writes_of(&self, permit: &auth::Permit) -> bool {
        let named = |rules: &[WriterRule]| rules.iter().any(|rule| rule.matches(permit));
        (self.users.is_empty() || named(&self.users)) && !named(&self.exempt)
    }

    /// Whether what it reads has to be so still when the write is carried out.
    pub(crate) fn reads(&self) -> bool {
        !self.grant.reads.is_empty()
    }

    /// A put under a lease is also a delete: the end of the lease deletes the key, and nobody is asked then.
    pub(crate) fn reviews_put_of(&self, put: &types::Put) -> bool {
        let leased = put.lease != types::PutLease::Set(0);
        (self.on_put || (self.on_delete && leased)) && self.scopes.iter().any(|scope| scope.contains(&put.key))
    }

    /// Whether it may review a put or a delete of this key.
    pub(crate) fn concerns(&self, key: &[u8], is_delete: bool) -> bool {
        (self.on_delete || (self.on_put && !is_delete)) && self.scopes.iter().any(|scope| scope.contains(key))
    }

    pub(crate) fn reviews_delete_of(&self, range: &KeyRange) -> bool {
        self.on_delete && self.scopes.iter().any(|scope| scope.overlaps(range))
    }

    /// Reviews `writes`, each in an instance of its own, all within one time limit. The values that it puts in the place of others
    /// may have so many bytes. What it finds is what its mode makes of it.
    pub(crate) async fn review(
        self: &Arc<Self>,
        permit: &auth::Permit,
        writes: Vec<Write>,
        reading: Option<Arc<Reading>>,
        mutated_bytes_max: usize,
    ) -> Result<Findings, AdmissionError> {
        let begun = Instant::now();
        let span = tracing::debug_span!("review", plugin = self.name, writes = writes.len());
        let outcome = self.try_review(permit, writes, reading, mutated_bytes_max).instrument(span).await;
        self.metrics.reviewed(&outcome, begun.elapsed());
        let outcome = match outcome {
            Err(AdmissionError::PluginFailed { plugin, cause }) if self.fail_open => {
                tracing::warn!(%plugin, %cause, "a plugin failed and is set to be ignored then");
                return Ok(Findings::default());
            }
            outcome => outcome,
        };
        match self.mode {
            PluginMode::Enforce => outcome,
            PluginMode::Warn => Ok(self.warned(outcome)),
            PluginMode::Observe => Ok(observed(outcome)),
        }
    }

    /// A verdict that does not hold, as words.
    fn warned(&self, outcome: Result<Findings, AdmissionError>) -> Findings {
        let (mut remarks, said) = match outcome {
            Ok(Findings { values, remarks }) => {
                let changes = values.iter().any(Option::is_some);
                (remarks, changes.then(|| format!("plugin {} would change what is written", self.name)))
            }
            Err(error) => {
                let said = format!("not enforced: {error}");
                (error.into_remarks(), Some(said))
            }
        };
        remarks.warnings.extend(said);
        Findings { values: Vec::new(), remarks }
    }

    async fn try_review(
        self: &Arc<Self>,
        permit: &auth::Permit,
        writes: Vec<Write>,
        reading: Option<Arc<Reading>>,
        mutated_bytes_max: usize,
    ) -> Result<Findings, AdmissionError> {
        let code = self.code.as_ref().map_err(|cause| self.failed(cause.clone()))?;
        // To read of the store may block.
        let may_block = reading.is_some();
        let reviewer = Reviewer::new(Arc::clone(self), code.clone(), permit, reading);
        let here = if may_block { None } else { self.review_here(&reviewer, &writes) };
        let outcome = match here {
            Some(outcome) => outcome,
            None => {
                let (span, limit) = (tracing::Span::current(), self.timeout);
                let work = move || span.in_scope(|| reviewer.review(&writes, Deadline::after(limit)).told());
                self.lanes.run(LANE_WAIT_MAX, work).await
            }
        };
        let outcome = outcome.map_err(|cause| self.failed(cause))?;
        outcome.and_then(|findings| self.bounded(findings, mutated_bytes_max)).inspect_err(|error| self.note(error))
    }

    /// Without a lane, while that holds up this thread for no longer than it would take to find one; `None` when it would, or has.
    fn review_here(
        &self,
        reviewer: &Reviewer,
        writes: &[Write],
    ) -> Option<Result<Result<Findings, AdmissionError>, Cause>> {
        let begun = Instant::now();
        // An instance that remembers is not to be shown a write twice.
        let may_repeat = self.idle.is_none() || writes.len() == 1;
        if !may_repeat || !self.quickness.suffices_for(writes.len(), begun) {
            return None;
        }
        let deadline = Deadline::after(HERE_TIMEOUT.min(self.timeout));
        let reviewed = self.lanes.run_here(|| reviewer.review(writes, deadline))?;
        self.quickness.add_here(begun.elapsed(), Instant::now());
        match reviewed {
            Ok(reviewed) if reviewed.was_late() => None,
            reviewed => Some(reviewed.map(Reviewed::told)),
        }
    }

    /// One that makes more of a request than may be left of it has failed as one that traps has.
    fn bounded(&self, findings: Findings, mutated_bytes_max: usize) -> Result<Findings, AdmissionError> {
        if findings.mutated_bytes() > mutated_bytes_max {
            return Err(self.failed(Cause::Mutation { reason: "to more than a request may bring" }));
        }
        Ok(findings)
    }

    /// A failure is for the operator to read; a denial is for the client, and its words are the plugin's.
    fn note(&self, error: &AdmissionError) {
        if let AdmissionError::PluginFailed { plugin, cause } = error {
            tracing::warn!(%plugin, %cause, "a plugin failed to review a write");
        }
    }

    pub(crate) fn failed(&self, cause: Cause) -> AdmissionError {
        AdmissionError::PluginFailed { plugin: self.name.clone(), cause }
    }
}

/// A verdict of which whoever wrote hears nothing.
fn observed(outcome: Result<Findings, AdmissionError>) -> Findings {
    let notes = match outcome {
        Ok(Findings { remarks, .. }) => remarks.notes,
        Err(denied @ AdmissionError::Denied { .. }) => {
            let said = format!("only observed: {denied}");
            let mut notes = denied.into_remarks().notes;
            notes.push(said);
            notes
        }
        // Counted, and said in the log, where it was noticed.
        Err(_) => Vec::new(),
    };
    Findings { values: Vec::new(), remarks: Remarks { warnings: Vec::new(), notes } }
}

/// A rule that this version cannot read is a rule that nobody goes by: installation lets none in.
fn rules(rules: &[String]) -> Vec<WriterRule> {
    rules.iter().filter_map(|rule| rule.parse().ok()).collect()
}

fn memory(mib: u32) -> usize {
    match mib {
        0 => MEMORY_BYTES_MAX,
        mib => usize::try_from(mib).map_or(MEMORY_BYTES_MAX, |mib| (mib << 20).min(MEMORY_BYTES_MAX)),
    }
}

fn timeout(ms: u32) -> Duration {
    match ms {
        0 => TIMEOUT_DEFAULT,
        ms => Duration::from_millis(ms.into()).min(TIMEOUT_MAX),
    }
}

//! Whether two servers made the same of a case.

use harness::Program;

use crate::{
    authority::Authority,
    case::{Case, Difference},
    coverage::Coverage,
    errors::Errors,
    older::{Older, Parting, is_before},
    play::{Line, Played, play},
};

/// Lines of a record that are shown before a difference.
const LINES_BEFORE: usize = 3;

/// What came of a case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Both did the same, as expected.
    Agreed,
    /// This etcd is known to differ; Strongroom did as expected.
    Explained(String),
    /// They differ, or one of them did not do what is expected.
    Differs(String),
}

/// The two that are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'a> {
    /// What is tested: Strongroom, or etcd itself to test the cases.
    pub(crate) subject: Program,
    /// The version of the etcd to compare with: major and minor.
    pub(crate) version: (u32, u32),
    /// The certificates of both.
    pub(crate) authority: &'a Authority,
    /// Errors by name.
    pub(crate) errors: &'a Errors,
    /// What older versions are known for.
    pub(crate) older: &'a [Older],
}

impl Pair<'_> {
    /// Plays a case on both, at the same time.
    pub(crate) async fn compare(&self, case: &Case) -> (Verdict, Coverage) {
        let ours = self.subject == Program::Strongroom;
        let subject = Box::pin(play(self.subject, ours, case, self.authority, self.errors));
        if let Some(difference) = case.differs.iter().find(|difference| self.concerns(difference)) {
            let played = subject.await;
            return (explained(difference, &played), played.coverage);
        }
        let reference = Box::pin(play(Program::Etcd, false, case, self.authority, self.errors));
        let (ours, theirs) = tokio::join!(subject, reference);
        let verdict = match judge(&ours, &theirs, self.subject) {
            Verdict::Differs(text) => self.known(case, &ours, &theirs).unwrap_or(Verdict::Differs(text)),
            agreed => agreed,
        };
        (verdict, theirs.coverage)
    }

    /// The explanation of a difference in which Strongroom did as expected.
    fn known(&self, case: &Case, ours: &Played, theirs: &Played) -> Option<Verdict> {
        if ours.failure.is_some() {
            return None;
        }
        let parting = parting(ours, theirs)?;
        let older = self.older.iter().filter(|older| older.concerns(self.version));
        let explanation = older.filter(|older| older.explains(case, &parting)).map(|older| older.reason.clone()).next();
        explanation.map(Verdict::Explained)
    }

    /// Whether a case's difference is one of the version that is compared with.
    fn concerns(&self, difference: &Difference) -> bool {
        is_before(&difference.version, self.version)
    }
}

/// The first two numbers of a version.
pub(crate) fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn explained(difference: &Difference, played: &Played) -> Verdict {
    match &played.failure {
        None => Verdict::Explained(difference.reason.clone()),
        Some(failure) => Verdict::Differs(format!("not as expected: {failure}")),
    }
}

fn judge(ours: &Played, theirs: &Played, subject: Program) -> Verdict {
    let said: Vec<_> =
        [("etcd", theirs), (if subject == Program::Etcd { "the other etcd" } else { "Strongroom" }, ours)]
            .into_iter()
            .filter_map(|(who, played)| played.failure.as_ref().map(|failure| format!("{who}: {failure}")))
            .collect();
    if !said.is_empty() {
        return Verdict::Differs(said.join("\n"));
    }
    first_difference(&ours.record, &theirs.record).map_or(Verdict::Agreed, Verdict::Differs)
}

/// Where they part first: an answer that differs, or else where the other stopped.
fn parting(ours: &Played, theirs: &Played) -> Option<Parting> {
    match part_at(&ours.record, &theirs.record).and_then(|at| theirs.record.get(at)) {
        Some(line) => Some(Parting { asked: line.asked.clone(), said: line.outcome.to_string() }),
        None => theirs.failure.clone().map(|failure| Parting { asked: failure.clone(), said: failure }),
    }
}

fn part_at(ours: &[Line], theirs: &[Line]) -> Option<usize> {
    (0..ours.len().max(theirs.len())).find(|&at| match (ours.get(at), theirs.get(at)) {
        (Some(ours), Some(theirs)) => ours.outcome != theirs.outcome && !ours.deliberate,
        _ => true,
    })
}

/// Says where two records part, with the lines before it.
fn first_difference(ours: &[Line], theirs: &[Line]) -> Option<String> {
    let at = part_at(ours, theirs)?;
    let before: Vec<_> = ours[at.saturating_sub(LINES_BEFORE).min(ours.len())..at.min(ours.len())]
        .iter()
        .map(|line| format!("  {} => {}", line.asked, line.outcome))
        .collect();
    let [said, wanted] =
        [ours, theirs].map(|record| record.get(at).map_or("nothing".into(), |line| line.outcome.to_string()));
    let asked = ours.get(at).or(theirs.get(at)).map_or("", |line| &line.asked);
    Some(format!("{}\n  {asked}\n  Strongroom: {said}\n  etcd:       {wanted}", before.join("\n")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(answers: &[i64]) -> Vec<Line> {
        let line = |answer: &i64| Line { asked: "KV/Range".into(), outcome: json!(answer), deliberate: *answer > 100 };
        answers.iter().map(line).collect()
    }

    #[test]
    fn records_that_differ_are_told_apart() {
        assert_eq!(first_difference(&record(&[1, 2]), &record(&[1, 2])), None);
        assert_eq!(first_difference(&record(&[1, 102]), &record(&[1, 101])), None, "they are meant to differ there");
        let difference = first_difference(&record(&[1, 2]), &record(&[1, 3])).unwrap();
        assert!(difference.contains("Strongroom: 2\n") && difference.ends_with("etcd:       3"), "{difference}");
        assert!(first_difference(&record(&[1]), &record(&[1, 2])).unwrap().contains("Strongroom: nothing"));
    }

    #[test]
    fn the_first_difference_is_the_one_to_explain() {
        let played = |answers: &[i64], failure: Option<&str>| Played {
            record: record(answers),
            failure: failure.map(str::to_owned),
            ..Played::default()
        };
        let said = |theirs: &Played| parting(&played(&[1, 2, 3], None), theirs).map(|parting| parting.said);
        assert_eq!(said(&played(&[1, 2, 3], None)), None);
        assert_eq!(said(&played(&[1, 2], Some("step 3: late"))), Some("step 3: late".to_owned()));
        assert_eq!(said(&played(&[1, 9], Some("step 3: late"))), Some("9".to_owned()), "what came first counts");
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(parse_version("3.10.1"), Some((3, 10)));
        assert!(parse_version("3.7") < parse_version("3.10.1"));
        assert_eq!(parse_version("newest"), None);
    }
}

//! Whether two servers made the same of a case.

use harness::Program;

use crate::{
    authority::Authority,
    case::{Case, Difference},
    coverage::Coverage,
    errors::Errors,
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
        (judge(&ours, &theirs, self.subject), theirs.coverage)
    }

    /// Whether a case's difference is one of the version that is compared with.
    fn concerns(&self, difference: &Difference) -> bool {
        let before = difference.version.strip_prefix('<').and_then(parse_version);
        before.is_some_and(|before| self.version < before)
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

/// Says where two records part, with the lines before it.
fn first_difference(ours: &[Line], theirs: &[Line]) -> Option<String> {
    let at = (0..ours.len().max(theirs.len())).find(|&at| match (ours.get(at), theirs.get(at)) {
        (Some(ours), Some(theirs)) => ours.outcome != theirs.outcome && !ours.deliberate,
        _ => true,
    })?;
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
    fn versions_are_compared_by_number() {
        assert_eq!(parse_version("3.10.1"), Some((3, 10)));
        assert!(parse_version("3.7") < parse_version("3.10.1"));
        assert_eq!(parse_version("newest"), None);
    }
}

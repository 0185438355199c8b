//! What watches were told, held against the history.

use super::{
    Complaints,
    call::{Moment, Span},
    state::{Change, Revision},
};

/// One message to a watch.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) at: Moment,
    /// The header's.
    pub(crate) revision: i64,
    pub(crate) changes: Vec<Change>,
    /// More of the same revision follows: the watch allows it to come in pieces.
    pub(crate) fragment: bool,
}

/// A watch from its creation to its end, of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) member: usize,
    pub(crate) span: Span,
    /// The first revision that it asked for.
    pub(crate) from: i64,
    pub(crate) delivered: Vec<Delivered>,
    /// Whether it was still open after the last write, and long enough to be told of it.
    pub(crate) to_the_end: bool,
}

/// Checks one watch: ordered, unique, without gaps, atomic, and every bookmark true.
pub(crate) fn check(watch: &Watched, history: &[Revision]) -> Vec<String> {
    let expected: Vec<&Change> = history
        .iter()
        .filter(|revision| revision.revision >= watch.from)
        .flat_map(|revision| &revision.changes)
        .filter(|change| watch.span.contains(&change.record.key))
        .collect();
    let mut complaints = Complaints::default();
    let who = format!("the watch of {:?} from {} on member {}", watch.span, watch.from, watch.member);
    let mut told = 0;
    for delivered in &watch.delivered {
        bookmark(delivered, &expected[told.min(expected.len())..], &who, &mut complaints);
        for change in &delivered.changes {
            if expected.get(told) != Some(&change) {
                let due = expected.get(told);
                complaints.add(format!("{who} was told {change:?} where {due:?} was due"));
                return complaints.into_vec();
            }
            told += 1;
        }
        whole(delivered, expected.get(told), &who, &mut complaints);
    }
    if watch.to_the_end && told < expected.len() {
        complaints.add(format!("{who} was never told {:?} and {} more", expected[told], expected.len() - told - 1));
    }
    complaints.into_vec()
}

/// A message without events says that everything up to its revision was told.
fn bookmark(delivered: &Delivered, due: &[&Change], who: &str, complaints: &mut Complaints) {
    if delivered.changes.is_empty() && !delivered.fragment {
        let skipped = due.first().filter(|change| change.record.mod_revision <= delivered.revision);
        complaints.unless(skipped.is_none(), || {
            format!("{who} got a bookmark at {}, but was not told {skipped:?} yet", delivered.revision)
        });
    }
}

/// The events of one revision come in one message.
fn whole(delivered: &Delivered, next: Option<&&Change>, who: &str, complaints: &mut Complaints) {
    let (Some(last), Some(next)) = (delivered.changes.last(), next) else { return };
    let torn = !delivered.fragment && last.record.mod_revision == next.record.mod_revision;
    complaints.unless(!torn, || format!("{who} was told half of revision {}", last.record.mod_revision));
    complaints.unless(delivered.revision >= last.record.mod_revision, || {
        format!("{who} was told {last:?} under the header revision {}", delivered.revision)
    });
}

/// When each of these revisions was first seen by any watch.
pub(crate) fn first_seen(watches: &[Watched], revision: i64) -> Option<Moment> {
    let deliveries = watches.iter().flat_map(|watch| &watch.delivered);
    deliveries
        .filter(|delivered| delivered.changes.iter().any(|change| change.record.mod_revision == revision))
        .map(|delivered| delivered.at)
        .min()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::verdict::call::Record;

    fn change(key: &str, revision: i64) -> Change {
        let record = Record {
            key: key.into(),
            value: format!("{revision}"),
            create_revision: revision,
            mod_revision: revision,
            version: 1,
            lease: 0,
        };
        Change { record, deleted: false, previous: None }
    }

    fn history() -> Vec<Revision> {
        let revision = |revision, keys: &[&str]| Revision {
            revision,
            changes: keys.iter().map(|key| change(key, revision)).collect(),
        };
        vec![revision(2, &["a"]), revision(3, &["b", "c"]), revision(4, &["x"]), revision(5, &["a"])]
    }

    fn delivered(revision: i64, changes: Vec<Change>) -> Delivered {
        Delivered { at: Duration::ZERO, revision, changes, fragment: false }
    }

    fn watch(messages: Vec<Delivered>) -> Watched {
        let span = Span { from: "a".into(), to: "d".into() };
        Watched { member: 0, span, from: 2, delivered: messages, to_the_end: false }
    }

    fn sound() -> Vec<Delivered> {
        vec![
            delivered(2, vec![change("a", 2)]),
            delivered(3, vec![change("b", 3), change("c", 3)]),
            delivered(4, Vec::new()),
            delivered(5, vec![change("a", 5)]),
        ]
    }

    fn complains(messages: Vec<Delivered>, of: &str) {
        let complaints = check(&watch(messages), &history());
        assert!(complaints.iter().any(|text| text.contains(of)), "{of}: {complaints:?}");
    }

    #[test]
    fn what_was_told_rightly_passes() {
        let mut whole = watch(sound());
        whole.to_the_end = true;
        assert_eq!(check(&whole, &history()), Vec::<String>::new());
        let mut cut = watch(sound());
        cut.delivered.pop();
        assert_eq!(check(&cut, &history()), Vec::<String>::new(), "a watch may end at any time");
        cut.to_the_end = true;
        assert!(check(&cut, &history())[0].contains("never told"));
    }

    #[test]
    fn a_lost_event_is_found() {
        let mut messages = sound();
        messages.remove(0);
        complains(messages, "was due");
    }

    #[test]
    fn a_repeated_event_is_found() {
        let mut messages = sound();
        messages.insert(1, messages[0].clone());
        complains(messages, "was due");
    }

    #[test]
    fn a_wrong_order_is_found() {
        let mut messages = sound();
        messages[1].changes.reverse();
        complains(messages, "was due");
    }

    #[test]
    fn half_a_revision_is_found() {
        let mut messages = sound();
        let second = messages[1].changes.pop().expect("there are two");
        messages.insert(2, delivered(3, vec![second]));
        complains(messages.clone(), "half of revision 3");
        messages[1].fragment = true;
        assert_eq!(check(&watch(messages), &history()), Vec::<String>::new());
    }

    #[test]
    fn a_bookmark_ahead_is_found() {
        let mut messages = sound();
        messages[2].revision = 5;
        complains(messages, "bookmark at 5");
    }
}

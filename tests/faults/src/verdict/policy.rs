//! Plugins: no write past one that was in force.

use super::{Complaints, call::Span, state::Revision};

/// A stretch of the history in which a plugin forbade every write to some keys.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) span: Span,
    /// The newest revision when its installation had been answered.
    pub(crate) after: i64,
    /// The newest revision before its removal was asked for.
    pub(crate) until: i64,
}

/// Finds what was written all the same.
pub(crate) fn check(in_force: &InForce, history: &[Revision]) -> Vec<String> {
    let mut complaints = Complaints::default();
    let inside = |revision: &&Revision| revision.revision > in_force.after && revision.revision <= in_force.until;
    for revision in history.iter().filter(inside) {
        for change in revision.changes.iter().filter(|change| in_force.span.contains(&change.record.key)) {
            complaints.add(format!("{change:?} was let through while a plugin forbade it: {in_force:?}"));
        }
    }
    complaints.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{
        call::{Operation, Step},
        state::State,
    };

    #[test]
    fn a_write_past_a_plugin_is_found() {
        let put = Step::Put { key: "/guarded/a".into(), value: "1".into(), lease: 0 };
        let (_, changes) = State::empty(6).evaluate(&Operation::single(put));
        let history = [Revision { revision: 7, changes }];
        let in_force = |after, until| InForce { span: Span::prefix("/guarded/"), after, until };
        assert_eq!(check(&in_force(6, 7), &history).len(), 1);
        assert!(check(&in_force(7, 9), &history).is_empty(), "it was there before the plugin");
        assert!(check(&in_force(3, 6), &history).is_empty(), "it came when the plugin was gone");
        let other = InForce { span: Span::prefix("/open/"), ..in_force(6, 7) };
        assert!(check(&other, &history).is_empty());
    }
}

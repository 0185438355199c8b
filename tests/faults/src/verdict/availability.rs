//! How many writes were answered, and for how long none was.

use std::time::Duration;

use super::{
    call::{Call, Moment},
    replay,
};

/// A figure, not a verdict: what is too long, the caller knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Availability {
    /// Writes that were answered.
    pub(crate) acknowledged: usize,
    /// The longest time without one, from the first call on.
    pub(crate) longest_silence: Duration,
}

impl Availability {
    /// Of these calls, up to a moment.
    pub(crate) fn until(end: Moment, calls: &[Call]) -> Self {
        let wrote = |call: &Call| call.answer().filter(|(_, answer)| replay::wrote(call, answer)).map(|(at, _)| at);
        let mut answered: Vec<Moment> = calls.iter().filter_map(wrote).collect();
        answered.sort_unstable();
        let acknowledged = answered.len();
        let mut last = calls.iter().map(|call| call.asked).min().unwrap_or(end);
        let mut longest_silence = Duration::ZERO;
        for at in answered.into_iter().filter(|at| *at < end).chain([end]) {
            longest_silence = longest_silence.max(at.saturating_sub(last));
            last = at;
        }
        Self { acknowledged, longest_silence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::call::{Answer, Operation, Outcome, Span, Step, Told};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn call(step: Step, told: Told, asked: u64, answered: Option<u64>) -> Call {
        let answer = Answer { revision: 2, succeeded: true, told: vec![told] };
        let outcome = answered.map_or(Outcome::Unknown, |at| Outcome::Answered(ms(at), answer));
        Call { client: 0, member: 0, operation: Operation::single(step), asked: ms(asked), outcome }
    }

    fn put(asked: u64, answered: Option<u64>) -> Call {
        call(Step::Put { key: "a".into(), value: "1".into(), lease: 0 }, Told::Put, asked, answered)
    }

    fn get(asked: u64, answered: u64) -> Call {
        call(Step::Get(Span::key("a")), Told::Got(Vec::new()), asked, Some(answered))
    }

    #[test]
    fn only_answered_writes_break_the_silence() {
        let calls = [put(0, Some(10)), get(20, 100), put(100, None), put(40, Some(210)), put(5, Some(20))];
        let expected = Availability { acknowledged: 3, longest_silence: ms(190) };
        assert_eq!(Availability::until(ms(300), &calls), expected);
    }

    #[test]
    fn silence_at_both_ends_counts() {
        assert_eq!(Availability::until(ms(500), &[put(0, Some(300)), put(300, Some(310))]).longest_silence, ms(300));
        assert_eq!(Availability::until(ms(900), &[put(0, Some(300)), put(300, Some(310))]).longest_silence, ms(590));
        assert_eq!(Availability::until(ms(900), &[put(100, None)]).longest_silence, ms(800));
    }
}

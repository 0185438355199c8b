//! Leases: none ends early, none is forgotten.

use std::time::Duration;

use super::{Complaints, call::Moment};

/// What a client did with a lease and was told.
#[derive(Debug, Clone)]
pub(crate) struct Leased {
    pub(crate) id: i64,
    pub(crate) ttl: Duration,
    /// When it asked for the grant, and each time it asked to keep it alive, if the answer was yes; with the time of the answer.
    pub(crate) renewed: Vec<(Moment, Moment)>,
    /// Whether it was, or may have been, given up.
    pub(crate) revoked: bool,
    /// A key of it that was there when the lease should long have ended.
    pub(crate) left_behind: Option<String>,
}

/// `ended` gives when a client first saw that the lease's keys were gone, if any did.
pub(crate) fn check(lease: &Leased, ended: Option<Moment>) -> Vec<String> {
    let mut complaints = Complaints::default();
    if let Some(ended) = ended.filter(|_| !lease.revoked) {
        // A renewal that was answered only after the end may have come too late.
        let before = lease.renewed.iter().filter(|(_, answered)| *answered < ended);
        if let Some((asked, _)) = before.max() {
            complaints.unless(ended >= *asked + lease.ttl, || {
                format!("lease {:x} of {:?} was renewed at {asked:?} and gone at {ended:?}", lease.id, lease.ttl)
            });
        }
    }
    if let Some(key) = &lease.left_behind {
        complaints.add(format!("lease {:x} should have ended long ago, but its key {key} is there", lease.id));
    }
    complaints.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn lease() -> Leased {
        let renewed = vec![(ms(0), ms(10)), (ms(1500), ms(1510))];
        Leased { id: 7, ttl: ms(2000), renewed, revoked: false, left_behind: None }
    }

    #[test]
    fn an_early_end_is_found() {
        assert!(check(&lease(), Some(ms(3500))).is_empty());
        assert!(check(&lease(), None).is_empty());
        assert!(check(&lease(), Some(ms(3400)))[0].contains("gone"));
        assert!(check(&Leased { revoked: true, ..lease() }, Some(ms(100))).is_empty(), "it was given up");
        let late = Leased { renewed: vec![(ms(0), ms(10)), (ms(1990), ms(2100))], ..lease() };
        assert!(check(&late, Some(ms(2050))).is_empty(), "that renewal was not answered yet");
    }

    #[test]
    fn a_forgotten_lease_is_found() {
        let forgotten = Leased { left_behind: Some("/leased/1".into()), ..lease() };
        assert!(check(&forgotten, None)[0].contains("long ago"));
    }
}

//! How much each caller may ask for.

use std::sync::Arc;

use auth::Caller;
use governor::{DefaultKeyedRateLimiter, RateLimiter};
use meters::{IntCounterVec, IntGauge, IntGaugeVec, Registry, counters, gauges};

use super::{Crowd, IdentityLimit, LimitsConfig, Presence, TooMany};
use crate::FlowError;

/// Callers of whom one rule remembers when they last asked; beyond that those are forgotten who have all of their rate again.
const REMEMBERED_MAX: usize = 10_000;

/// How often callers may ask, and how many streams they may have.
pub struct IdentityLimits {
    held: Vec<Held>,
    refused: IntCounterVec,
    streams: IntGaugeVec,
}

struct Held {
    limit: IdentityLimit,
    /// What the limit is called in metrics.
    rule: String,
    rate: Option<DefaultKeyedRateLimiter<String>>,
    streams: Arc<Crowd>,
}

/// One streaming call of a caller who may have so many, as long as this is held.
pub struct StreamPlace {
    _presence: Presence,
    under_way: IntGauge,
}

impl IdentityLimits {
    /// As configured; `None` when nobody is limited.
    #[must_use]
    pub fn new(config: &LimitsConfig) -> Option<Self> {
        let held: Vec<_> = config.identities.iter().map(Held::new).collect();
        let refused = counters(
            "strongroom_identity_refused_total",
            "Calls that were refused because whoever made them asks too often or has too many streams, by the rule that says so.",
            &["identity", "limit"],
        );
        let streams = gauges(
            "strongroom_identity_streams",
            "Streaming calls under way of those whose number a rule limits.",
            &["identity"],
        );
        (!held.is_empty()).then_some(Self { held, refused, streams })
    }

    /// Adds its families to `registry`.
    pub fn register(&self, registry: &Registry) {
        registry.add(&self.refused);
        registry.add(&self.streams);
    }

    /// Counts one call of somebody, whose user is known if there is one.
    ///
    /// # Errors
    /// [`FlowError::CallerTooFast`].
    pub fn check(&self, caller: &Caller, user: Option<&str>) -> Result<(), FlowError> {
        let Some((held, name)) = self.held_for(caller, user) else { return Ok(()) };
        let (Some(limiter), Some(rate)) = (&held.rate, held.limit.requests) else { return Ok(()) };
        if limiter.len() > REMEMBERED_MAX {
            limiter.retain_recent();
        }
        limiter.check_key(&name).map_err(|_| {
            self.refused.with_label_values(&[&*held.rule, "rate"]).inc();
            FlowError::CallerTooFast { caller: name, per_second: rate.per_second.get() }
        })
    }

    /// A place for one streaming call of somebody; `None` for one who may have any number.
    ///
    /// # Errors
    /// [`FlowError::CallerStreams`].
    pub fn stream(&self, caller: &Caller, user: Option<&str>) -> Result<Option<StreamPlace>, FlowError> {
        let Some((held, name)) = self.held_for(caller, user) else { return Ok(None) };
        let presence = held.streams.enter(name.clone()).map_err(|(TooMany::All(max) | TooMany::OfOne(max))| {
            self.refused.with_label_values(&[&*held.rule, "streams"]).inc();
            FlowError::CallerStreams { caller: name, max }
        })?;
        let place = |presence| {
            let under_way = self.streams.with_label_values(&[&*held.rule]);
            under_way.inc();
            StreamPlace { _presence: presence, under_way }
        };
        Ok(presence.map(place))
    }

    /// The first limit that fits a caller, and the name under which that one is counted.
    fn held_for(&self, caller: &Caller, user: Option<&str>) -> Option<(&Held, String)> {
        let meant = |limit: &IdentityLimit| limit.who.as_ref().is_none_or(|who| who.names(caller, user));
        let held = self.held.iter().find(|held| meant(&held.limit))?;
        Some((held, user.map_or_else(|| caller.counted_as(), |user| format!("USER:{user}"))))
    }
}

impl Held {
    fn new(limit: &IdentityLimit) -> Self {
        Self {
            limit: limit.clone(),
            rule: limit.who.as_ref().map_or("*".to_owned(), ToString::to_string),
            rate: limit.requests.map(|rate| RateLimiter::keyed(rate.quota())),
            streams: Crowd::new(None, limit.streams_max),
        }
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.under_way.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::limits::Rate;

    fn limit(who: Option<&str>, burst: u32, streams: usize) -> IdentityLimit {
        let number = |number| NonZeroU32::new(number).unwrap();
        let requests = Some(Rate { per_second: number(1), burst: number(burst) });
        IdentityLimit { who: who.map(|who| who.parse().unwrap()), requests, streams_max: Some(streams) }
    }

    fn at(ip: [u8; 4]) -> Caller {
        Caller::anonymous(Some((ip, 1).into()))
    }

    #[test]
    fn the_first_rule_that_fits_holds_and_each_caller_has_the_whole_of_it() {
        let identities = vec![limit(Some("USER:noisy"), 3, 2), limit(None, 1, 1)];
        let limits = IdentityLimits::new(&LimitsConfig { identities, ..LimitsConfig::default() }).unwrap();
        let passed = |caller: &Caller, user| (0..5).filter(|_| limits.check(caller, user).is_ok()).count();
        assert_eq!(passed(&at([127, 0, 0, 1]), Some("noisy")), 3);
        assert_eq!(passed(&at([127, 0, 0, 1]), None), 1);
        assert_eq!(passed(&at([127, 0, 0, 2]), None), 1);
        assert_eq!(passed(&at([127, 0, 0, 3]), Some("quiet")), 1);
        let refused = limits.check(&at([127, 0, 0, 2]), None).unwrap_err();
        assert_eq!(refused.to_string(), "127.0.0.2 asks more often than 1 times a second");
        let held = |caller: &Caller, user| (0..5).filter_map(|_| limits.stream(caller, user).ok()).collect::<Vec<_>>();
        assert_eq!(held(&at([127, 0, 0, 1]), Some("noisy")).len(), 2);
        assert_eq!(held(&at([127, 0, 0, 1]), None).len(), 1);
        assert!(IdentityLimits::new(&LimitsConfig::default()).is_none());
    }

    #[test]
    fn a_stream_that_ends_makes_room_for_another() {
        let identities = vec![limit(None, 1, 2)];
        let limits = IdentityLimits::new(&LimitsConfig { identities, ..LimitsConfig::default() }).unwrap();
        let caller = at([127, 0, 0, 1]);
        let mut held = vec![limits.stream(&caller, None).unwrap(), limits.stream(&caller, None).unwrap()];
        let under_way = limits.streams.with_label_values(&["*"]);
        let refused = limits.stream(&caller, None).err().unwrap();
        assert_eq!(refused.to_string(), "127.0.0.1 has 2 streaming calls under way, which is as many as it may have");
        assert_eq!((under_way.get(), limits.refused.with_label_values(&["*", "streams"]).get()), (2, 1));
        held.pop();
        assert!(limits.stream(&caller, None).unwrap().is_some());
        drop(held);
        assert_eq!(under_way.get(), 0);
        let identities = vec![IdentityLimit { streams_max: None, ..limit(None, 1, 0) }];
        let limits = IdentityLimits::new(&LimitsConfig { identities, ..LimitsConfig::default() }).unwrap();
        assert!(limits.stream(&caller, None).unwrap().is_none());
    }
}

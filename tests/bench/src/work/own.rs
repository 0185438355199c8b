//! What sealing and plugins cost: one half of each pair with it, one without, on the member of `strongroom dev`.
//!
//! The halves of a pair take turns in being first, so that what drifts falls on both. A ratio is taken within each pair.

use crate::{
    row::{Goal, Row, Unit, median},
    scale::Scale,
    subject::Subject,
};

/// Two prefixes of equal length, of which the first is dearer.
type Pair = [&'static str; 2];

/// Sealed by `strongroom dev`, and not.
const SEALED: Pair = ["/registry/secrets/", "/registry/plainly/"];

/// Reviewed by the plugin that `strongroom dev` installs, and not.
const REVIEWED: Pair = ["/registry/configmaps/", "/registry/something_/"];

pub(super) const SEALING: &[Row] = &[
    Row::new("put under a sealed prefix, to one in plain text: throughput", Unit::Times, Goal::AloneAtLeast(0.97)),
    Row::new("list of 10,000 sealed keys of 1 KiB, to one in plain text: throughput", Unit::Times, Goal::None),
];

pub(super) const PLUGIN: &[Row] =
    &[Row::new("put reviewed by one plugin, to one that is not: throughput", Unit::Times, Goal::AloneAtLeast(0.9))];

pub(super) async fn sealing(scale: &Scale) -> Vec<f64> {
    let subject = Subject::dev().await;
    let puts = compare(&subject, SEALED, PUT, "put", scale).await;
    let list = "range --kind list --limit 10000 --keys 10000 --value-bytes 1024 --clients 8 --conns 8";
    vec![puts, compare(&subject, SEALED, list, "list", scale).await]
}

pub(super) async fn plugin(scale: &Scale) -> Vec<f64> {
    let subject = Subject::dev().await;
    vec![compare(&subject, REVIEWED, PUT, "put", scale).await]
}

const PUT: &str = "put --keys 100000 --value-bytes 256 --clients 64 --conns 64 --keep";

/// How often an operation is answered under the first prefix, to how often under the second.
async fn compare(subject: &Subject, pair: Pair, line: &str, operation: &str, scale: &Scale) -> f64 {
    let mut ratios = Vec::new();
    for turn in 0..scale.pairs {
        let mut rates = [0.0; 2];
        for half in [turn % 2, (turn + 1) % 2] {
            // Keys of a list are not those that are put.
            let line = format!("{line} --prefix {}{operation}/ --timeout 60s {}", pair[half], scale.time());
            rates[half] = subject.load(&line).await.of(operation).per_second;
        }
        ratios.push(rates[0] / rates[1]);
    }
    median(ratios).expect("there are pairs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_equally_long() {
        for [first, second] in [SEALED, REVIEWED] {
            assert_eq!(first.len(), second.len());
        }
    }
}

//! Resolves who is in the cluster at its first start: for now, this member and nobody else.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ConfigError;
use super::reader::Reader;
use super::url::Url;
use super::{ClusterState, value};

const FLAG: &str = "initial-cluster";

/// Checks `--initial-cluster` against the member's own name and peer URLs. Not written, it is made from these.
pub(crate) fn check_members(reader: &mut Reader<'_>, name: &str, advertised: &[Url]) {
    if !reader.is_written(FLAG) {
        return;
    }
    let text = reader.text(FLAG);
    let mut members: BTreeMap<&str, BTreeSet<Url>> = BTreeMap::new();
    for part in value::list(&text) {
        match part.split_once('=').map(|(member, url)| (member, url.parse::<Url>())) {
            Some((member, Ok(url))) => _ = members.entry(member).or_default().insert(url),
            Some((_, Err(reason))) => {
                return reader.report(ConfigError::BadUrl { origin: reader.origin(FLAG), value: part.into(), reason });
            }
            None => {
                let (origin, expected) = (reader.origin(FLAG), "a list of name=URL");
                return reader.report(ConfigError::BadValue { origin, value: part.into(), expected });
            }
        }
    }
    match (members.len(), members.get(name)) {
        (1, Some(urls)) if *urls == advertised.iter().cloned().collect() => {}
        (1, Some(_)) => reader.report(ConfigError::Conflict(format!(
            "--initial-cluster and --initial-advertise-peer-urls give different URLs for the member {name}"
        ))),
        (1, None) => reader.report(ConfigError::Conflict(format!(
            "--initial-cluster does not name this member, which is called {name}; set --name or name it there"
        ))),
        (members, _) => reader.report(ConfigError::ManyMembers { members }),
    }
}

/// `--initial-cluster-state`.
pub(crate) fn state(reader: &mut Reader<'_>) -> ClusterState {
    let state = reader.parsed("initial-cluster-state", "new or existing", |text| match text {
        "new" => Some(ClusterState::New),
        "existing" => Some(ClusterState::Existing),
        _ => None,
    });
    state.unwrap_or(ClusterState::New)
}

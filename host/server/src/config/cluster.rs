//! Resolves who is in the cluster at its first start, and how its members are changed later.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flow::{IDENTITY_FILE, MemberConfig};

use super::error::ConfigError;
use super::reader::Reader;
use super::url::Url;
use super::value;

const FLAG: &str = "initial-cluster";

/// The cluster that this member founds or joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Sets this cluster apart from others made of the same members.
    pub(crate) token: String,
    /// Whether the cluster starts with this member.
    pub(crate) state: ClusterState,
    /// Name and peer URLs of every member, this one's among them. Empty when the data directory says it.
    pub(crate) members: Vec<(String, Vec<Url>)>,
    /// Whether this member goes on alone, because the others are lost for good.
    pub(crate) force_new: bool,
    /// Whether a member asks if it could win before it holds an election.
    pub(crate) pre_vote: bool,
    /// Whether a change that would leave too few working members is refused.
    pub(crate) strict_reconfig_check: bool,
    /// Most learners at a time.
    pub(crate) max_learners: usize,
    /// Whether learners that are in sync are promoted without being asked.
    pub(crate) auto_promote: bool,
    /// Log entries kept behind a snapshot for members that lag a little.
    pub(crate) catch_up_entries: u64,
}

/// `--initial-cluster-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterState {
    /// Start a cluster when there is no data yet.
    New,
    /// Join a cluster that runs when there is no data yet.
    Existing,
}

impl Cluster {
    /// A cluster of this member alone.
    pub(crate) fn alone(name: &str, token: &str, peer: Vec<Url>) -> Self {
        let usual = MemberConfig::default();
        Self {
            token: token.to_owned(),
            state: ClusterState::New,
            members: vec![(name.to_owned(), peer)],
            force_new: usual.force_new_cluster,
            pre_vote: usual.pre_vote,
            strict_reconfig_check: usual.strict_reconfig_check,
            max_learners: usual.max_learners,
            auto_promote: usual.auto_promote,
            catch_up_entries: usual.catch_up_entries,
        }
    }
}

/// The cluster; `advertised` are the peer URLs of this member.
pub(super) fn cluster(reader: &mut Reader<'_>, name: &str, advertised: &[Url], data_dir: &Path) -> Cluster {
    let state = state(reader);
    let members = members(reader, name, advertised);
    // As in etcd, who has data has its cluster there, and the flags may be those of the first start.
    if !data_dir.join(IDENTITY_FILE).is_file() {
        check(reader, state, &members, name, advertised);
    }
    Cluster {
        token: reader.text("initial-cluster-token"),
        state,
        members: members.into_iter().map(|(name, urls)| (name, urls.into_iter().collect())).collect(),
        force_new: reader.switch("force-new-cluster"),
        pre_vote: reader.switch("pre-vote"),
        strict_reconfig_check: reader.switch("strict-reconfig-check"),
        max_learners: max_learners(reader),
        auto_promote: reader.switch("auto-promote"),
        catch_up_entries: reader.count("snapshot-catchup-entries").unwrap_or_default(),
    }
}

type Members = BTreeMap<String, BTreeSet<Url>>;

/// `--initial-cluster`. Not written, it is made from the member's own name and peer URLs.
fn members(reader: &mut Reader<'_>, name: &str, advertised: &[Url]) -> Members {
    let text = reader.text(FLAG);
    let mut members = Members::new();
    if !reader.is_written(FLAG) || text.is_empty() {
        members.insert(name.to_owned(), advertised.iter().cloned().collect());
        return members;
    }
    for part in value::list(&text) {
        match part.split_once('=').map(|(member, url)| (member, url.parse::<Url>())) {
            Some((member, Ok(url))) => _ = members.entry(member.to_owned()).or_default().insert(url),
            Some((_, Err(reason))) => {
                reader.report(ConfigError::BadUrl { origin: reader.origin(FLAG), value: part.into(), reason });
            }
            None => {
                let (origin, expected) = (reader.origin(FLAG), "a list of name=URL");
                reader.report(ConfigError::BadValue { origin, value: part.into(), expected });
            }
        }
    }
    members
}

/// What etcd checks before a first start.
fn check(reader: &mut Reader<'_>, state: ClusterState, members: &Members, name: &str, advertised: &[Url]) {
    let mut known = BTreeMap::new();
    for (member, url) in members.iter().flat_map(|(member, urls)| urls.iter().map(move |url| (member, url))) {
        if let Some(other) = known.insert(url, member) {
            reader.report(ConfigError::Conflict(format!("--initial-cluster gives {url} to both {other} and {member}")));
        }
    }
    match members.get(name) {
        None => reader.report(ConfigError::Conflict(format!(
            "--initial-cluster does not name this member, which is called {name}; set --name or name it there"
        ))),
        // Who joins was announced to the others under the URLs that it is named with.
        Some(urls) if state == ClusterState::New && *urls != advertised.iter().cloned().collect() => {
            reader.report(ConfigError::Conflict(format!(
                "--initial-cluster and --initial-advertise-peer-urls give different URLs for the member {name}"
            )));
        }
        Some(_) => {}
    }
    if state == ClusterState::Existing && members.len() < 2 {
        reader.report(ConfigError::Conflict(
            "--initial-cluster-state is existing, but --initial-cluster names no other member to ask".to_owned(),
        ));
    }
}

fn state(reader: &mut Reader<'_>) -> ClusterState {
    let state = reader.parsed("initial-cluster-state", "new or existing", |text| match text {
        "new" => Some(ClusterState::New),
        "existing" => Some(ClusterState::Existing),
        _ => None,
    });
    state.unwrap_or(ClusterState::New)
}

/// etcd takes any number; less than none is none.
fn max_learners(reader: &mut Reader<'_>) -> usize {
    usize::try_from(reader.signed("max-learners")).unwrap_or_default()
}

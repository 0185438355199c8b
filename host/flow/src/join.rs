//! What a member asks of others before it is one of them, or when it may be one no longer.

use std::{collections::BTreeSet, slice, time::Duration};

use consensus::{Consensus, IDENTITY_FILE, Identity};

use crate::{MemberConfig, StartError, members_page::MembersPage};

/// How long one member may take to answer: etcd's ten seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a founder asks whether its cluster runs already. Founders that start together do not answer yet.
const FOUNDING_PATIENCE: Duration = Duration::from_secs(1);

/// Who a member is: its data says it, or, when it has none yet, the configuration or the others do.
pub(crate) async fn identity(config: &MemberConfig) -> Result<Identity, StartError> {
    let new = match config.data_dir.join(IDENTITY_FILE).is_file() {
        true => founder(config),
        false if config.join => joining(config).await?,
        false => founding(config).await?,
    };
    Ok(Identity::load_or_create(&config.data_dir, new)?)
}

fn founder(config: &MemberConfig) -> Identity {
    Identity::of_founder(config.own_urls(), &config.founding_urls(), &config.cluster_token)
}

/// As etcd: the founders are those of the configuration. A founder that is known to have been there lost its data, and
/// with it the votes that it gave; it must not come back as if it were new.
async fn founding(config: &MemberConfig) -> Result<Identity, StartError> {
    let founder = founder(config);
    let ask = async {
        let page = MembersPage::of_any(&others(config), config.peer_tls.as_deref()).await.ok()?;
        page.members.into_iter().find(|member| member.id == founder.member_id)
    };
    let known = tokio::time::timeout(FOUNDING_PATIENCE, ask).await.ok().flatten();
    match known.filter(|member| !member.client_urls.is_empty()) {
        Some(_) => Err(StartError::Bootstrapped { id: founder.member_id }),
        None => Ok(founder),
    }
}

/// As etcd: the cluster says who the member is whose peer URLs are this one's, and the configuration must know all.
async fn joining(config: &MemberConfig) -> Result<Identity, StartError> {
    let failed = |reason: String| StartError::Join { reason };
    let asked = tokio::time::timeout(PATIENCE, MembersPage::of_any(&others(config), config.peer_tls.as_deref())).await;
    let page = asked.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(failed)?;
    let set = |urls: &[String]| urls.iter().cloned().collect::<BTreeSet<_>>();
    let named: BTreeSet<_> = config.founding_urls().iter().map(|urls| set(urls)).collect();
    let known: BTreeSet<_> = page.members.iter().map(|member| set(&member.peer_urls)).collect();
    if named != known {
        let shown: Vec<_> = page.members.iter().map(|member| member.peer_urls.join(" ")).collect();
        return Err(failed(format!(
            "--initial-cluster does not name the members that there are, with peer URLs {}; was this one added?",
            shown.join(", ")
        )));
    }
    let own = set(config.own_urls());
    let member = page.members.iter().find(|member| set(&member.peer_urls) == own);
    let member = member.ok_or_else(|| failed("the cluster knows no member with these peer URLs".to_owned()))?;
    Ok(Identity { cluster_id: page.cluster_id, member_id: member.id })
}

fn others(config: &MemberConfig) -> Vec<String> {
    let others = config.initial_cluster.iter().filter(|(name, _)| *name != config.name);
    others.flat_map(|(_, urls)| urls.clone()).collect()
}

/// Returns when this member was removed from the cluster. Only a member without a leader needs to ask.
pub(crate) async fn removed(consensus: &Consensus, identity: Identity, config: &MemberConfig) -> String {
    let (election, tls) = (config.election_timeout, config.peer_tls.as_deref());
    let mut told = String::new();
    loop {
        tokio::time::sleep(election).await;
        if consensus.leadership().leader.is_some() {
            continue;
        }
        let nodes = consensus.membership().nodes.into_iter().filter(|(id, _)| *id != identity.member_id);
        let mut urls: Vec<String> = nodes.flat_map(|(_, node)| node.peer_urls).collect();
        if urls.is_empty() {
            // Removed before a leader could tell it anything, it knows the others as its configuration does.
            urls = others(config);
        }
        let mut answers = Vec::with_capacity(urls.len());
        for url in urls {
            let asked = tokio::time::timeout(election, MembersPage::of_any(slice::from_ref(&url), tls)).await;
            answers.push(match asked {
                Ok(Ok(page)) if page.cluster_id != identity.cluster_id => format!("{url}: it is of another cluster"),
                Ok(Ok(page)) if page.removed.contains(&identity.member_id) => {
                    return "the member has been permanently removed from the cluster".to_owned();
                }
                Ok(Ok(_)) => format!("{url}: it knows of no removal"),
                Ok(Err(error)) => error,
                Err(_) => format!("{url}: no answer in time"),
            });
        }
        let answers = answers.join("; ");
        if answers != told {
            tracing::warn!(answers, "without a leader, the others were asked whether this member was removed");
            told = answers;
        }
    }
}

//! The members of the cluster, and what can be changed about them.

use std::convert::Infallible;

use auth::Administrator;
use store::{ClusterChange, PeerUrls};

use crate::{FlowError, Member, Reply};

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it has no vote.
    pub is_learner: bool,
}

impl Member {
    /// The members of the cluster.
    ///
    /// # Errors
    /// When it shall be linearizable and leadership cannot be confirmed, or the disk fails.
    pub async fn members(&self, linearizable: bool) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        if linearizable {
            self.shared.consensus.confirm_read().await?;
        }
        Ok(Reply { header: self.header(), body: vec![self.own_info()?] })
    }

    fn own_info(&self) -> Result<MemberInfo, FlowError> {
        let (config, id) = (&self.shared.config, self.shared.identity.member_id);
        let moved = self.cluster()?.peers.into_iter().find(|peer| peer.member_id == id);
        Ok(MemberInfo {
            id,
            name: config.name.clone(),
            peer_urls: moved.map_or_else(|| config.peer_urls.clone(), |peer| peer.urls),
            client_urls: config.client_urls.clone(),
            is_learner: false,
        })
    }

    /// Why a member cannot be added: this version runs clusters of one.
    ///
    /// # Errors
    /// URLs that are not peer URLs or are another member's, or that members cannot be added.
    pub async fn member_add(
        &self,
        _administrator: &Administrator,
        peer_urls: &[String],
    ) -> Result<Infallible, FlowError> {
        let wanted: Option<Vec<String>> = peer_urls.iter().map(|url| peer_url(url)).collect();
        let wanted = wanted.filter(|urls| !urls.is_empty()).ok_or(FlowError::BadMemberUrls)?;
        let taken = self.own_info()?.peer_urls;
        if wanted.iter().any(|url| taken.contains(url)) {
            return Err(FlowError::PeerUrlExists);
        }
        Err(FlowError::SingleMember)
    }

    /// Why a member cannot be removed: the only one is needed, and there is no other.
    ///
    /// # Errors
    /// No such member, or too few would be left.
    pub async fn member_remove(&self, _administrator: &Administrator, id: u64) -> Result<Infallible, FlowError> {
        self.check_own(id)?;
        Err(FlowError::NotEnoughStartedMembers)
    }

    /// Why a member cannot be promoted: no member is a learner.
    ///
    /// # Errors
    /// No such member, or it has a vote already.
    pub async fn member_promote(&self, _administrator: &Administrator, id: u64) -> Result<Infallible, FlowError> {
        self.check_own(id)?;
        Err(FlowError::NotLearner)
    }

    /// Changes where other members reach a member. As in etcd, the URLs are taken as they are.
    ///
    /// # Errors
    /// No such member; otherwise as for a write.
    pub async fn member_update(
        &self,
        administrator: &Administrator,
        id: u64,
        peer_urls: Vec<String>,
    ) -> Result<Reply<Vec<MemberInfo>>, FlowError> {
        self.check_own(id)?;
        tracing::info!(administrator = administrator.name(), member_id = id, ?peer_urls, "updated member");
        self.change_cluster(ClusterChange::PeerUrls(PeerUrls { member_id: id, urls: peer_urls })).await?;
        self.members(false).await
    }

    /// Hands leadership to a member.
    ///
    /// # Errors
    /// This member does not lead, or the other is not a voting member.
    pub async fn move_leader(&self, _administrator: &Administrator, to: u64) -> Result<(), FlowError> {
        if !self.leads() {
            return Err(FlowError::NotLeader);
        }
        self.check_own(to).map_err(|_| FlowError::BadLeaderTransferee)
    }

    fn check_own(&self, id: u64) -> Result<(), FlowError> {
        if id == self.shared.identity.member_id { Ok(()) } else { Err(FlowError::MemberNotFound) }
    }
}

/// A peer URL in the form in which etcd compares them; `None` when it is none.
fn peer_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" if is_host_and_port(rest) => {}
        "unix" | "unixs" => {}
        _ => return None,
    }
    Some(format!("{scheme}://{rest}"))
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_plain = !host.contains([':', '/', '?', '#', ' ', '[', ']']);
    (bracketed.is_some() || host_is_plain) && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_urls_are_checked_and_compared_as_etcd_does() {
        for url in ["http://127.0.0.1:2380", "https://a.example:1", "http://[::1]:2380", "unix://x", "http://a:"] {
            assert_eq!(peer_url(url).as_deref(), Some(url));
        }
        assert_eq!(peer_url(" HTTP://a:1").as_deref(), Some("http://a:1"));
        for url in ["bad", "", "http://a", "http://a:1/path", "http://a:b", "ftp://a:1", "http://a:b:1", "http://::1:1"]
        {
            assert_eq!(peer_url(url), None, "{url}");
        }
    }
}

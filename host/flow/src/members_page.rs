//! `/members` on the peer listener, as etcd has it: who the members are, for those who are none yet.

use std::sync::Arc;

use bytes::Bytes;
use consensus::PeerTls;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{FlowError, Member, MemberInfo};

/// The header with the cluster's id.
pub const CLUSTER_ID_HEADER: &str = "x-etcd-cluster-id";

/// The header with the ids of removed members, comma separated.
pub const REMOVED_HEADER: &str = "x-strongroom-removed";

/// Largest page that is read: some thousand members.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// What the page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersPage {
    /// Id of the cluster.
    pub cluster_id: u64,
    /// Its members.
    pub members: Vec<ListedMember>,
    /// Ids of members that were removed.
    pub removed: Vec<u64>,
}

/// A member as etcd's JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedMember {
    /// Its id.
    pub id: u64,
    /// Where other members reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Whether it has no vote.
    #[serde(rename = "isLearner", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_learner: bool,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where clients reach it.
    #[serde(rename = "clientURLs", default, skip_serializing_if = "Vec::is_empty")]
    pub client_urls: Vec<String>,
}

impl From<MemberInfo> for ListedMember {
    fn from(member: MemberInfo) -> Self {
        let MemberInfo { id, name, peer_urls, client_urls, is_learner } = member;
        Self { id, peer_urls, is_learner, name, client_urls }
    }
}

impl Member {
    /// What this member says of all of them.
    ///
    /// # Errors
    /// When the disk does.
    pub fn members_page(&self) -> Result<MembersPage, FlowError> {
        let members = self.known_members()?.into_iter().map(ListedMember::from).collect();
        let removed = self.cluster()?.removed;
        Ok(MembersPage { cluster_id: self.header().cluster_id, members, removed })
    }
}

impl MembersPage {
    /// The page of whoever answers first, in this order.
    pub(crate) async fn of_any(peer_urls: &[String], tls: Option<&PeerTls>) -> Result<Self, String> {
        let mut failures = Vec::new();
        for url in peer_urls {
            match Self::of(url, tls).await {
                Ok(page) => return Ok(page),
                Err(error) => failures.push(format!("{url}: {error}")),
            }
        }
        Err(failures.join("; "))
    }

    async fn of(peer_url: &str, tls: Option<&PeerTls>) -> Result<Self, Failure> {
        let (scheme, authority) = peer_url.split_once("://").ok_or("it is no URL")?;
        let stream = TcpStream::connect(authority).await?;
        match scheme {
            "http" => get(stream, authority).await,
            "https" => {
                let tls = tls.ok_or("this member has no certificates for it")?;
                let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
                let name = ServerName::try_from(host.to_owned())?;
                get(TlsConnector::from(Arc::clone(&tls.config)).connect(name, stream).await?, authority).await
            }
            _ => Err("only http and https are asked".into()),
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn get(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, host: &str) -> Result<MembersPage, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::get("/members").header(HOST, host).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await;
    let page = async {
        let (head, body) = response?.into_parts();
        let body = Limited::new(body, PAGE_BYTES_MAX).collect().await?.to_bytes();
        if !head.status.is_success() {
            return Err(format!("it answered {}", head.status).into());
        }
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let id = |text: &str| u64::from_str_radix(text.trim(), 16);
        let removed =
            header(REMOVED_HEADER).split(',').filter(|text| !text.is_empty()).map(id).collect::<Result<_, _>>();
        Ok(MembersPage {
            cluster_id: id(header(CLUSTER_ID_HEADER))?,
            members: serde_json::from_slice(&body)?,
            removed: removed?,
        })
    };
    let page = page.await;
    driver.abort();
    page
}

//! The member that a data directory is made for, and the cluster that it founds: etcdutl's flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flow::offline::{Founding, Revisions};

use super::client::ClientError;
use crate::config::url::Url;

/// A new member, of a cluster that begins with it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The new member")]
pub(crate) struct NewMember {
    /// Where to make its data directory; nothing may be there yet [default: NAME.etcd]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Its name
    #[arg(long, default_value = "default")]
    name: String,
    /// Every member of the new cluster, as NAME=URL,NAME=URL; each is made with the same list, of the same file. An import that seals, or
    /// is of an etcd that runs, is for one member alone
    #[arg(long, value_name = "MEMBERS", default_value = "default=http://localhost:2380")]
    initial_cluster: String,
    /// Sets the new cluster apart from others made of the same members
    #[arg(long, value_name = "TOKEN", default_value = "etcd-cluster")]
    initial_cluster_token: String,
    /// Where the others reach it
    #[arg(long, value_name = "URLS", value_delimiter = ',', default_value = "http://localhost:2380")]
    initial_advertise_peer_urls: Vec<String>,
    /// Raise the newest revision by this much, so that no client has seen what comes next; takes --mark-compacted
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "mark_compacted", hide_default_value = true)]
    bump_revision: u32,
    /// Have everything up to the newest revision count as compacted, so that clients that watch begin anew
    #[arg(long)]
    mark_compacted: bool,
}

impl NewMember {
    /// What is to be made.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unusable`] for a list of members or URLs that cannot be read.
    pub(crate) fn founding(&self) -> Result<Founding, ClientError> {
        let mut members: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for part in self.initial_cluster.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, url) = part.split_once('=').ok_or_else(|| unusable("--initial-cluster", part, "NAME=URL"))?;
            members.entry(name).or_default().push(peer_url("--initial-cluster", url)?);
        }
        let named = members.get(self.name.as_str());
        if named.is_none() {
            return Err(unusable("--initial-cluster", &self.initial_cluster, "a list in which --name is named"));
        }
        let own = self.initial_advertise_peer_urls.iter().map(|url| peer_url("--initial-advertise-peer-urls", url));
        Ok(Founding {
            data_dir: self.data_dir.clone().unwrap_or_else(|| format!("{}.etcd", self.name).into()),
            own_urls: own.collect::<Result<_, _>>()?,
            cluster_urls: members.into_values().collect(),
            cluster_token: self.initial_cluster_token.clone(),
        })
    }

    /// What becomes of the revisions.
    pub(crate) fn revisions(&self) -> Revisions {
        Revisions { bump: self.bump_revision.into(), mark_compacted: self.mark_compacted }
    }
}

fn peer_url(flag: &'static str, text: &str) -> Result<String, ClientError> {
    text.parse::<Url>().map(|url| url.to_string()).map_err(|reason| unusable(flag, text, reason))
}

fn unusable(flag: &'static str, value: &str, expected: &str) -> ClientError {
    ClientError::Argument { flag, value: value.to_owned(), expected: expected.to_owned() }
}

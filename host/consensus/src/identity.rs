//! Who this member is: ids derived as etcd derives them, and kept with the data from the first start on.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ring::digest;

/// The layout of a data directory that this version reads and writes.
const FORMAT: u32 = 1;

/// File under the data directory that holds the identity: it is there once the member was founded.
pub const IDENTITY_FILE: &str = "identity";

/// A member's ids, fixed for the life of its data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Id of the cluster.
    pub cluster_id: u64,
    /// Id of this member.
    pub member_id: u64,
}

/// The identity of a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Written by a version with another layout.
    #[error(
        "{path} was written in data format {found}, this version of strongroom reads format {FORMAT}; use the version that wrote it"
    )]
    Format {
        /// The identity file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// Not an identity file.
    #[error("{path} is damaged; restore the data directory from a snapshot")]
    Damaged {
        /// The identity file.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Identity {
    /// The identity of a founding member, as etcd computes it (`membership.computeMemberID`, `RaftCluster.genID`):
    /// the first eight bytes of SHA-1 over the sorted peer URLs and the token, and over all member ids.
    ///
    /// `cluster` lists the peer URLs of every founding member, this one's among them.
    #[must_use]
    pub fn of_founder(own_peer_urls: &[String], cluster: &[Vec<String>], token: &str) -> Self {
        let mut members: Vec<u64> = cluster.iter().map(|urls| member_id(urls, token)).collect();
        members.sort_unstable();
        let bytes: Vec<u8> = members.iter().flat_map(|id| id.to_be_bytes()).collect();
        Self { cluster_id: first_eight_of_sha1(&bytes), member_id: member_id(own_peer_urls, token) }
    }

    /// The id of a member that is added to a cluster which runs, as etcd computes it: by its peer URLs and the time.
    #[must_use]
    pub fn of_newcomer(peer_urls: &[String], unix_seconds: u64) -> u64 {
        member_id(peer_urls, &unix_seconds.to_string())
    }

    /// Reads the identity of a data directory, or gives it this one if it is new.
    ///
    /// # Errors
    /// When the directory has another format, or its identity cannot be read or written.
    pub fn load_or_create(dir: &Path, new: Self) -> Result<Self, IdentityError> {
        match Self::load(dir) {
            Err(IdentityError::File { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                new.create(dir, &path).map_err(|source| IdentityError::File { path, source })?;
                Ok(new)
            }
            found => found,
        }
    }

    /// The identity of a data directory that has one.
    ///
    /// # Errors
    /// As for [`Identity::load_or_create`].
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let path = dir.join(IDENTITY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, path),
            Err(source) => Err(IdentityError::File { path, source }),
        }
    }

    fn create(self, dir: &Path, path: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let unfinished = path.with_extension("new");
        let text = format!("format {FORMAT}\ncluster {:016x}\nmember {:016x}\n", self.cluster_id, self.member_id);
        fs::write(&unfinished, text)?;
        fs::File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, path)?;
        fs::File::open(dir)?.sync_all()
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, IdentityError> {
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        match field("format") {
            Some(found) if found == FORMAT.to_string() => {}
            Some(found) => return Err(IdentityError::Format { path, found: found.to_owned() }),
            None => return Err(IdentityError::Damaged { path }),
        }
        let id = |name| field(name).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        match (id("cluster"), id("member")) {
            (Some(cluster_id), Some(member_id)) => Ok(Self { cluster_id, member_id }),
            _ => Err(IdentityError::Damaged { path }),
        }
    }
}

fn member_id(peer_urls: &[String], token: &str) -> u64 {
    let mut urls = peer_urls.to_vec();
    urls.sort();
    first_eight_of_sha1((urls.concat() + token).as_bytes())
}

/// SHA-1 only names things here, as in etcd; nothing relies on it being hard to collide.
fn first_eight_of_sha1(bytes: &[u8]) -> u64 {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `etcd --initial-cluster default=http://localhost:2380` prints on its first start.
    #[test]
    fn ids_are_etcds() {
        let urls = vec!["http://localhost:2380".to_owned()];
        let identity = Identity::of_founder(&urls, std::slice::from_ref(&urls), "etcd-cluster");
        assert_eq!(format!("{:x}", identity.member_id), "8e9e05c52164694d");
        assert_eq!(format!("{:x}", identity.cluster_id), "cdf818194e3a8c32");
    }

    #[test]
    fn an_identity_is_kept_and_another_format_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity { cluster_id: 1, member_id: 0xff00_0000_0000_0000 };
        assert_eq!(Identity::load_or_create(dir.path(), first).unwrap(), first);
        let second = Identity { cluster_id: 3, member_id: 4 };
        assert_eq!(Identity::load_or_create(dir.path(), second).unwrap(), first);
        fs::write(dir.path().join(IDENTITY_FILE), "format 9\n").unwrap();
        assert!(matches!(Identity::load_or_create(dir.path(), first), Err(IdentityError::Format { .. })));
        fs::write(dir.path().join(IDENTITY_FILE), "what").unwrap();
        assert!(matches!(Identity::load_or_create(dir.path(), first), Err(IdentityError::Damaged { .. })));
    }
}

//! What is done with files while no member has them open: snapshots are looked at and made a new cluster, data directories checked.
//!
//! A data directory is made beside its own place and moved there when it is whole, so a crash leaves nothing that starts.

mod backups;
mod directory;
mod error;
mod etcd;
mod inspect;
mod restore;

use std::path::PathBuf;

pub use backups::{Backup, Source, backups};
pub use consensus::Revisions;
pub use error::OfflineError;
pub use etcd::{Change, Export, Exported, Happened, Import, Imported, Importing, export, import, key_value};
pub use inspect::{Authenticity, ListedKey, Verified, check_data, list_snapshot, verify_snapshot};
pub use restore::{AsOf, Restore, Restored, restore};
pub use store::{Findings, LeaseRecord, Rewound};

/// The member whose data directory is made, and the cluster that it founds.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The data directory; nothing may be there yet, or an empty folder.
    pub data_dir: PathBuf,
    /// The member's peer URLs.
    pub own_urls: Vec<String>,
    /// The peer URLs of every member, this one's among them.
    pub cluster_urls: Vec<Vec<String>>,
    /// What makes the cluster's id its own.
    pub cluster_token: String,
}

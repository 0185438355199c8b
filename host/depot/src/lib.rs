//! Backups in an object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage, or a folder.
//!
//! ```text
//! backup-TIME-REVISION/manifest, SHA256SUMS.hmac, SHA256SUMS      as in a snapshot; the sums come last, and make it whole
//! files/SHA256                                                    a file of a state, by its content, for all backups that have it
//! incoming/SHA256                                                 one that was not read again yet
//! ```
//!
//! So a backup sends only what no backup before it has, and one that is fetched is a folder as [`archive`] reads it.
//!
//! Where the store is a URL says; how to get in, the variables that its own tools know: `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`,
//! `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` and so on, or the machine's own role.
//!
//! It is *not* what decides when a backup is made, and which: see `flow`.
//!
//! Invariants:
//! - What [`Depot::save`] sends is read again before it counts. What a backup before it has sent is not read once more.
//! - [`Depot::keep`] removes no file that a backup which stays needs, and nothing that is not a backup's.
//! - A place is one member's own.
//!
//! Failure: [`DepotError`] names the object. A backup that was broken off is none; what it has sent is used by the next one.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use archive::{Archive, Manifest};
//! use depot::Depot;
//! let dir = tempfile::tempdir()?;
//! let state = dir.path().join("state");
//! std::fs::create_dir(&state)?;
//! std::fs::write(state.join("CURRENT"), "MANIFEST-000001\n")?;
//! let (etcd, moments) = ("3.7.0".to_owned(), Vec::new());
//! let manifest = Manifest { etcd, cluster_id: 1, member_id: 2, revision: 3, unix_seconds: 4, moments };
//! let depot = Depot::open(&format!("file://{}/depot", dir.path().display()))?;
//! depot.save(&depot.present().await?, "backup-4-3", &Archive::of(&manifest, &state, None)?.listing()?).await?;
//! depot.fetch("backup-4-3", &dir.path().join("fetched")).await?;
//! assert_eq!(archive::read(&dir.path().join("fetched"), None)?.manifest, manifest);
//! # Ok(())
//! # }
//! ```

mod depot;
mod error;
mod hashed;
mod way;

pub use depot::{BACKUP_NAME, Depot, Present, is_backup_name};
pub use error::DepotError;

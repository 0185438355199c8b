//! The file that a snapshot is: a POSIX tar file, so that every system can look into it, and the SHA-256 of it behind.
//!
//! ```text
//! manifest             what it is of: lines of a name and a value
//! state/FILE ...       the files of a RocksDB checkpoint: sealed values are sealed, data keys wrapped
//! SHA256SUMS           a line for each file before it, as sha256sum writes them
//! SHA256SUMS.hmac      a line for each data key that the member had: an HMAC over SHA256SUMS, by a key derived from that one
//! ```
//!
//! The sums find accidents. The HMACs find somebody: without a root key of the cluster nobody makes one, so a file whose HMAC
//! holds is as a member wrote it. They are there only if the member that wrote it had sealed prefixes and its root key.
//!
//! The same files in a folder are a snapshot as well: [`Archive::save_folder`] writes one beside another, and only what is new in it,
//! and [`Archive::listing`] says what goes where for whoever keeps files in another way.
//!
//! It is *not* what is in the state, and opens no database: see `store`.
//!
//! Invariants:
//! - [`Archive::write`] hands over exactly [`Archive::bytes`] bytes, so that the length is known before the first is sent.
//! - [`read`] gives a [`Contents`] only for a file of which every byte is as it was written, and leaves nothing of another one.
//!
//! Limits: a file in it is at most 8 GiB long, as in every tar file.
//!
//! Failure: [`ArchiveError`] says what is wrong with a file, and what to do.
//!
//! ```
//! use archive::{Archive, Manifest};
//! let dir = tempfile::tempdir()?;
//! let (state, file) = (dir.path().join("state"), dir.path().join("backup.db"));
//! std::fs::create_dir(&state)?;
//! std::fs::write(state.join("CURRENT"), "MANIFEST-000001\n")?;
//! let manifest = Manifest { etcd: "3.7.0".to_owned(), cluster_id: 1, member_id: 2, revision: 3, unix_seconds: 4, moments: Vec::new() };
//! Archive::of(&manifest, &state, None)?.save(&file)?;
//! assert_eq!(archive::read(&file, None)?.manifest, manifest);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod error;
mod folder;
mod manifest;
mod place;
mod reader;
mod signature;
mod writer;

pub use error::ArchiveError;
pub use folder::{ListedFile, Listing, hash, is_sum, parse_sums};
pub use manifest::{Manifest, Moment};
pub use place::put_in_place;
pub use reader::{Contents, ContentsFile, is_plain, read};
pub use signature::{MAC_BYTES, Signature};
pub use writer::{Archive, Sign, Signer};

pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const SIGNATURES: &str = "SHA256SUMS.hmac";

/// The name of the sums of all other files.
pub const SUMS: &str = "SHA256SUMS";

/// The names of the texts beside the files of the state; that of signatures may be missing.
pub const TEXTS: [&str; 3] = [MANIFEST, SUMS, SIGNATURES];

/// Where the files of the state are.
pub const FOLDER: &str = "state/";

/// Unit of a tar file.
pub(crate) const BLOCK_BYTES: usize = 512;

/// Two blocks of zeros end a tar file.
pub(crate) const END_BYTES: usize = 2 * BLOCK_BYTES;

/// The SHA-256 behind the tar file, as `etcdctl snapshot save` expects it.
pub(crate) const DIGEST_BYTES: usize = 32;

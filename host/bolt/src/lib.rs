//! bbolt database files: a reader that trusts nothing in them, and a writer that appends once.
//!
//! bbolt (`go.etcd.io/bbolt`) is what etcd keeps its data in: `member/snap/db`, and every snapshot. What etcd wrote is
//! imported with [`Bolt`]; what [`Writer`] writes is taken by a stock `etcdutl snapshot restore`.
//!
//! ```text
//!  file:  meta 0 | meta 1 | page 2 | page 3 | ...           one page is 4096 bytes, or what the meta says
//!  meta --root--> bucket of buckets --name--> bucket --key--> value
//!  each bucket is a B+tree: branch pages (first key, child) over leaf pages (key, value), each page with as many
//!  overflow pages behind it as its content needs; a small bucket lies inside the leaf of the bucket of buckets
//! ```
//!
//! It is *not* a database: nothing is changed in place, there are no transactions and no free list to take pages from.
//! It does not know what etcd's values mean, and does not look at the SHA-256 behind a snapshot:
//! [`Bolt::open_prefix`] is given the length without it. A file that another process writes to meanwhile is not
//! supported; take a snapshot.
//!
//! # Invariants
//! - The reader holds only the pages between a root and its place, and these do not overlap: never more than the file.
//! - Keys come out strictly ascending: every page is held against the range of keys that its parent gives it. A walk
//!   through a bucket reads no page twice, overflow included; it keeps one bit for each page of the file.
//! - A file of the writer has both metas agree, every page in use, and two children or more for each branch page (bbolt
//!   panics over one when it deletes). Until [`Writer::finish`] has synced the rest, it has no metas, so that a file cut
//!   off by a crash is refused by name.
//!
//! # Limits
//! Keys and bucket names 1 to [`KEY_BYTES_MAX`] bytes, values up to [`VALUE_BYTES_MAX`]; the reader takes pages of
//! 1 KiB to 16 MiB and trees up to 32 pages deep. Writing holds one page for each level of a tree, and a copy of one
//! value. A key or value that was read keeps its whole page, overflow included, in memory; copy what is kept for long.
//! A bucket in a bucket, which etcd does not have, is the error [`BoltError::Nested`], never left out in silence.
//!
//! # Failure
//! Whatever is in a file, the reader answers with data or an error: it does not panic, and does not loop.
//!
//! **The format has checksums on its two metas only.** Damage to structure is found: lengths, positions, the order of
//! keys, numbers and kinds of pages. Damage *inside* of a key or a value is not, nor where the last key of a page ends,
//! nor that a bucket points to the root of another, nor that a root says it is empty. If one meta is damaged, the other
//! is used, as bbolt does; that may be the state one transaction before, and [`Bolt::meta_lost`] says so. Who needs
//! more has to check a digest of the file first.
//!
//! After an error of the disk a [`Writer`] refuses everything; remove the file.
//!
//! # Example
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("db");
//! let mut writer = bolt::Writer::create(&path)?;
//! let mut bucket = writer.bucket(b"key")?;
//! bucket.put(b"a", b"1")?;
//! bucket.put(b"b", b"2")?;
//! bucket.finish()?;
//! writer.finish()?;
//!
//! let file = bolt::Bolt::open(&path)?;
//! let bucket = file.bucket(b"key")?.ok_or("no such bucket")?;
//! assert_eq!(bucket.get(b"b")?.as_deref(), Some(&b"2"[..]));
//! for pair in bucket.iter() {
//!     let (key, value) = pair?;
//!     assert_eq!((key.len(), value.len()), (1, 1));
//! }
//! # Ok(())
//! # }
//! ```

mod append;
mod bucket;
mod builder;
mod error;
mod file;
mod meta;
mod page;
mod path;
mod tree;
mod writer;

pub use bucket::{Bucket, Iter};
pub use error::BoltError;
pub use file::Bolt;
pub use page::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
pub use writer::{BucketWriter, Writer};

//! A database file: which meta counts, and the pages it speaks of.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::bucket::Bucket;
use crate::error::BoltError;
use crate::meta::{BadMeta, META_BYTES, Meta, PAGE_BYTES_LEAST, PAGE_BYTES_MOST};
use crate::page::{FLAG_BRANCH, FLAG_LEAF, HEADER_BYTES, Page, PageHeader};
use crate::tree::Tree;

/// A bbolt database file, open for reading.
#[derive(Debug)]
pub struct Bolt {
    meta: Meta,
    meta_lost: bool,
    root: Tree,
}

impl Bolt {
    /// Opens the file at `path`. What lies behind the last page is not looked at.
    ///
    /// # Errors
    /// [`BoltError::Open`], [`BoltError::NotBolt`], [`BoltError::Version`], [`BoltError::Truncated`] or
    /// [`BoltError::Damaged`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BoltError> {
        let (file, bytes) = open(path.as_ref())?;
        Self::read(file, bytes)
    }

    /// Opens the file at `path` as if it ended after `bytes`. A snapshot of etcd has its SHA-256 behind the database.
    ///
    /// # Errors
    /// As [`Bolt::open`]; [`BoltError::Truncated`] also if the file is shorter than `bytes`.
    pub fn open_prefix(path: impl AsRef<Path>, bytes: u64) -> Result<Self, BoltError> {
        let (file, there) = open(path.as_ref())?;
        if there < bytes {
            return Err(BoltError::Truncated { bytes: there, needs: bytes });
        }
        Self::read(file, bytes)
    }

    /// The names of all buckets, ascending.
    ///
    /// # Errors
    /// [`BoltError::Read`] or [`BoltError::Damaged`].
    pub fn buckets(&self) -> Result<Vec<Bytes>, BoltError> {
        let mut names = Vec::new();
        for entry in self.root.walk() {
            let entry = entry?;
            self.root.bucket(&entry)?;
            // A copy, since a slice would keep the page in memory.
            names.push(Bytes::copy_from_slice(&entry.key));
        }
        Ok(names)
    }

    /// The bucket of this name, if there is one.
    ///
    /// # Errors
    /// [`BoltError::Read`] or [`BoltError::Damaged`].
    pub fn bucket(&self, name: &[u8]) -> Result<Option<Bucket>, BoltError> {
        let Some(entry) = self.root.find(name)? else { return Ok(None) };
        Ok(Some(Bucket::new(self.root.bucket(&entry)?)))
    }

    /// The size of a page in bytes.
    pub fn page_bytes(&self) -> u64 {
        self.meta.page_bytes
    }

    /// The number of the transaction that is read.
    pub fn transaction(&self) -> u64 {
        self.meta.transaction
    }

    /// Whether one of the two metas is damaged, so that this may be the state one transaction before the last.
    pub fn meta_lost(&self) -> bool {
        self.meta_lost
    }

    fn read(file: File, bytes: u64) -> Result<Self, BoltError> {
        let (meta, meta_lost) = newest_meta(&file, bytes)?;
        let needs = meta.pages.checked_mul(meta.page_bytes).ok_or(BoltError::damaged(0, "it says too many pages"))?;
        if bytes < needs {
            return Err(BoltError::Truncated { bytes, needs });
        }
        let pages = Pages { file, page_bytes: meta.page_bytes, count: meta.pages };
        Ok(Self { meta, meta_lost, root: Tree::new(Arc::new(pages), meta.root) })
    }
}

/// The pages of one state of a file.
#[derive(Debug)]
pub(crate) struct Pages {
    file: File,
    page_bytes: u64,
    /// How many there are. All of them are in the file; that was checked.
    count: u64,
}

/// A page that can be read, with its overflow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) id: u64,
    pub(crate) pages: u64,
}

impl Extent {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.id < other.id + other.pages && other.id < self.id + self.pages
    }
}

impl Pages {
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How long page `id` says it is. That much is in the file.
    pub(crate) fn extent(&self, id: u64) -> Result<Extent, BoltError> {
        if id < 2 || id >= self.count {
            return Err(BoltError::damaged(id, "it is referred to, and is not one of the pages of the database"));
        }
        let mut header = [0; HEADER_BYTES];
        self.file
            .read_exact_at(&mut header, id * self.page_bytes)
            .map_err(|source| BoltError::Read { page: id, source })?;
        let header = PageHeader::decode(&header).ok_or(BoltError::damaged(id, "it has no header"))?;
        if header.id != id {
            return Err(BoltError::damaged(id, "it has the number of another page"));
        }
        if header.flags != FLAG_BRANCH && header.flags != FLAG_LEAF {
            return Err(BoltError::damaged(id, "it is neither a branch nor a leaf"));
        }
        let pages = u64::from(header.overflow) + 1;
        if pages > self.count - id {
            return Err(BoltError::damaged(id, "its overflow reaches beyond the database"));
        }
        Ok(Extent { id, pages })
    }

    /// Reads a page and checks what can be checked without its parent.
    pub(crate) fn read(&self, extent: Extent) -> Result<Page, BoltError> {
        let Extent { id, pages } = extent;
        let bytes = usize::try_from(pages * self.page_bytes)
            .map_err(|_| BoltError::damaged(id, "it is larger than the memory of this machine"))?;
        let mut buffer = vec![0; bytes];
        self.file
            .read_exact_at(&mut buffer, id * self.page_bytes)
            .map_err(|source| BoltError::Read { page: id, source })?;
        let page = Page::parse(id, buffer.into())?;
        // Old versions took one page more when the content filled the last one; none took more than that.
        if (page.used_bytes() as u64) < (pages - 1) * self.page_bytes {
            return Err(BoltError::damaged(id, "it has more overflow than it needs"));
        }
        Ok(page)
    }
}

fn open(path: &Path) -> Result<(File, u64), BoltError> {
    let failed = |source| BoltError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let stat = file.metadata().map_err(failed)?;
    if !stat.is_file() {
        return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    Ok((file, stat.len()))
}

/// The meta that counts, and whether the other one is lost.
fn newest_meta(file: &File, bytes: u64) -> Result<(Meta, bool), BoltError> {
    let first = meta_at(file, bytes, 0, 0)?;
    let second = match first {
        Ok(first) => meta_at(file, bytes, 1, first.page_bytes)?.and_then(|second| same_pages(first, second)),
        Err(_) => second_meta(file, bytes)?,
    };
    let (meta, meta_lost) = match (first, second) {
        (Ok(first), Ok(second)) if first.transaction > second.transaction => (first, false),
        (Ok(_), Ok(second)) => (second, false),
        (Ok(meta), Err(_)) | (Err(_), Ok(meta)) => (meta, true),
        (Err(BadMeta::Version(version)), _) | (_, Err(BadMeta::Version(version))) => {
            return Err(BoltError::Version(version));
        }
        (Err(BadMeta::Magic), Err(BadMeta::Magic)) => return Err(BoltError::NotBolt),
        _ => return Err(BoltError::damaged(0, "neither of the two metas is sound")),
    };
    if meta.root < 2 || meta.root >= meta.pages {
        return Err(BoltError::damaged(meta.transaction % 2, "its meta points outside of the database"));
    }
    Ok((meta, meta_lost))
}

fn same_pages(first: Meta, second: Meta) -> Result<Meta, BadMeta> {
    if first.page_bytes == second.page_bytes { Ok(second) } else { Err(BadMeta::Damaged) }
}

/// The second meta without the first, which would tell where it is.
fn second_meta(file: &File, bytes: u64) -> Result<Result<Meta, BadMeta>, BoltError> {
    let mut closest = BadMeta::Magic;
    let mut page_bytes = PAGE_BYTES_LEAST;
    while page_bytes <= PAGE_BYTES_MOST {
        match meta_at(file, bytes, 1, page_bytes)? {
            Ok(meta) if meta.page_bytes == page_bytes => return Ok(Ok(meta)),
            Ok(_) | Err(BadMeta::Magic) => {}
            Err(bad) => closest = bad,
        }
        page_bytes *= 2;
    }
    Ok(Err(closest))
}

fn meta_at(file: &File, bytes: u64, page: u64, offset: u64) -> Result<Result<Meta, BadMeta>, BoltError> {
    if bytes < offset.saturating_add(META_BYTES as u64) {
        return Ok(Err(BadMeta::Magic));
    }
    let mut meta = [0; META_BYTES];
    file.read_exact_at(&mut meta, offset).map_err(|source| BoltError::Read { page, source })?;
    Ok(Meta::decode(&meta, page))
}

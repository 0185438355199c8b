//! A new file to which pages are appended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::error::BoltError;
use crate::meta::Meta;
use crate::page::{FLAG_FREELIST, HEADER_BYTES, PageHeader};

/// What bbolt takes on most machines, and all versions can read.
pub(crate) const PAGE_BYTES: usize = 4096;

const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

#[derive(Debug)]
pub(crate) struct Appender {
    file: BufWriter<File>,
    /// The page that comes next.
    next: u64,
    failed: bool,
}

impl Appender {
    pub(crate) fn create(path: &Path) -> Result<Self, BoltError> {
        let failed = |source| BoltError::Open { path: path.to_owned(), source };
        // Only the owner may read it, as with etcd: it may hold what is secret.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(2 * PAGE_BYTES as u64)).map_err(failed)?;
        Ok(Self { file: BufWriter::with_capacity(64 * PAGE_BYTES, file), next: 2, failed: false })
    }

    /// Appends a page made of `parts`, the first of which follow the header, and returns its number.
    pub(crate) fn page(&mut self, flags: u16, count: u16, parts: [&[u8]; 2]) -> Result<u64, BoltError> {
        let bytes = HEADER_BYTES + parts[0].len() + parts[1].len();
        let pages = bytes.div_ceil(PAGE_BYTES);
        // Three keys or one value are the most that a page is made of besides what fits in PAGE_BYTES.
        let overflow = u32::try_from(pages - 1).map_err(|_| BoltError::ValueBytes(parts[1].len()))?;
        let (id, header) = (self.next, PageHeader { id: self.next, flags, count, overflow });
        let rest = &ZEROS[..pages * PAGE_BYTES - bytes];
        self.attempt(|file| {
            [&header.encode(), parts[0], parts[1], rest].iter().try_for_each(|part| file.write_all(part))
        })?;
        self.next += pages as u64;
        Ok(id)
    }

    /// Writes the free list and the metas. These come last, when all they speak of is on the disk.
    pub(crate) fn finish(mut self, root: u64) -> Result<(), BoltError> {
        let freelist = self.page(FLAG_FREELIST, 0, [&[], &[]])?;
        let meta = Meta { page_bytes: PAGE_BYTES as u64, root, freelist, pages: self.next, transaction: 0 };
        self.attempt(|file| {
            file.flush()?;
            let file = file.get_ref();
            file.sync_all()?;
            for transaction in [0, 1] {
                file.write_all_at(&Meta { transaction, ..meta }.encode(), transaction * PAGE_BYTES as u64)?;
            }
            file.sync_all()
        })
    }

    /// What a failed write leaves in the file is not known, so nothing more goes there.
    fn attempt(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), BoltError> {
        if self.failed {
            return Err(BoltError::Failed);
        }
        write(&mut self.file).map_err(|source| {
            self.failed = true;
            BoltError::Write(source)
        })
    }
}

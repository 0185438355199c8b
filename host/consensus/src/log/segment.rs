//! Segment files and the folder that holds them: naming, creation, recycling, removal.
//!
//! `0000000000000001.log` is a segment, `*.spare` a purged one kept to be written again, `*.new` one in the making.
//! A name ends in `.log` only once its header and first frame are durable.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::LogError;
use super::files::FileOps;
use super::frame::{SEGMENT_HEADER_BYTES, SegmentHeader};

/// Purged segments kept for recycling. Purges take several at once, writing needs one at a time: two bound the waste.
const SPARES_MAX: usize = 2;

/// One open segment file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    pub(super) path: PathBuf,
    pub(super) file: File,
}

/// The folder. Only the writer thread, and recovery before it, changes it.
pub(super) struct Folder {
    dir: PathBuf,
    files: Arc<dyn FileOps>,
    spares: VecDeque<PathBuf>,
    /// Segments up to this number are not to be written again.
    forgotten: u64,
}

impl Folder {
    pub(super) fn new(dir: &Path, files: Arc<dyn FileOps>) -> Self {
        Folder { dir: dir.to_path_buf(), files, spares: VecDeque::new(), forgotten: 0 }
    }

    pub(super) fn files(&self) -> &dyn FileOps {
        &*self.files
    }

    pub(super) fn segment_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016}.log"))
    }

    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.files.sync_dir(&self.dir).map_err(LogError::io("sync folder", &self.dir))
    }

    /// Numbers of the segments found, in order. Unfinished files are removed, spares remembered.
    pub(super) fn list(&mut self) -> Result<Vec<u64>, LogError> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(LogError::io("list", &self.dir))? {
            let path = entry.map_err(LogError::io("list", &self.dir))?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
            match (path.extension().and_then(|extension| extension.to_str()), number) {
                (Some("log"), Some(number)) => numbers.push(number),
                (Some("new"), Some(_)) => self.remove(&path)?,
                (Some("spare"), Some(_)) if self.spares.len() < SPARES_MAX => self.spares.push_back(path),
                (Some("spare"), Some(_)) => self.remove(&path)?,
                _ => {}
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes the next segment durable, from a spare of the right size if there is one. `first_frame` is built from the
    /// salt.
    pub(super) fn create(
        &mut self,
        number: u64,
        first_sequence: u64,
        capacity: u64,
        first_frame: impl FnOnce(u64) -> Vec<u8>,
    ) -> Result<Segment, LogError> {
        let (raw, file, recycled) = self.raw_file(number, capacity)?;
        let header = SegmentHeader { number, first_sequence, capacity, salt: salt(), recycled };
        let mut start = header.encode().to_vec();
        start.extend_from_slice(&first_frame(header.salt));
        self.files.write_all_at(&file, &start, 0).map_err(LogError::io("write", &raw))?;
        self.files.sync_data(&file).map_err(LogError::io("sync", &raw))?;
        let path = self.segment_path(number);
        self.files.rename(&raw, &path).map_err(LogError::io("rename", &raw))?;
        self.sync()?;
        tracing::debug!(segment = number, capacity, recycled, "opened a new raft log segment");
        Ok(Segment { header, path, file })
    }

    fn raw_file(&mut self, number: u64, capacity: u64) -> Result<(PathBuf, File, bool), LogError> {
        while let Some(path) = self.spares.pop_front() {
            let file = open(&path, false).map_err(LogError::io("open", &path))?;
            if file.metadata().map_err(LogError::io("inspect", &path))?.len() == capacity {
                return Ok((path, file, true));
            }
            self.remove(&path)?;
        }
        let path = self.dir.join(format!("{number:016}.new"));
        let file = open(&path, true).map_err(LogError::io("create", &path))?;
        file.set_len(capacity).map_err(LogError::io("size", &path))?;
        Ok((path, file, false))
    }

    /// Removes the spares; segments up to `number` will be removed as well once they are purged.
    pub(super) fn forget(&mut self, number: u64) -> Result<(), LogError> {
        self.forgotten = number;
        while let Some(spare) = self.spares.pop_front() {
            self.remove(&spare)?;
        }
        self.sync()
    }

    pub(super) fn open(&self, number: u64) -> Result<(PathBuf, File), LogError> {
        let path = self.segment_path(number);
        let file = open(&path, false).map_err(LogError::io("open", &path))?;
        Ok((path, file))
    }

    /// Takes purged segments out of the log, oldest first, each step durable, so that a crash leaves no hole.
    pub(super) fn retire(&mut self, segments: Vec<Arc<Segment>>, capacity: u64) -> Result<(), LogError> {
        for segment in segments {
            let path = segment.path.clone();
            // Writing over a file that a reader still holds would change what it reads; an unlinked one stays as it
            // was.
            let fits = segment.header.capacity == capacity && segment.header.number > self.forgotten;
            let reusable = Arc::into_inner(segment).is_some() && fits;
            if reusable && self.spares.len() < SPARES_MAX {
                let spare = path.with_extension("spare");
                self.files.rename(&path, &spare).map_err(LogError::io("rename", &path))?;
                self.spares.push_back(spare);
            } else {
                self.remove(&path)?;
            }
            self.sync()?;
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), LogError> {
        self.files.remove(path).map_err(LogError::io("remove", path))
    }
}

fn open(path: &Path, fresh: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(fresh).truncate(fresh).open(path)
}

/// 64 bits that nobody outside can foresee, from the keys the system draws for hash maps. Never zero: unwritten bytes
/// are.
fn salt() -> u64 {
    RandomState::new().hash_one(SEGMENT_HEADER_BYTES) | 1
}

//! What has arrived of a snapshot, in a file beside its own place, and what the member calls the snapshot, in another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::client::ClientError;
use crate::cli::new_file::OWNER_ONLY;

/// What is put behind the name of the file until it is whole.
const UNFINISHED: &str = "part";

/// What is put behind that for the id of the snapshot.
const ID: &str = "id";

/// Longest id that is read.
const ID_BYTES_MAX: usize = 256;

/// A snapshot that is being received.
pub(super) struct Part {
    pub(super) path: PathBuf,
    id_path: PathBuf,
    file: File,
    /// How many bytes have arrived.
    pub(super) bytes: u64,
    /// By what it can be gone on with.
    pub(super) id: Option<String>,
}

impl Part {
    /// What an earlier run has left for `target`, if that can be gone on with; else nothing.
    pub(super) fn open(target: &Path) -> Result<Self, ClientError> {
        let path = target.with_added_extension(UNFINISHED);
        let id_path = path.with_added_extension(ID);
        let unwritable = ClientError::unwritable(&path);
        let file = OpenOptions::new().append(true).create(true).mode(OWNER_ONLY).open(&path).map_err(&unwritable)?;
        let bytes = file.metadata().map_err(&unwritable)?.len();
        let id = fs::read_to_string(&id_path).ok().filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX);
        let mut part = Self { path, id_path, file, bytes, id };
        if part.id.is_none() {
            part.begin_anew()?;
        }
        Ok(part)
    }

    /// Forgets what has arrived.
    pub(super) fn begin_anew(&mut self) -> Result<(), ClientError> {
        (self.bytes, self.id) = (0, None);
        drop(fs::remove_file(&self.id_path));
        self.file.set_len(0).map_err(ClientError::unwritable(&self.path))
    }

    /// Notes by what it can be gone on with, before anything of it arrives.
    pub(super) fn set_id(&mut self, id: &str) -> Result<(), ClientError> {
        let noted = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&self.id_path);
        noted.and_then(|mut file| file.write_all(id.as_bytes())).map_err(ClientError::unwritable(&self.id_path))?;
        self.id = Some(id.to_owned());
        Ok(())
    }

    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), ClientError> {
        self.file.write_all(piece).map_err(ClientError::unwritable(&self.path))?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Gives what is whole its name.
    pub(super) fn finish(&self, target: &Path) -> Result<(), ClientError> {
        let named: io::Result<()> = self.file.sync_all().and_then(|()| archive::put_in_place(&self.path, target));
        named.map_err(ClientError::unwritable(target))?;
        drop(fs::remove_file(&self.id_path));
        Ok(())
    }

    /// Leaves nothing.
    pub(super) fn remove(&self) {
        drop(fs::remove_file(&self.path));
        drop(fs::remove_file(&self.id_path));
    }
}

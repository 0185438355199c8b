//! The files of a checkpoint, and their hashes.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use proto::peer::SnapshotFile;
use ring::digest::{Context, SHA256};

use super::CHUNK_BYTES;

/// The files in a folder, in the order of their names, each open: it can be read to the end even if it is removed.
pub(super) fn open_all(dir: &Path) -> io::Result<Vec<(SnapshotFile, File)>> {
    let mut names: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let mut file = File::open(dir.join(&name))?;
        let name = name.into_string().map_err(|_| io::Error::other("a checkpoint's file has no readable name"))?;
        let (size, sha256) = (file.metadata()?.len(), hash(&mut file)?.into());
        files.push((SnapshotFile { name, size, sha256 }, file));
    }
    Ok(files)
}

/// Whether a file is there as it should be.
pub(super) fn is_sound(path: &Path, wanted: &SnapshotFile) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(file.metadata()?.len() == wanted.size && hash(&mut file)? == wanted.sha256.as_ref())
}

/// SHA-256 of all that can still be read.
fn hash(file: &mut File) -> io::Result<Vec<u8>> {
    let (mut context, mut buffer) = (Context::new(&SHA256), vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(context.finish().as_ref().to_vec()),
            count => context.update(&buffer[..count]),
        }
    }
}

//! The archive that a snapshot is sent as: a POSIX tar file, so that every system can look into it.
//!
//! ```text
//! manifest             what it is of: lines of a name and a value
//! state/FILE ...       the files of a RocksDB checkpoint
//! SHA256SUMS           a line for each file before it, as sha256sum writes them
//! ```
//!
//! Its length is known before its content is read, because every file in it is complete before the first byte is sent.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};

/// Unit of a tar file.
const BLOCK_BYTES: usize = 512;

/// Two blocks of zeros end a tar file.
const END_BYTES: u64 = 2 * BLOCK_BYTES as u64;

/// Longest name that a header holds; ours are far shorter.
const NAME_BYTES_MAX: usize = 100;

const MANIFEST: &str = "manifest";
const SUMS: &str = "SHA256SUMS";
const FOLDER: &str = "state/";

/// Length of a SHA-256 in hex and the two spaces behind it.
const SUM_BYTES: u64 = 64 + 2;

/// How much of a file is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// What an archive is going to hold.
pub(crate) struct Archive {
    manifest: String,
    files: Vec<Entry>,
}

struct Entry {
    path: PathBuf,
    name: String,
    bytes: u64,
}

impl Archive {
    /// An archive of the files in `dir`, which must not change any more.
    pub(crate) fn of(manifest: String, dir: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let file = entry.file_name().into_string().map_err(|_| io::Error::other("a file name is not text"))?;
            let (name, bytes) = (format!("{FOLDER}{file}"), entry.metadata()?.len());
            files.push(Entry { path: entry.path(), name, bytes });
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { manifest, files })
    }

    /// How many bytes [`Archive::write`] is going to write.
    pub(crate) fn bytes(&self) -> u64 {
        let files: u64 = self.files.iter().map(|file| entry_bytes(file.bytes)).sum();
        entry_bytes(self.manifest.len() as u64) + files + entry_bytes(self.sums_bytes()) + END_BYTES
    }

    fn sums_bytes(&self) -> u64 {
        let line = |name: &str| SUM_BYTES + name.len() as u64 + 1;
        line(MANIFEST) + self.files.iter().map(|file| line(&file.name)).sum::<u64>()
    }

    /// Hands the archive to `sink`, piece by piece.
    pub(crate) fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut sums = write_entry(sink, MANIFEST, self.manifest.len() as u64, &mut self.manifest.as_bytes())?;
        for file in &self.files {
            sums += &write_entry(sink, &file.name, file.bytes, &mut File::open(&file.path)?)?;
        }
        write_entry(sink, SUMS, self.sums_bytes(), &mut sums.as_bytes())?;
        sink(&[0; END_BYTES as usize])
    }
}

/// Bytes of one file in a tar file: a header, and the content up to a whole block.
fn entry_bytes(content: u64) -> u64 {
    BLOCK_BYTES as u64 + content.next_multiple_of(BLOCK_BYTES as u64)
}

/// Writes one file; its line of the sums.
fn write_entry(
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    name: &str,
    bytes: u64,
    content: &mut dyn io::Read,
) -> io::Result<String> {
    sink(&header(name, bytes)?)?;
    let (mut digest, mut left, mut buffer) = (Context::new(&SHA256), bytes, vec![0; READ_BYTES]);
    let mut content = content.take(bytes);
    while left > 0 {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} became shorter")));
        }
        digest.update(&buffer[..read]);
        sink(&buffer[..read])?;
        left -= read as u64;
    }
    let padding = bytes.next_multiple_of(BLOCK_BYTES as u64) - bytes;
    sink(&[0; BLOCK_BYTES][..padding as usize])?;
    Ok(format!("{}  {name}\n", hex::encode(digest.finish())))
}

/// The header of a regular file (POSIX.1-1988 ustar). Numbers are octal text.
fn header(name: &str, bytes: u64) -> io::Result<[u8; BLOCK_BYTES]> {
    let mut block = [0; BLOCK_BYTES];
    let mut field = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    let size = format!("{bytes:011o}");
    if name.len() > NAME_BYTES_MAX || size.len() > 11 {
        return Err(io::Error::other(format!("{name} does not fit into a tar file")));
    }
    field(0, name);
    field(100, "0000600\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &size);
    field(136, "00000000000\0");
    // The checksum is made with spaces in its own place.
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(dir: &Path) -> (Archive, Vec<u8>) {
        let archive = Archive::of("format 1\n".to_owned(), dir).unwrap();
        let mut written = Vec::new();
        let sink = &mut |piece: &[u8]| {
            written.extend_from_slice(piece);
            Ok(())
        };
        archive.write(sink).unwrap();
        (archive, written)
    }

    #[test]
    fn its_length_is_known_before_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("empty", 0), ("one", 1), ("block", 512), ("more", 200_000)] {
            std::fs::write(dir.path().join(name), vec![7; bytes]).unwrap();
        }
        let (archive, written) = archive(dir.path());
        assert_eq!(written.len() as u64, archive.bytes());
        assert_eq!(written.len() % BLOCK_BYTES, 0);
    }

    #[test]
    fn every_systems_tar_reads_it_and_the_sums_are_right() {
        let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(dir.path().join("000007.sst"), vec![7; 100_000]).unwrap();
        std::fs::write(dir.path().join("CURRENT"), "MANIFEST-000001\n").unwrap();
        let (_, written) = archive(dir.path());
        let file = out.path().join("snapshot.tar");
        std::fs::write(&file, written).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let status = std::process::Command::new(program).args(arguments).current_dir(out.path()).status().unwrap();
            assert!(status.success(), "{program} {arguments:?}");
        };
        run("tar", &["-xf", "snapshot.tar"]);
        run("sha256sum", &["--check", "--strict", "--quiet", SUMS]);
        assert_eq!(std::fs::read(out.path().join("state/000007.sst")).unwrap(), vec![7; 100_000]);
        assert_eq!(std::fs::read_to_string(out.path().join(MANIFEST)).unwrap(), "format 1\n");
    }

    #[test]
    fn a_file_that_became_shorter_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "1234").unwrap();
        let archive = Archive::of(String::new(), dir.path()).unwrap();
        std::fs::write(dir.path().join("a"), "12").unwrap();
        assert!(archive.write(&mut |_| Ok(())).is_err());
    }
}

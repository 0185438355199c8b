//! Writing a snapshot from the folder of a checkpoint.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};
use tar::{EntryType, Header};

use crate::{
    BLOCK_BYTES, END_BYTES, FOLDER, MANIFEST, Manifest, SIGNATURES, SUMS,
    signature::{self, Signature},
};

/// Length of a SHA-256 in hex and the two spaces behind it.
const SUM_BYTES: usize = 64 + 2;

/// How much of a file is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Makes signatures over a text.
pub type Signer = Box<dyn Fn(&[u8]) -> Vec<Signature> + Send + Sync>;

/// Signs the sums with so many data keys. It makes at most that many signatures; what is missing is filled with blanks.
pub struct Sign {
    /// How many signatures there are going to be.
    pub count: usize,
    /// Makes them.
    pub sign: Signer,
}

/// What an archive is going to hold.
pub struct Archive {
    pub(crate) manifest: String,
    pub(crate) files: Vec<Entry>,
    pub(crate) sign: Option<Sign>,
}

pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    bytes: u64,
}

type Sink<'k> = dyn FnMut(&[u8]) -> io::Result<()> + 'k;

impl Archive {
    /// An archive of the files in `dir`, which must not change any more.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of(manifest: &Manifest, dir: &Path, sign: Option<Sign>) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let file = entry.file_name().into_string().map_err(|_| io::Error::other("a file name is not text"))?;
            let (name, bytes) = (format!("{FOLDER}{file}"), entry.metadata()?.len());
            files.push(Entry { path: entry.path(), name, bytes });
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { manifest: manifest.to_string(), files, sign: sign.filter(|sign| sign.count > 0) })
    }

    /// How many bytes [`Archive::write`] is going to write.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files: u64 = self.files.iter().map(|file| entry_bytes(file.bytes)).sum();
        let texts = [self.manifest.len(), self.sums_bytes()].into_iter().chain(self.signatures_bytes());
        files + texts.map(|bytes| entry_bytes(bytes as u64)).sum::<u64>() + END_BYTES as u64
    }

    fn sums_bytes(&self) -> usize {
        let line = |name: &str| SUM_BYTES + name.len() + 1;
        line(MANIFEST) + self.files.iter().map(|file| line(&file.name)).sum::<usize>()
    }

    fn signatures_bytes(&self) -> Option<usize> {
        self.sign.as_ref().map(|sign| signature::bytes(sign.count))
    }

    /// Hands the archive to `sink`, piece by piece. The SHA-256 of it is for whoever keeps it to put behind.
    ///
    /// # Errors
    /// What `sink` answers, and what the files do.
    pub fn write(&self, sink: &mut Sink<'_>) -> io::Result<()> {
        let mut sums = write_entry(sink, MANIFEST, self.manifest.len() as u64, &mut self.manifest.as_bytes())?;
        for file in &self.files {
            sums += &write_entry(sink, &file.name, file.bytes, &mut File::open(&file.path)?)?;
        }
        write_entry(sink, SUMS, self.sums_bytes() as u64, &mut sums.as_bytes())?;
        if let Some(sign) = &self.sign {
            let mut text = signature::write(&(sign.sign)(sums.as_bytes()));
            // A data key that cannot be used any more; the length was promised.
            let bytes = signature::bytes(sign.count);
            text.truncate(bytes);
            text.extend(std::iter::repeat_n('\n', bytes - text.len()));
            write_entry(sink, SIGNATURES, bytes as u64, &mut text.as_bytes())?;
        }
        sink(&[0; END_BYTES])
    }

    /// Writes it to a new file, with the SHA-256 behind, and makes that durable.
    ///
    /// # Errors
    /// When the file is there already, or the disk fails.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create_new(path)?);
        let mut digest = Context::new(&SHA256);
        self.write(&mut |piece| {
            digest.update(piece);
            file.write_all(piece)
        })?;
        file.write_all(digest.finish().as_ref())?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

/// Bytes of one file in a tar file: a header, and the content up to a whole block.
fn entry_bytes(content: u64) -> u64 {
    BLOCK_BYTES as u64 + content.next_multiple_of(BLOCK_BYTES as u64)
}

/// Writes one file; its line of the sums.
fn write_entry(sink: &mut Sink<'_>, name: &str, bytes: u64, content: &mut dyn io::Read) -> io::Result<String> {
    sink(header(name, bytes)?.as_bytes())?;
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
    sink(&[0; BLOCK_BYTES][..usize::try_from(padding).expect("less than a block")])?;
    Ok(sum_line(digest, name))
}

/// A line of the sums.
pub(crate) fn sum_line(digest: Context, name: &str) -> String {
    sum_line_of(&hex::encode(digest.finish()), name)
}

/// The same of a digest in hex.
pub(crate) fn sum_line_of(sha256: &str, name: &str) -> String {
    format!("{sha256}  {name}\n")
}

/// The header of a regular file (POSIX.1-1988 ustar) that only its owner may read.
fn header(name: &str, bytes: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAC_BYTES;

    pub(super) fn manifest() -> Manifest {
        Manifest {
            etcd: "3.7.0".to_owned(),
            cluster_id: 1,
            member_id: 2,
            revision: 3,
            unix_seconds: 4,
            moments: Vec::new(),
        }
    }

    fn written(archive: &Archive) -> Vec<u8> {
        let mut written = Vec::new();
        let sink = &mut |piece: &[u8]| {
            written.extend_from_slice(piece);
            Ok(())
        };
        archive.write(sink).unwrap();
        written
    }

    fn signed(count: usize, made: usize) -> Option<Sign> {
        let signature = Signature { data_key: 7, mac: [1; MAC_BYTES] };
        Some(Sign { count, sign: Box::new(move |_| vec![signature; made]) })
    }

    #[test]
    fn its_length_is_known_before_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("empty", 0), ("one", 1), ("block", 512), ("more", 200_000)] {
            std::fs::write(dir.path().join(name), vec![7; bytes]).unwrap();
        }
        for sign in [None, signed(0, 0), signed(1, 1), signed(9, 9), signed(3, 1), signed(1, 3)] {
            let archive = Archive::of(&manifest(), dir.path(), sign).unwrap();
            let written = written(&archive);
            assert_eq!(written.len() as u64, archive.bytes());
            assert_eq!(written.len() % BLOCK_BYTES, 0);
        }
    }

    #[test]
    fn every_systems_tar_reads_it_and_the_sums_are_right() {
        let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(dir.path().join("000007.sst"), vec![7; 100_000]).unwrap();
        std::fs::write(dir.path().join("CURRENT"), "MANIFEST-000001\n").unwrap();
        let written = written(&Archive::of(&manifest(), dir.path(), signed(1, 1)).unwrap());
        let file = out.path().join("snapshot.tar");
        std::fs::write(&file, written).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let status = std::process::Command::new(program).args(arguments).current_dir(out.path()).status().unwrap();
            assert!(status.success(), "{program} {arguments:?}");
        };
        run("tar", &["-xf", "snapshot.tar"]);
        run("sha256sum", &["--check", "--strict", "--quiet", SUMS]);
        assert_eq!(std::fs::read(out.path().join("state/000007.sst")).unwrap(), vec![7; 100_000]);
        assert_eq!(std::fs::read_to_string(out.path().join(MANIFEST)).unwrap(), manifest().to_string());
    }

    #[test]
    fn a_file_that_became_shorter_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "1234").unwrap();
        let archive = Archive::of(&manifest(), dir.path(), None).unwrap();
        std::fs::write(dir.path().join("a"), "12").unwrap();
        assert!(archive.write(&mut |_| Ok(())).is_err());
    }
}

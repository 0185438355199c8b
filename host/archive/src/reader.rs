//! Reading a snapshot, and checking every byte of it.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};
use tar::EntryType;

use crate::{
    ArchiveError, BLOCK_BYTES, DIGEST_BYTES, END_BYTES, FOLDER, MANIFEST, Manifest, SIGNATURES, SUMS, Signature,
    folder::read_folder, manifest::Unreadable, signature, writer::sum_line,
};

/// How much is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Longest text in an archive: sums of a hundred thousand files.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Where the magic number of etcd's database is: in its first page, behind the page's own header.
const BOLT_MAGIC_AT: usize = 16;
const BOLT_MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();

/// What is in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// What it is of.
    pub manifest: Manifest,
    /// The files of the state, in order.
    pub files: Vec<ContentsFile>,
    /// The sums: what the signatures are over.
    pub sums: String,
    /// That it was written by somebody with a data key.
    pub signatures: Vec<Signature>,
    /// Bytes of the whole file.
    pub bytes: u64,
    /// SHA-256 of all of them but the last, which are just that.
    pub sha256: [u8; DIGEST_BYTES],
}

/// A file of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentsFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Reads an archive, a file or a folder, to its end and checks it against itself. The files of the state are written to `to`, a folder that is made; it
/// is removed again if something is wrong.
///
/// # Errors
/// [`ArchiveError`]: what is wrong with it, or which file cannot be read or written.
pub fn read(path: &Path, to: Option<&Path>) -> Result<Contents, ArchiveError> {
    if let Some(to) = to {
        fs::create_dir(to).map_err(file(to))?;
    }
    let outcome = match path.is_dir() {
        true => read_folder(path, to),
        false => Reading::begin(path).and_then(|reading| reading.read(to)),
    };
    if let (Err(_), Some(to)) = (&outcome, to) {
        // Nothing of it is to be taken for a state; that it is wrong is what has to be said.
        let _ = fs::remove_dir_all(to);
    }
    outcome
}

pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::File { path: path.clone(), source }
}

/// A file that is read once, from its beginning to its end.
struct Reading {
    path: PathBuf,
    bytes: u64,
    from: Hashed,
    /// The digest at its end.
    expected: [u8; DIGEST_BYTES],
    sums: String,
    files: Vec<ContentsFile>,
}

/// Hashes what is read through it.
struct Hashed {
    from: io::Take<BufReader<File>>,
    digest: Context,
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.digest.update(&into[..read]);
        Ok(read)
    }
}

impl Reading {
    fn begin(path: &Path) -> Result<Self, ArchiveError> {
        use std::os::unix::fs::FileExt as _;
        let opened = File::open(path).map_err(file(path))?;
        let bytes = opened.metadata().map_err(file(path))?.len();
        let mut head = [0; BOLT_MAGIC_AT + BOLT_MAGIC.len()];
        let other = |_| ArchiveError::Other { path: path.to_owned() };
        opened.read_exact_at(&mut head, 0).map_err(other)?;
        if head[BOLT_MAGIC_AT..] == BOLT_MAGIC {
            return Err(ArchiveError::OfEtcd { path: path.to_owned() });
        }
        if !head.starts_with(MANIFEST.as_bytes()) || head[MANIFEST.len()] != 0 {
            return Err(other(io::ErrorKind::InvalidData.into()));
        }
        // A tar file is whole blocks, so what is behind it is what is over.
        let is_whole = bytes % BLOCK_BYTES as u64 == DIGEST_BYTES as u64 && bytes > END_BYTES as u64;
        if !is_whole {
            return Err(ArchiveError::CutShort { path: path.to_owned() });
        }
        let archive_bytes = bytes - DIGEST_BYTES as u64;
        let mut expected = [0; DIGEST_BYTES];
        opened.read_exact_at(&mut expected, archive_bytes).map_err(file(path))?;
        let from = BufReader::with_capacity(READ_BYTES, opened).take(archive_bytes);
        let from = Hashed { from, digest: Context::new(&SHA256) };
        Ok(Self { path: path.to_owned(), bytes, from, expected, sums: String::new(), files: Vec::new() })
    }

    fn read(mut self, to: Option<&Path>) -> Result<Contents, ArchiveError> {
        let (mut manifest, mut sums, mut signatures) = (None, None, None);
        while let Some((name, bytes)) = self.next_header()? {
            match name.as_str() {
                MANIFEST if manifest.is_none() && self.sums.is_empty() => {
                    let text = self.text(&name, bytes, true)?;
                    manifest = Some(Manifest::parse(&text).map_err(|error| self.unreadable(error))?);
                }
                SUMS if manifest.is_some() && sums.is_none() => sums = Some(self.text(&name, bytes, false)?),
                SIGNATURES if sums.is_some() && signatures.is_none() => {
                    let text = self.text(&name, bytes, false)?;
                    let parsed = signature::parse(text.trim_end_matches('\n'));
                    signatures = Some(parsed.ok_or_else(|| self.damaged("its signatures cannot be read"))?);
                }
                _ if manifest.is_some() && sums.is_none() => self.state_file(&name, bytes, to)?,
                _ => return Err(self.damaged(&format!("{name:?} is not where it belongs"))),
            }
        }
        self.finish(manifest, sums, signatures.unwrap_or_default())
    }

    /// Name and length of the next file; `None` at the end.
    fn next_header(&mut self) -> Result<Option<(String, u64)>, ArchiveError> {
        let mut header = tar::Header::new_ustar();
        self.from.read_exact(header.as_mut_bytes()).map_err(|error| self.failed(error))?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u32 = {
            let bytes = header.as_bytes();
            let blanked =
                bytes.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
            blanked.map(u32::from).sum()
        };
        let name = String::from_utf8(header.path_bytes().into_owned()).ok();
        match (header.cksum(), header.size(), name) {
            (Ok(found), Ok(bytes), Some(name)) if found == sum && header.entry_type() == EntryType::Regular => {
                Ok(Some((name, bytes)))
            }
            _ => Err(self.damaged("the header of a file in it cannot be read")),
        }
    }

    fn text(&mut self, name: &str, bytes: u64, summed: bool) -> Result<String, ArchiveError> {
        if bytes > TEXT_BYTES_MAX {
            return Err(self.damaged(&format!("{name} is too long")));
        }
        let mut text = Vec::new();
        self.content(name, bytes, summed, &mut text)?;
        String::from_utf8(text).map_err(|_| self.damaged(&format!("{name} is not text")))
    }

    fn state_file(&mut self, name: &str, bytes: u64, to: Option<&Path>) -> Result<(), ArchiveError> {
        let plain = name.strip_prefix(FOLDER).filter(|name| is_plain(name)).map(str::to_owned);
        let plain = plain.ok_or_else(|| self.damaged(&format!("{name:?} is no file of a state")))?;
        match to {
            Some(to) => {
                let path = to.join(&plain);
                let mut out = File::create_new(&path).map_err(file(&path))?;
                self.content(name, bytes, true, &mut out)?;
                out.sync_all().map_err(file(&path))?;
            }
            None => self.content(name, bytes, true, &mut io::sink())?,
        }
        self.files.push(ContentsFile { name: plain, bytes });
        Ok(())
    }

    /// Reads the content of a file up to the end of its last block.
    fn content(&mut self, name: &str, bytes: u64, summed: bool, to: &mut dyn io::Write) -> Result<(), ArchiveError> {
        let (mut digest, mut left, mut buffer) = (Context::new(&SHA256), bytes, vec![0; READ_BYTES]);
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(READ_BYTES);
            let read = self.from.read(&mut buffer[..want]).map_err(|error| self.failed(error))?;
            if read == 0 {
                return Err(ArchiveError::CutShort { path: self.path.clone() });
            }
            digest.update(&buffer[..read]);
            to.write_all(&buffer[..read]).map_err(|source| ArchiveError::File { path: name.into(), source })?;
            left -= read as u64;
        }
        let padding = bytes.next_multiple_of(BLOCK_BYTES as u64) - bytes;
        let padding = &mut buffer[..usize::try_from(padding).expect("less than a block")];
        self.from.read_exact(padding).map_err(|error| self.failed(error))?;
        if summed {
            self.sums += &sum_line(digest, name);
        }
        Ok(())
    }

    fn finish(
        mut self,
        manifest: Option<Manifest>,
        sums: Option<String>,
        signatures: Vec<Signature>,
    ) -> Result<Contents, ArchiveError> {
        let mut rest = Vec::new();
        (&mut self.from).take(TEXT_BYTES_MAX).read_to_end(&mut rest).map_err(|error| self.failed(error))?;
        if rest.len() != END_BYTES - BLOCK_BYTES || rest.iter().any(|byte| *byte != 0) {
            return Err(self.damaged("there is more behind its end"));
        }
        let (Some(manifest), Some(sums)) = (manifest, sums) else {
            return Err(self.damaged("its sums are missing"));
        };
        if let Some((found, _)) = self.sums.lines().zip(sums.lines()).find(|(found, wanted)| found != wanted) {
            let name = found.rsplit(' ').next().unwrap_or_default().to_owned();
            return Err(self.damaged(&format!("{name} is not what its sum says")));
        }
        if self.sums != sums {
            return Err(self.damaged("its files are not those of its sums"));
        }
        let mut sha256 = [0; DIGEST_BYTES];
        sha256.copy_from_slice(self.from.digest.clone().finish().as_ref());
        if sha256 != self.expected {
            return Err(self.damaged("its SHA-256 is another one than that at its end"));
        }
        Ok(Contents { manifest, files: self.files, sums, signatures, bytes: self.bytes, sha256 })
    }

    fn unreadable(&self, error: Unreadable) -> ArchiveError {
        match error {
            Unreadable::Nonsense => self.damaged("its manifest cannot be read"),
            Unreadable::Format(found) => ArchiveError::Format { path: self.path.clone(), found },
        }
    }

    fn damaged(&self, what: &str) -> ArchiveError {
        ArchiveError::Damaged { path: self.path.clone(), what: what.to_owned() }
    }

    fn failed(&self, source: io::Error) -> ArchiveError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::CutShort { path: self.path.clone() },
            _ => ArchiveError::File { path: self.path.clone(), source },
        }
    }
}

/// Whether it names a file in a folder, and nothing above or below.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(fits)
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;

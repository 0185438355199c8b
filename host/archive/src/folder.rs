//! A snapshot as a folder: the files of the archive, unpacked. What the folder before has already is not written again.
//!
//! ```text
//! manifest, state/FILE ..., SHA256SUMS, SHA256SUMS.hmac       as in the tar file
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256, digest};

use crate::{
    Archive, ArchiveError, Contents, ContentsFile, DIGEST_BYTES, FOLDER, MANIFEST, Manifest, SIGNATURES, SUMS,
    manifest::Unreadable,
    reader::{file, is_plain},
    signature,
    writer::{sum_line, sum_line_of},
};

/// How much of a file is read at a time.
const READ_BYTES: usize = 256 * 1024;

impl Archive {
    /// Puts the files into a new folder, which only its owner can look into, and makes that durable. A file of the same content in
    /// `before`, the folder of an earlier snapshot on the same file system, is linked instead of written. Returns how many bytes were
    /// written.
    ///
    /// # Errors
    /// When the folder is there already, or the disk fails.
    pub fn save_folder(&self, to: &Path, before: Option<&Path>) -> io::Result<u64> {
        // Of one that cannot be read nothing is used.
        let sums_before = before.and_then(|before| fs::read_to_string(before.join(SUMS)).ok());
        let known = sums_before.as_deref().and_then(parse_sums).unwrap_or_default();
        DirBuilder::new().mode(0o700).create(to)?;
        fs::create_dir(to.join(FOLDER))?;
        let Listing { texts, files } = self.listing()?;
        let mut written = 0;
        for ListedFile { path, name, sha256 } in &files {
            let target = to.join(name);
            let linked = known.get(name) == Some(sha256)
                && before.is_some_and(|before| fs::hard_link(before.join(name), &target).is_ok());
            if !linked {
                written += fs::copy(path, &target)?;
                File::open(&target)?.sync_all()?;
            }
        }
        for (name, text) in &texts {
            fs::write(to.join(name), text)?;
            File::open(to.join(name))?.sync_all()?;
        }
        File::open(to.join(FOLDER))?.sync_all()?;
        File::open(to)?.sync_all()?;
        Ok(written)
    }

    /// What it holds, file by file: all of it is read for that.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn listing(&self) -> io::Result<Listing> {
        let mut context = Context::new(&SHA256);
        context.update(self.manifest.as_bytes());
        let (mut sums, mut files) = (sum_line(context, MANIFEST), Vec::new());
        for entry in &self.files {
            let sha256 = hex::encode(hash(File::open(&entry.path)?)?.finish());
            sums += &sum_line_of(&sha256, &entry.name);
            files.push(ListedFile { path: entry.path.clone(), name: entry.name.clone(), sha256 });
        }
        let signatures = self.sign.as_ref().map(|sign| signature::write(&(sign.sign)(sums.as_bytes())));
        let mut texts = vec![(MANIFEST, self.manifest.clone()), (SUMS, sums)];
        texts.extend(signatures.map(|text| (SIGNATURES, text)));
        Ok(Listing { texts, files })
    }
}

/// What a snapshot in a folder consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The texts, each with its name.
    pub texts: Vec<(&'static str, String)>,
    /// The files of the state.
    pub files: Vec<ListedFile>,
}

/// A file of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Where it is now.
    pub path: PathBuf,
    /// Its name in the snapshot.
    pub name: String,
    /// The SHA-256 of it, in hex.
    pub sha256: String,
}

/// SHA-256 of all that can be read.
///
/// # Errors
/// Those of the reader.
pub fn hash(mut from: impl Read) -> io::Result<Context> {
    let (mut context, mut buffer) = (Context::new(&SHA256), vec![0; READ_BYTES]);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(context),
            read => context.update(&buffer[..read]),
        }
    }
}

/// The sum of each file, by its name, as the text of sums says; `None` if it is none.
#[must_use]
pub fn parse_sums(sums: &str) -> Option<BTreeMap<String, String>> {
    let line = |line: &str| {
        let (sum, name) = line.split_once("  ").filter(|(sum, _)| is_sum(sum))?;
        Some((name.to_owned(), sum.to_owned()))
    };
    sums.lines().map(line).collect()
}

/// Whether it is a SHA-256 in hex.
#[must_use]
pub fn is_sum(text: &str) -> bool {
    text.len() == 2 * DIGEST_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads a folder and checks it against itself, as for a file. The files of the state are copied to `to`, which is there.
pub(crate) fn read_folder(path: &Path, to: Option<&Path>) -> Result<Contents, ArchiveError> {
    let damaged = |what: String| ArchiveError::Damaged { path: path.to_owned(), what };
    let text = |name: &str| fs::read_to_string(path.join(name));
    let other = |_| ArchiveError::Other { path: path.to_owned() };
    let (manifest_text, sums) = (text(MANIFEST).map_err(other)?, text(SUMS).map_err(other)?);
    let manifest = Manifest::parse(&manifest_text).map_err(|error| match error {
        Unreadable::Nonsense => damaged("its manifest cannot be read".to_owned()),
        Unreadable::Format(found) => ArchiveError::Format { path: path.to_owned(), found },
    })?;
    let signatures = match text(SIGNATURES) {
        Ok(text) => signature::parse(&text).ok_or_else(|| damaged("its signatures cannot be read".to_owned()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(file(&path.join(SIGNATURES))(error)),
    };
    let (mut files, mut bytes) = (Vec::new(), (manifest_text.len() + sums.len()) as u64);
    for line in sums.lines() {
        let name =
            line.split_once("  ").map(|(_, name)| name).ok_or_else(|| damaged("its sums cannot be read".to_owned()))?;
        let plain = name.strip_prefix(FOLDER);
        if name != MANIFEST && !plain.is_some_and(is_plain) {
            return Err(damaged(format!("{name:?} is no file of a state")));
        }
        let source = path.join(name);
        let context = File::open(&source).and_then(hash).map_err(file(&source))?;
        if sum_line(context, name).trim_end() != line {
            return Err(damaged(format!("{name} is not what its sum says")));
        }
        let Some(plain) = plain else { continue };
        let length = fs::metadata(&source).map_err(file(&source))?.len();
        if let Some(to) = to {
            let target = to.join(plain);
            fs::copy(&source, &target).map_err(file(&target))?;
        }
        files.push(ContentsFile { name: plain.to_owned(), bytes: length });
        bytes += length;
    }
    let present = fs::read_dir(path.join(FOLDER)).map_err(file(path))?.count();
    if present != files.iter().map(|file| &file.name).collect::<BTreeSet<_>>().len() {
        return Err(damaged("its files are not those of its sums".to_owned()));
    }
    let mut sha256 = [0; DIGEST_BYTES];
    sha256.copy_from_slice(digest(&SHA256, sums.as_bytes()).as_ref());
    Ok(Contents { manifest, files, sums, signatures, bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::read;

    fn manifest(revision: i64) -> Manifest {
        Manifest {
            etcd: "3.7.0".to_owned(),
            cluster_id: 1,
            member_id: 2,
            revision,
            unix_seconds: 4,
            moments: Vec::new(),
        }
    }

    #[test]
    fn what_the_folder_before_has_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("state")).unwrap();
        fs::write(path("state/1.sst"), vec![1; 1000]).unwrap();
        fs::write(path("state/CURRENT"), "a").unwrap();
        let first = Archive::of(&manifest(1), &path("state"), None).unwrap().save_folder(&path("one"), None).unwrap();
        assert_eq!(first, 1001);
        assert_eq!(fs::metadata(path("one")).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path("state/2.sst"), vec![2; 500]).unwrap();
        fs::write(path("state/CURRENT"), "b").unwrap();
        let archive = Archive::of(&manifest(2), &path("state"), None).unwrap();
        assert_eq!(archive.save_folder(&path("two"), Some(&path("one"))).unwrap(), 501);
        fs::remove_dir_all(path("one")).unwrap();
        let contents = read(&path("two"), Some(&path("out"))).unwrap();
        assert_eq!((contents.manifest.revision, contents.files.len()), (2, 3));
        assert_eq!(fs::read(path("out/1.sst")).unwrap(), vec![1; 1000]);
        assert_eq!(fs::read(path("out/CURRENT")).unwrap(), b"b");
    }

    #[test]
    fn what_was_changed_added_or_taken_away_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("state")).unwrap();
        fs::write(path("state/1.sst"), vec![1; 1000]).unwrap();
        fs::write(path("state/2.sst"), vec![2; 10]).unwrap();
        let archive = Archive::of(&manifest(1), &path("state"), None).unwrap();
        type Change<'c> = (&'c str, &'c dyn Fn(&Path));
        let changes: [Change<'_>; 5] = [
            ("is not what its sum says", &|to| fs::write(to.join("state/1.sst"), vec![1; 999]).unwrap()),
            ("are not those of its sums", &|to| fs::write(to.join("state/3.sst"), "x").unwrap()),
            ("No such file", &|to| fs::remove_file(to.join("state/1.sst")).unwrap()),
            ("manifest is not what", &|to| fs::write(to.join(MANIFEST), manifest(9).to_string()).unwrap()),
            ("is no snapshot", &|to| fs::remove_file(to.join(SUMS)).unwrap()),
        ];
        for (number, (words, change)) in changes.iter().enumerate() {
            let (to, out) = (path(&format!("made{number}")), path("out"));
            archive.save_folder(&to, None).unwrap();
            change(&to);
            let refused = read(&to, Some(&out)).unwrap_err().to_string();
            assert!(refused.contains(words) && !out.exists(), "{words}: {refused}");
        }
    }
}

//! Bits that flip on a disk. Each is remembered, so that it can be put right again.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use faults::search::files_under;
use harness::Random;

/// Where a bit was flipped.
#[derive(Debug, Clone)]
pub(super) struct Flip {
    path: PathBuf,
    offset: u64,
    mask: u8,
}

impl Flip {
    /// Flips a bit in the older half of what the log holds: the last frame cannot be told from one that was being written.
    pub(super) fn in_log(data: &Path, random: &mut Random) -> Option<Self> {
        let folder = data.join("log");
        let mut files: Vec<_> =
            files_under(&folder).into_iter().filter(|file| file.extension().is_some_and(|end| end == "log")).collect();
        files.sort();
        let path = files.first()?.clone();
        let bytes = fs::read(&path).ok()?;
        let used = bytes.iter().rposition(|byte| *byte != 0)?;
        Self::make(path, random.below((used as u64 / 2).max(1)), random)
    }

    /// Flips a bit in one of the files of the state, or of the snapshot.
    pub(super) fn in_files(folder: &Path, random: &mut Random) -> Option<Self> {
        let tells = |file: &PathBuf| {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // RocksDB's own diary and options hold nothing of the state.
            !name.starts_with("LOG") && !name.starts_with("OPTIONS") && name != "LOCK" && name != "IDENTITY"
        };
        let mut files: Vec<_> = files_under(folder).into_iter().filter(tells).collect();
        files.sort();
        let length = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
        files.retain(|path| length(path) > 0);
        let count = u64::try_from(files.len()).ok().filter(|count| *count > 0)?;
        let path = files.swap_remove(usize::try_from(random.below(count)).ok()?);
        let length = length(&path);
        Self::make(path, random.below(length), random)
    }

    fn make(path: PathBuf, offset: u64, random: &mut Random) -> Option<Self> {
        let flip = Self { path, offset, mask: 1 << random.below(8) };
        flip.flip().ok()?;
        Some(flip)
    }

    /// Flips it back. A file that was replaced meanwhile has lost the damage.
    pub(super) fn undo(&self) {
        if self.path.exists() {
            self.flip().expect("a file that could be written once can be written again");
        }
    }

    fn flip(&self) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.offset)?;
        file.write_all_at(&[byte[0] ^ self.mask], self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_flipped_and_flipped_back() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        let file = folder.path().join("log/1.log");
        let mut sound = vec![7; 100];
        sound.resize(200, 0);
        fs::write(&file, &sound).unwrap();
        for seed in 0..50 {
            let flip = Flip::in_log(folder.path(), &mut Random::new(seed)).unwrap();
            let damaged = fs::read(&file).unwrap();
            let differing: Vec<_> = (0..200).filter(|at| damaged[*at] != sound[*at]).collect();
            assert!(differing.len() == 1 && differing[0] < 50, "{differing:?}");
            flip.undo();
            assert_eq!(fs::read(&file).unwrap(), sound);
        }
    }
}

//! Bits that flip on a disk. Each is remembered, so that it can be put right again.
//!
//! By its file and not by its path: a member may put another file in the place of a damaged one, and state and snapshot share
//! files by hard links.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use faults::search::files_under;
use harness::Random;

/// Bytes from the flipped one on by which it is known again: a log writes over a file that it does not need any more, and then
/// nothing of the damage is left.
const KNOWN_BY_BYTES: usize = 16;

/// Where a bit was flipped.
#[derive(Debug)]
pub(super) struct Flip {
    file: File,
    offset: u64,
    mask: u8,
    /// What stood there after the flip.
    damaged: Vec<u8>,
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
        Self::make(&path, random.below((used as u64 / 2).max(1)), random).ok()
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
        Self::make(&path, random.below(length), random).ok()
    }

    fn make(path: &Path, offset: u64, random: &mut Random) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut damaged = bytes_at(&file, offset)?;
        let mask = 1 << random.below(8);
        let first = damaged.first_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        *first ^= mask;
        file.write_all_at(&[*first], offset)?;
        Ok(Self { file, offset, mask, damaged })
    }

    /// Flips it back, wherever the file is by now. One that was written over there, or cut, has lost the damage.
    pub(super) fn undo(&self) {
        let now = bytes_at(&self.file, self.offset).expect("a file that could be read once can be read again");
        if now == self.damaged {
            let sound = now[0] ^ self.mask;
            self.file.write_all_at(&[sound], self.offset).expect("a file that is open for writing can be written");
        }
    }
}

/// As many bytes as there are, up to the number by which a place is known again.
fn bytes_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; KNOWN_BY_BYTES];
    let mut count = 0;
    while count < bytes.len() {
        match file.read_at(&mut bytes[count..], offset + count as u64)? {
            0 => break,
            more => count += more,
        }
    }
    bytes.truncate(count);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a log of 100 bytes that are used and 100 that are not.
    fn log() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        let file = folder.path().join("log/1.log");
        let mut sound = vec![7; 100];
        sound.resize(200, 0);
        fs::write(&file, &sound).unwrap();
        (folder, file, sound)
    }

    #[test]
    fn a_bit_is_flipped_and_flipped_back() {
        let (folder, file, sound) = log();
        for seed in 0..50 {
            let flip = Flip::in_log(folder.path(), &mut Random::new(seed)).unwrap();
            let damaged = fs::read(&file).unwrap();
            let differing: Vec<_> = (0..200).filter(|at| damaged[*at] != sound[*at]).collect();
            assert!(differing.len() == 1 && differing[0] < 50, "{differing:?}");
            flip.undo();
            assert_eq!(fs::read(&file).unwrap(), sound);
        }
    }

    #[test]
    fn the_damaged_file_is_mended_wherever_it_is_and_no_other() {
        let (folder, file, sound) = log();
        let (linked, moved) = (folder.path().join("linked"), folder.path().join("moved"));
        fs::hard_link(&file, &linked).unwrap();
        let flip = Flip::in_log(folder.path(), &mut Random::new(1)).unwrap();
        let damaged = fs::read(&linked).unwrap();
        assert_ne!(damaged, sound);
        fs::rename(&file, &moved).unwrap();
        // The worst replacement: it looks damaged in the same place.
        fs::write(&file, &damaged).unwrap();
        flip.undo();
        assert_eq!(fs::read(&file).unwrap(), damaged, "the new file is untouched");
        assert_eq!((fs::read(&linked).unwrap(), fs::read(&moved).unwrap()), (sound.clone(), sound));
    }

    #[test]
    fn what_was_written_over_or_cut_stays_as_it_is() {
        let (folder, file, _) = log();
        let open = OpenOptions::new().write(true).open(&file).unwrap();
        for over in [vec![0; 200], Vec::new()] {
            fs::write(&file, vec![7; 200]).unwrap();
            let flip = Flip::in_log(folder.path(), &mut Random::new(2)).unwrap();
            open.write_all_at(&over, 0).unwrap();
            open.set_len(over.len() as u64).unwrap();
            flip.undo();
            assert_eq!(fs::read(&file).unwrap(), over);
        }
    }
}

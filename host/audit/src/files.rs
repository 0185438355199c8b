//! The files of a journal: `audit-SEQ.jsonl`, by the number of their first line.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::Hash;

const BEGINNING: &str = "audit-";
const ENDING: &str = ".jsonl";

/// What is read of a file at a time, from its end.
const PIECE_BYTES: u64 = 64 * 1024;

/// The first line of every file: what it goes on from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heading {
    /// The number of the first line after this one.
    pub(crate) first: u64,
    /// The hash of the line before that, in the file before.
    pub(crate) continues: Hash,
    /// The last record of the cluster before that, and its hash.
    pub(crate) cluster_seq: u64,
    pub(crate) cluster_hash: Hash,
}

pub(crate) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{BEGINNING}{first:020}{ENDING}"))
}

/// Every file of the journal in `folder`, oldest first.
pub(crate) fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(BEGINNING)?.strip_suffix(ENDING));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            found.push(folder.join(name));
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn heading(path: &Path) -> io::Result<Option<Heading>> {
    let mut line = String::new();
    BufReader::new(File::open(path)?).take(PIECE_BYTES).read_line(&mut line)?;
    Ok(serde_json::from_str(&line).ok())
}

/// The lines of a file from its last to its first, the heading included, and what stands after the last end of a line.
pub(crate) struct Backwards {
    file: File,
    /// Where what is in `held` begins.
    at: u64,
    held: Vec<u8>,
    /// What a crash has left of a line that was being written.
    pub(crate) torn_bytes: u64,
    /// Where in the file the line ends that came last, its end included.
    pub(crate) end: u64,
    is_begun: bool,
}

impl Backwards {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let at = file.metadata()?.len();
        Ok(Self { file, at, held: Vec::new(), torn_bytes: 0, end: at, is_begun: false })
    }

    /// The line before, without its end.
    pub(crate) fn line(&mut self) -> io::Result<Option<String>> {
        if !self.is_begun {
            self.is_begun = true;
            self.torn_bytes = self.cut()?.len() as u64;
            // Without any end of a line there is no line.
            if self.held.is_empty() {
                return Ok(None);
            }
        }
        // What is held ends with the end of the line before.
        self.end = self.at + self.held.len() as u64;
        if self.held.pop().is_none() {
            return Ok(None);
        }
        let line = self.cut()?;
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// Takes what stands behind the last end of a line that is held.
    fn cut(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') {
                return Ok(self.held.split_off(end + 1));
            }
            if self.at == 0 {
                return Ok(std::mem::take(&mut self.held));
            }
            let length = self.at.min(PIECE_BYTES);
            self.at -= length;
            self.file.seek(SeekFrom::Start(self.at))?;
            let mut piece = Vec::new();
            (&self.file).take(length).read_to_end(&mut piece)?;
            piece.append(&mut self.held);
            self.held = piece;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backwards(text: &str) -> (Vec<String>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), 1);
        fs::write(&path, text).unwrap();
        let mut reader = Backwards::open(&path).unwrap();
        let lines = std::iter::from_fn(|| reader.line().unwrap()).collect();
        (lines, reader.torn_bytes)
    }

    #[test]
    fn lines_come_last_first() {
        assert_eq!(backwards(""), (vec![], 0));
        assert_eq!(backwards("torn"), (vec![], 4));
        assert_eq!(backwards("a\n"), (vec!["a".to_owned()], 0));
        assert_eq!(backwards("a\n\nb\nto"), (vec!["b".to_owned(), String::new(), "a".to_owned()], 2));
        let long = "x".repeat(200_000);
        assert_eq!(backwards(&format!("{long}\nb\n")), (vec!["b".to_owned(), long], 0));
    }

    #[test]
    fn files_are_found_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in [path(folder.path(), 12), path(folder.path(), 3), folder.path().join("audit-x.jsonl")] {
            fs::write(name, "").unwrap();
        }
        assert_eq!(all(folder.path()).unwrap(), [path(folder.path(), 3), path(folder.path(), 12)]);
    }
}

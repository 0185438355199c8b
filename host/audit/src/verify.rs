//! Whether a journal is whole.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::chain::{ClusterLink, Hash};
use crate::event::Stage;
use crate::files::{self, Heading};
use crate::line::Line;

/// What a journal holds that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many files it has.
    pub files: usize,
    /// The number of its first line. If it is not the first of all, older files were removed.
    pub first: u64,
    /// The number of its last line, zero without any.
    pub last: u64,
    /// The hash of that, which vouches for all before.
    pub hash: Hash,
    /// Lines that came through the log of the cluster.
    pub cluster_lines: u64,
    /// The last of them.
    pub cluster: Option<ClusterLink>,
    /// Lines that say that others are missing.
    pub gaps: u64,
}

/// The first place where a journal is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file or the folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none.
    #[error("{}: there is no audit log in this folder", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// A line that was there is there no longer.
    #[error("{}: no record has the hash {hash}", path.display())]
    NotThere {
        /// The folder.
        path: PathBuf,
        /// The hash.
        hash: Hash,
    },
    /// A line is not what was written.
    #[error("{} line {line}: {flaw}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line of it, from one.
        line: usize,
        /// What is wrong.
        flaw: Flaw,
    },
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// No journal wrote it.
    Unreadable,
    /// The heading does not go on where the file before ended.
    Heading,
    /// Lines are missing before it.
    Missing {
        /// The number that was to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// It, or one before it, was altered.
    Altered,
    /// Its record of the cluster was altered.
    Cluster,
    /// Records of the cluster are missing before it.
    ClusterMissing {
        /// The number of the record before.
        after: u64,
        /// Its own.
        found: u64,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("this is no line of an audit log: it was altered, or cut short by a crash"),
            Self::Heading => {
                f.write_str("the file does not go on where the one before ended: lines or a whole file are missing")
            }
            Self::Missing { expected, found } => write!(f, "record {expected} is missing: {found} comes in its place"),
            Self::Altered => f.write_str("the record was altered: it does not have the hash that it says"),
            Self::Cluster => f.write_str("the record is not the one that the cluster has agreed on"),
            Self::ClusterMissing { after, found } => {
                write!(f, "records of the cluster are missing: after {after} comes {found}")
            }
        }
    }
}

/// Checks every line of the journal in `folder`, and whether the record of the hash `through`, if one is given, is in
/// it.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(folder: &Path, through: Option<Hash>) -> Result<Report, Fault> {
    let unreadable = |source| Fault::Unreadable { path: folder.to_owned(), source };
    let paths = files::all(folder).map_err(unreadable)?;
    let mut walk: Option<Walk> = None;
    for (at, path) in paths.iter().enumerate() {
        let file = File::open(path).map_err(|source| Fault::Unreadable { path: path.clone(), source })?;
        for (number, text) in BufReader::new(file).lines().enumerate() {
            let text = text.map_err(|source| Fault::Unreadable { path: path.clone(), source })?;
            let taken = match (&mut walk, number) {
                (walk @ None, _) => Walk::begin(&text, through).map(|begun| *walk = Some(begun)),
                (Some(walk), 0) => walk.heading(&text),
                (Some(walk), _) => walk.line(&text),
            };
            taken.map_err(|flaw| Fault::Line { path: path.clone(), line: number + 1, flaw })?;
        }
        if let Some(walk) = &mut walk {
            walk.report.files = at + 1;
        }
    }
    let walk = walk.ok_or_else(|| Fault::Nothing { path: folder.to_owned() })?;
    match through.filter(|_| !walk.found) {
        Some(hash) => Err(Fault::NotThere { path: folder.to_owned(), hash }),
        None => Ok(walk.report),
    }
}

struct Walk {
    report: Report,
    /// The last record of the cluster and its hash, those of removed files included.
    cluster_seq: u64,
    cluster_hash: Hash,
    /// Whether the line before says that others are missing.
    after_gap: bool,
    /// The hash to look for, and whether it was found.
    through: Option<Hash>,
    found: bool,
}

impl Walk {
    fn begin(text: &str, through: Option<Hash>) -> Result<Self, Flaw> {
        let Heading { first, continues, cluster_seq, cluster_hash } = heading(text)?;
        let last = first.checked_sub(1).ok_or(Flaw::Unreadable)?;
        let report = Report { files: 0, first, last, hash: continues, cluster_lines: 0, cluster: None, gaps: 0 };
        Ok(Self { report, cluster_seq, cluster_hash, after_gap: false, through, found: through == Some(continues) })
    }

    fn heading(&mut self, text: &str) -> Result<(), Flaw> {
        let Heading { first, continues, cluster_seq, cluster_hash } = heading(text)?;
        let goes_on = (first, continues) == (self.report.last + 1, self.report.hash)
            && (cluster_seq, cluster_hash) == (self.cluster_seq, self.cluster_hash);
        if goes_on { Ok(()) } else { Err(Flaw::Heading) }
    }

    fn line(&mut self, text: &str) -> Result<(), Flaw> {
        let line = Line::parse(text).ok_or(Flaw::Unreadable)?;
        let expected = self.report.last + 1;
        if line.seq != expected {
            return Err(Flaw::Missing { expected, found: line.seq });
        }
        if !line.follows(&self.report.hash, text) {
            return Err(Flaw::Altered);
        }
        if !line.fits_cluster(text) {
            return Err(Flaw::Cluster);
        }
        if let Some(link) = line.cluster {
            let goes_on = (link.seq, link.prev) == (self.cluster_seq + 1, self.cluster_hash);
            if !goes_on && !self.after_gap {
                return Err(Flaw::ClusterMissing { after: self.cluster_seq, found: link.seq });
            }
            (self.cluster_seq, self.cluster_hash) = (link.seq, link.hash);
            (self.report.cluster, self.report.cluster_lines) = (Some(link), self.report.cluster_lines + 1);
        }
        self.after_gap = line.event.stage == Stage::Missing;
        self.report.gaps += u64::from(self.after_gap);
        self.found |=
            self.through.is_some_and(|hash| hash == line.hash || line.cluster.is_some_and(|link| hash == link.hash));
        (self.report.last, self.report.hash) = (line.seq, line.hash);
        Ok(())
    }
}

fn heading(text: &str) -> Result<Heading, Flaw> {
    serde_json::from_str(text).map_err(|_| Flaw::Unreadable)
}

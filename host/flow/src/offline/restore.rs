//! A new cluster of a snapshot.

use std::path::PathBuf;

use archive::{Manifest, Moment};
use consensus::{Identity, Revisions};
use seal::SealConfig;
use store::{Rewound, Store};

use super::{Authenticity, Founding, OfflineError, directory::Directory, inspect::Keys};

/// What is to be restored, and how.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The file.
    pub snapshot: PathBuf,
    /// The data directory to make of it.
    pub founding: Founding,
    /// When the key space was what is wanted; without it that of the snapshot.
    pub as_of: Option<AsOf>,
    /// What becomes of the revisions.
    pub revisions: Revisions,
    /// The root keys, to check who wrote the file; without them that is not checked.
    pub seal: Option<SealConfig>,
    /// Whether a file is taken whose writer cannot be checked although root keys are given.
    pub accepts_unsigned: bool,
}

/// A point in the history of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// A revision.
    Revision(i64),
    /// Seconds since 1970: the last revision that the member which wrote the snapshot had noted by then.
    Time(i64),
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The new member.
    pub identity: Identity,
    /// The newest revision.
    pub revision: i64,
    /// What was taken back.
    pub rewound: Rewound,
    /// For a time, when the revision was noted that it is as of, in seconds since 1970.
    pub noted: Option<i64>,
    /// Who wrote the file.
    pub authenticity: Authenticity,
}

/// Makes a data directory of a snapshot.
///
/// # Errors
/// [`OfflineError`]; nothing is left of the directory then.
pub async fn restore(restore: Restore) -> Result<Restored, OfflineError> {
    let Restore { snapshot, founding, as_of, revisions, seal, accepts_unsigned } = restore;
    let directory = Directory::begin(&founding)?;
    let current = directory.current_state()?;
    let contents = archive::read(&snapshot, Some(&current))?;
    let (to_revision, noted) = match as_of {
        None => (None, None),
        Some(AsOf::Revision(revision)) => (Some(revision), None),
        Some(AsOf::Time(unix_seconds)) => {
            let moment = moment(&contents.manifest, unix_seconds)?;
            (Some(moment.revision), Some(moment.unix_seconds))
        }
    };
    let keys = Keys::of(&current, contents.manifest.cluster_id, seal.as_ref())?;
    let authenticity = keys.authenticity(&snapshot, &contents)?;
    if authenticity == Authenticity::Unsigned && !accepts_unsigned {
        return Err(OfflineError::Unsigned { path: snapshot });
    }
    let store = Store::open(&directory.state())?;
    let rewound = to_revision.map_or(Ok(Rewound::default()), |revision| rewind(&store, revision))?;
    let (identity, revision) = directory.finish(store, Some(contents.manifest.cluster_id), revisions).await?;
    Ok(Restored { identity, revision, rewound, noted, authenticity })
}

fn moment(manifest: &Manifest, unix_seconds: i64) -> Result<Moment, OfflineError> {
    manifest.moment(unix_seconds).ok_or_else(|| {
        let latest = manifest.unix_seconds;
        let earliest = manifest.moments.first().map_or(latest, |first| first.unix_seconds);
        OfflineError::NoSuchMoment { earliest, latest }
    })
}

fn rewind(store: &Store, revision: i64) -> Result<Rewound, OfflineError> {
    let (oldest, newest) = store.view(|view| Ok::<_, OfflineError>((view.compacted()?.max(1), view.revision()?)))?;
    if !(oldest..=newest).contains(&revision) {
        return Err(OfflineError::NoSuchRevision { revision, oldest, newest });
    }
    Ok(store.rewind(revision)?)
}

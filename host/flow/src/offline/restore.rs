//! A new cluster of a snapshot.

use std::path::PathBuf;

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
    /// The revision whose key space is wanted; without it that of the snapshot.
    pub to_revision: Option<i64>,
    /// What becomes of the revisions.
    pub revisions: Revisions,
    /// The root keys, to check who wrote the file; without them that is not checked.
    pub seal: Option<SealConfig>,
    /// Whether a file is taken whose writer cannot be checked although root keys are given.
    pub accepts_unsigned: bool,
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
    /// Who wrote the file.
    pub authenticity: Authenticity,
}

/// Makes a data directory of a snapshot.
///
/// # Errors
/// [`OfflineError`]; nothing is left of the directory then.
pub async fn restore(restore: Restore) -> Result<Restored, OfflineError> {
    let Restore { snapshot, founding, to_revision, revisions, seal, accepts_unsigned } = restore;
    let directory = Directory::begin(&founding)?;
    let current = directory.current_state()?;
    let contents = archive::read(&snapshot, Some(&current))?;
    let keys = Keys::of(&current, contents.manifest.cluster_id, seal.as_ref())?;
    let authenticity = keys.authenticity(&snapshot, &contents)?;
    if authenticity == Authenticity::Unsigned && !accepts_unsigned {
        return Err(OfflineError::Unsigned { path: snapshot });
    }
    let store = Store::open(&directory.state())?;
    let rewound = to_revision.map_or(Ok(Rewound::default()), |revision| rewind(&store, revision))?;
    let (identity, revision) = directory.finish(store, Some(contents.manifest.cluster_id), revisions).await?;
    Ok(Restored { identity, revision, rewound, authenticity })
}

fn rewind(store: &Store, revision: i64) -> Result<Rewound, OfflineError> {
    let (oldest, newest) = store.view(|view| Ok::<_, OfflineError>((view.compacted()?.max(1), view.revision()?)))?;
    if !(oldest..=newest).contains(&revision) {
        return Err(OfflineError::NoSuchRevision { revision, oldest, newest });
    }
    Ok(store.rewind(revision)?)
}

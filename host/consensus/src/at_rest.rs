//! What a data directory says while nobody has it open: how far the log goes, and how far it is applied in the state.

use std::{collections::BTreeSet, io, path::Path};

use crate::{
    LogError,
    log::{self, check},
    log_storage::INDEX_OFFSET,
    snapshots,
};

/// Reads the whole log of a member that does not run, and changes nothing. Returns the index of the newest entry that is in it, or
/// was before it was purged; `None` if there never was one.
///
/// # Errors
/// [`LogError::Missing`] when there is none; when it is damaged, or a member has it open.
pub fn check_log(data_dir: &Path) -> Result<Option<u64>, LogError> {
    Ok(check(&log::folder(data_dir))?.map(|index| index - INDEX_OFFSET))
}

/// How far the log is applied in a state, and who has a vote by that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedLog {
    /// Index of the last applied entry; `None` for a state that no entry has changed yet.
    pub index: Option<u64>,
    /// The ids of the members with a vote.
    pub voters: BTreeSet<u64>,
}

impl AppliedLog {
    /// Reads it from the database at `path`, which nobody has open.
    ///
    /// # Errors
    /// When it cannot be opened, or what it says of the log cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let (applied, voters) = snapshots::applied_with_voters(path)?;
        Ok(Self { index: applied.map(|log_id| log_id.index), voters })
    }
}

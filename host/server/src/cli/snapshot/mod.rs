//! `strongroom snapshot ...`: saving, looking into and restoring backups.

mod inspect;
mod list;
mod part;
mod restore;
mod save;

use inspect::{Ls, Status, Verify};
use list::List;
use restore::Restore;
use save::Save;

use super::client::ClientError;

/// Backups.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Snapshot {
    /// Save a consistent snapshot of a member's state to a file, while it goes on; sealed values in it stay sealed
    Save(Save),
    /// Show what a snapshot is of, having checked every byte of it
    Status(Status),
    /// Check that a snapshot is whole and fits together and, with root keys, who wrote it and that every sealed value opens
    Verify(Verify),
    /// List the keys in a snapshot
    Ls(Ls),
    /// List the backups that members have made (--backup-dir), oldest first; what is in them is not looked at
    List(List),
    /// Make a data directory of a snapshot, for a member of a new cluster
    Restore(Restore),
}

impl Snapshot {
    /// Does what is asked and prints the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) async fn run(self) -> Result<(), ClientError> {
        match self {
            Self::Save(command) => command.run().await,
            Self::Status(command) => command.run().await,
            Self::Verify(command) => command.run().await,
            Self::Ls(command) => command.run().await,
            Self::List(command) => command.run().await,
            Self::Restore(command) => command.run().await,
        }
    }
}

//! What lies in this member's files beside its state: commands in the log, and the snapshot that is kept.

use std::{io, path::PathBuf};

use openraft::EntryPayload;
use store::Command;

use crate::{Consensus, codec, snapshots};

/// Bytes of entries read at once.
const READ_BYTES: usize = 1 << 20;

impl Consensus {
    /// Gives every command that an entry of the log holds, from the oldest on. What is purged and not written over yet is not read.
    ///
    /// # Errors
    /// When the disk fails, or an entry is damaged.
    pub fn each_logged(&self, each: &mut impl FnMut(&Command)) -> io::Result<()> {
        let (Some(mut next), Some(last)) = (self.log.first_index(), self.log.last_index()) else { return Ok(()) };
        while next <= last {
            let entries = self.log.read(next..last + 1, READ_BYTES).map_err(io::Error::other)?;
            // All that is left was purged meanwhile, or cut off.
            let Some((newest, _)) = entries.last() else { break };
            next = newest + 1;
            for (_, bytes) in entries {
                if let EntryPayload::Normal(request) = codec::decode_entry(bytes)?.payload {
                    each(&request.command);
                }
            }
        }
        Ok(())
    }

    /// The folder of the snapshot that is kept. A newer one may take its place, and removes it then.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn kept_snapshot(&self) -> io::Result<Option<PathBuf>> {
        snapshots::newest(&self.snapshots)
    }
}

//! Named points in the program at which tests make it fail.
//!
//! They are in builds with debug assertions only: in a release every function here is empty, always inlined, and leaves nothing in
//! the program. In other builds nothing happens until a test names a file by `STRONGROOM_FAIL_POINTS`, which says what happens where
//! and is read again whenever it changes:
//!
//! ```text
//! log.before-sync sleep 20     each time this point is reached, 20 ms are spent there
//! log.sync error EIO           the operation fails so
//! apply.after kill 7           the process dies the 7th time
//! write.pause sleep 300 9      one time of 9
//! clock jump -3600             the wall clock is an hour behind
//! planted lost-event           a deliberate bug, with which the checkers of the fault campaign are proved
//! ```
//!
//! | point | where |
//! |---|---|
//! | `log.before-write`, `log.before-sync`, `log.after-sync` | around the write and the sync of a group in the Raft log |
//! | `log.write`, `log.sync` | the write and the sync themselves, to fail |
//! | `audit.write` | the write of lines to the audit log, to fail |
//! | `log.torn-write` | half of a frame is written, then the process dies |
//! | `apply.before`, `apply.after` | around the commit of a batch to the state; after it, nobody has been told yet |
//! | `snapshot.build`, `snapshot.built`, `snapshot.install` | before a checkpoint, before it gets its name, before one becomes the state |
//! | `compaction.sweep` | before a batch of history is removed |
//! | `rewrap` | after values were sealed anew, before the next ones are |
//! | `write.pause` | between the review of a write and its proposal |
//! | `apply.torn` | between the halves of the bug `torn-apply` |
//!
//! | deliberate bug | what it does |
//! |---|---|
//! | `ack-before-sync` | the log answers before the write is on disk |
//! | `stale-read` | a read does not ask whether this member is as new as it should be |
//! | `lost-event` | now and then watchers are not told of a revision |
//! | `double-apply` | now and then a command is applied twice |
//! | `skipped-epoch-check` | a write under an old policy is applied |
//! | `lost-lease` | a member that takes over the clock of leases forgets those that were there |
//! | `torn-apply` | a batch is committed in two halves |
//!
//! It is *not* a way to configure anything: no point changes what the program does when it is not named.

#[cfg(debug_assertions)]
mod table;

use std::{
    io,
    time::{Duration, SystemTime},
};

/// Whether a test that names what is to fail started this process.
#[inline]
#[must_use]
pub fn is_armed() -> bool {
    #[cfg(debug_assertions)]
    return table::is_armed();
    #[cfg(not(debug_assertions))]
    false
}

/// Spends time here, or ends the process, if a test says so.
#[inline]
pub fn reached(point: &'static str) {
    #[cfg(debug_assertions)]
    table::reached(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

/// How this operation is to fail, if a test says so.
///
/// # Errors
/// That one.
#[inline]
pub fn check(point: &'static str) -> io::Result<()> {
    #[cfg(debug_assertions)]
    return table::check(point);
    #[cfg(not(debug_assertions))]
    {
        let _ = point;
        Ok(())
    }
}

/// How long to wait here, for those who must not block a thread.
#[inline]
#[must_use]
pub fn pause(point: &'static str) -> Option<Duration> {
    #[cfg(debug_assertions)]
    return table::pause(point);
    #[cfg(not(debug_assertions))]
    {
        let _ = point;
        None
    }
}

/// Whether the process is to die here, by [`die`], after the caller has done half of something.
#[inline]
#[must_use]
pub fn is_deadly(point: &'static str) -> bool {
    #[cfg(debug_assertions)]
    return table::is_deadly(point);
    #[cfg(not(debug_assertions))]
    {
        let _ = point;
        false
    }
}

/// Whether to run with a deliberate bug.
#[inline]
#[must_use]
pub fn planted(bug: &'static str) -> bool {
    #[cfg(debug_assertions)]
    return table::planted(bug);
    #[cfg(not(debug_assertions))]
    {
        let _ = bug;
        false
    }
}

/// The same for one time of so many.
#[inline]
#[must_use]
pub fn planted_one_in(bug: &'static str, count: u64) -> bool {
    #[cfg(debug_assertions)]
    return table::planted(bug) && table::one_in(count);
    #[cfg(not(debug_assertions))]
    {
        let _ = (bug, count);
        false
    }
}

/// The time of the wall, as far as a test lets it be.
#[inline]
#[must_use]
pub fn system_time() -> SystemTime {
    #[cfg(debug_assertions)]
    return table::system_time();
    #[cfg(not(debug_assertions))]
    SystemTime::now()
}

/// Ends the process as `kill -9` would: nothing is flushed, closed or told.
pub fn die() -> ! {
    std::process::abort()
}

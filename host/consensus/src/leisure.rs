//! Work that may take its time, so that what clients wait for does not.

use std::{io, thread};

use store::{Store, StoreFailure, View};
use tokio::sync::{Semaphore, oneshot};

/// The lowest priority that a thread can have.
const NICE: i32 = 19;

/// Walks over most of a state, of this process.
static WALKS: Semaphore = Semaphore::const_new(1);

/// Runs work that reads the files of a whole state on a thread of its own, which gives way to all others.
///
/// # Errors
/// Those of the work; when it panics, or no thread is to be had.
pub async fn at_leisure<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (sender, done) = oneshot::channel();
    thread::Builder::new().name("leisure".to_owned()).spawn(move || {
        // Linux keeps it for the thread alone. Without it the work is done all the same.
        let _ = rustix::process::nice(NICE);
        // Whoever asked may have gone away.
        let _ = sender.send(work());
    })?;
    done.await.map_err(|_| io::Error::other("the work broke off"))?
}

/// Runs a walk over most of a state on a thread for blocking work: it rests now and then, and only one is under way, however many are
/// asked for.
///
/// # Errors
/// Those of the walk, within; when it panics, or the runtime ends.
pub async fn unhurried<T, E>(
    store: Store,
    walk: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
) -> io::Result<Result<T, E>>
where
    T: Send + 'static,
    E: StoreFailure + Send + 'static,
{
    let turn = WALKS.acquire().await.map_err(io::Error::other)?;
    // The turn goes with the walk, also if nobody waits for it any more.
    let walk = tokio::task::spawn_blocking(move || (store.view_unhurried(walk), turn));
    Ok(walk.await.map_err(io::Error::other)?.0)
}

//! Work that may take its time, so that what clients wait for does not.

use std::{io, thread};

use tokio::sync::oneshot;

/// The lowest priority that a thread can have.
const NICE: i32 = 19;

/// Runs work that reads or hashes a whole state on a thread of its own, which gives way to all others.
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

//! The clock of the time limits.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use crate::limits::TICK;

/// A thread that raises the engine's epoch at every [`TICK`], for as long as this value lives.
///
/// Whoever can start a guest holds one: a guest without a ticking clock could run for ever.
pub(crate) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread =
            std::thread::Builder::new().name("admission-clock".to_owned()).spawn(move || tick(&engine, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

fn tick(engine: &wasmtime::Engine, stopped: &Receiver<()>) {
    while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        engine.increment_epoch();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // Hanging up wakes the thread at once.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

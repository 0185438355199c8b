//! Ctrl-C: once to end the run with its report, twice to end at once.

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Counts how often it was pressed.
pub(crate) struct Interrupt {
    presses: watch::Receiver<u32>,
    listener: JoinHandle<()>,
}

impl Interrupt {
    /// Listens from now on, until dropped. The signal then still does not end the process: tokio keeps its handler.
    pub(crate) fn listen() -> Self {
        let (pressed, presses) = watch::channel(0);
        let listener = tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                pressed.send_modify(|presses| *presses += 1);
            }
        });
        Self { presses, listener }
    }

    /// Waits until it was pressed so often; for ever where nothing can be heard.
    pub(crate) async fn pressed(&self, times: u32) {
        if self.presses.clone().wait_for(|presses| *presses >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

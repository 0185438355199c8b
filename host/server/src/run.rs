//! `strongroom serve`: bind, start the member, serve, and drain when told to stop.

use std::future::Future;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::bootstrap::DirectoryLock;
use crate::config::Config;
use crate::error::ServerError;
use crate::running::{Starting, until_stopped};
use crate::stop::StopSignal;
use crate::{announce, ready, self_signed};

/// A state that cannot be used again so soon after it was replaced is the disk's or the memory's fault: the operator is told.
const REBUILD_INTERVAL_MIN: Duration = Duration::from_secs(60);

/// `strongroom serve`. A member whose state cannot be used starts again here, with another one.
///
/// # Errors
///
/// [`ServerError`].
pub(crate) async fn serve(config: Config) -> Result<(), ServerError> {
    let mut stop = StopSignal::listen()?;
    if let Some(danger) = config.admin_access.danger() {
        tracing::warn!("{danger}");
    }
    let _lock = DirectoryLock::take(&config.data_dir, "--data-dir")?;
    self_signed::ensure(&config, OffsetDateTime::now_utc())?;
    let mut rebuilt: Option<Instant> = None;
    loop {
        match Box::pin(one_life(config.clone(), &mut stop)).await {
            Err(ServerError::Rebuild(reason)) if rebuilt.is_none_or(|at| at.elapsed() > REBUILD_INTERVAL_MIN) => {
                tracing::error!(reason, "the state of this member cannot be used; starting again with another one");
                rebuilt = Some(Instant::now());
            }
            ended => return ended,
        }
    }
}

/// From bound addresses to the end.
async fn one_life(config: Config, stop: &mut StopSignal) -> Result<(), ServerError> {
    let mut starting = Starting::bind(config).await?;
    announce::start(&starting.config);
    let Some(member) = Box::pin(unless_stopped(stop, starting.start_member())).await? else { return Ok(()) };
    announce::ready(&starting.config, &starting.peer_urls, &starting.sockets);
    let running = starting.serve(member);
    ready::tell();
    until_stopped(vec![running], stop).await
}

/// One step of the start; `None` when a signal came first.
///
/// # Errors
///
/// Those of the step.
pub(crate) async fn unless_stopped<T>(
    stop: &mut StopSignal,
    step: impl Future<Output = Result<T, ServerError>>,
) -> Result<Option<T>, ServerError> {
    tokio::select! {
        done = step => done.map(Some),
        signal = stop.received() => {
            tracing::info!(signal, "received signal; stopping before the start was done");
            Ok(None)
        }
    }
}

//! `strongroom serve`: bind, start the member, serve, and drain when told to stop.

use std::future::Future;

use time::OffsetDateTime;

use crate::bootstrap::DirectoryLock;
use crate::config::Config;
use crate::error::ServerError;
use crate::running::{Starting, until_stopped};
use crate::stop::StopSignal;
use crate::{announce, ready, self_signed};

/// `strongroom serve`.
///
/// # Errors
///
/// [`ServerError`].
pub(crate) async fn serve(config: Config) -> Result<(), ServerError> {
    let mut stop = StopSignal::listen()?;
    if config.admin_access.is_unsafe() {
        tracing::warn!(
            flag = "--admin-access",
            value = %config.admin_access,
            "anybody who reaches the client listener may change members, users and alarms, and take the whole data away"
        );
    }
    let _lock = DirectoryLock::take(&config.data_dir, "--data-dir")?;
    self_signed::ensure(&config, OffsetDateTime::now_utc())?;
    let mut starting = Starting::bind(config).await?;
    announce::start(&starting.config);
    let Some(member) = Box::pin(unless_stopped(&mut stop, starting.start_member())).await? else { return Ok(()) };
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

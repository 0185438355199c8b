//! The admin services: plugins, what is sealed, keys, and the audit log. The gate has admitted an administrator before any of this runs.

mod audit;
mod keys;
mod plugins;
mod replay;
mod seal;

use auth::Official;
use flow::FlowError;
use tonic::{Response, Status};

pub(crate) use audit::AuditDoor;
pub(crate) use keys::KeysDoor;
pub(crate) use plugins::PluginsDoor;
pub(crate) use seal::SealDoor;

type Answer<T> = Result<Response<T>, Status>;

fn log<Office, T>(administrator: &Official<Office>, action: &str, target: &str, done: &Result<T, FlowError>) {
    let fingerprint = administrator.fingerprint().unwrap_or_default();
    let succeeded = done.is_ok();
    tracing::info!(administrator = administrator.name(), fingerprint, action, target, succeeded, "admin call");
}

/// A prefix as it is shown in the log: prefixes are configuration, not secrets.
fn shown(prefix: &[u8]) -> String {
    String::from_utf8_lossy(prefix).into_owned()
}

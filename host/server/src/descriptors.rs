//! How many files and connections the kernel lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this, the state's files and a Kubernetes control plane's connections may not fit together.
const ENOUGH: u64 = 4096;

/// Raises the soft limit to the hard one: the soft one is low by default for the sake of programs that use `select`.
pub(crate) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
    // No number means no limit.
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < ENOUGH) {
        tracing::warn!(files, enough = ENOUGH, "few files may be open; raise the hard limit (ulimit -Hn)");
    }
}

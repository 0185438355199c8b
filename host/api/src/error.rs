//! Everything a door can answer instead of a result.

use std::time::Duration;

use auth::AuthError;
use flow::FlowError;
use types::Invalid;

/// Why a request was not served. Its wire code is in `status.rs`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The member refused or failed.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The client's: the caller may not do this.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The client's: a watch over a range that ends before it starts.
    #[error("watcher range is empty")]
    EmptyWatchRange,
    /// The client's: a watch id that is in use on this stream.
    #[error("duplicate watch ID provided on the WatchStream")]
    DuplicateWatch,
    /// The client's: a failure policy outside the enumeration.
    #[error("unknown failure policy {0}; use FAIL or IGNORE")]
    UnknownFailurePolicy(i32),
    /// The client's: a plugin mode outside the enumeration.
    #[error("unknown plugin mode {0}; use ENFORCE, WARN or OBSERVE")]
    UnknownPluginMode(i32),
    /// The client's: a change of a plugin outside the enumeration.
    #[error("unknown change of a plugin {0}; use ENABLE, DISABLE or ROLL_BACK")]
    UnknownPluginChange(i32),
    /// The client's: an operation that there is not.
    #[error("unknown operation {0:?}; use put or delete")]
    UnknownOperation(String),
    /// The client's: an alarm action outside the enumeration.
    #[error("unknown alarm action {0}; use GET, ACTIVATE or DEACTIVATE")]
    UnknownAction(i32),
    /// The client's: a place in a snapshot that is none.
    #[error("strongroom-snapshot-resume has to be `new`, or the id of a snapshot and bytes, as in 4f12@65536")]
    UnknownResume,
    /// The administrator's: it takes another one as well.
    #[error(
        "nothing was done yet: it is recorded that you ask for this; another administrator has to ask for the same within {} s",
        within.as_secs()
    )]
    SecondNeeded {
        /// How long the first waits for the second.
        within: Duration,
    },
    /// The client's: a call on a leader that names none.
    #[error("\"leader\" field must be provided")]
    MissingLeader,
    /// The client's: a downgrade action outside the enumeration.
    #[error("unknown method")]
    UnknownMethod,
    /// The client's: a streamed range is to be sorted.
    #[error("RangeStream does not support custom sort orders")]
    StreamSorted,
    /// The client's: a streamed range is to be filtered.
    #[error("RangeStream does not support revision filters")]
    StreamFiltered,
    /// Nobody's: this version does not serve the call.
    #[error("{0}")]
    Unserved(&'static str),
    /// The client's: its library's version is no text.
    #[error("invalid client api version")]
    BadClientVersion,
    /// The client's: a health check of a service that there is not.
    #[error("unknown service")]
    UnknownService,
    /// The client's own time is up.
    #[error("context deadline exceeded")]
    DeadlineExceeded,
    /// A bug: an admin call that reached its handler without evidence of an administrator.
    #[error("the call reached its handler without an administrator")]
    NoEvidence,
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::Flow(FlowError::Invalid(invalid))
    }
}

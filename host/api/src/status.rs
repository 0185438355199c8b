//! The only map from errors to gRPC codes.
//!
//! Codes and texts that etcd has are etcd's (`api/v3rpc/rpctypes/error.go` there), because its client libraries
//! recognise them by text. What only Strongroom has begins with `strongroom:` and says what to do.

use admission::{AdmissionError, Cause, Remarks};
use auth::{AuthError, Denial};
use axum::http::StatusCode;
use flow::FlowError;
use seal::SealError;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Code, Status};
use types::Invalid;

use crate::ApiError;

/// In the metadata of a denial: the name of the plugin that denied the write.
pub(crate) const DENIAL_PLUGIN: &str = "strongroom-denial-plugin";

/// In the metadata of a denial: its reason, for programs.
pub(crate) const DENIAL_CODE: &str = "strongroom-denial-code";

/// In the metadata of an answer to a write: a plugin's warning, in printable ASCII with everything else as `%XX`.
const WARNING: &str = "strongroom-warning";

/// Bytes of the warnings that come with a denial. Its message takes 3 KiB at worst, all metadata of one answer should stay under
/// the 8 KiB that some clients take, and a denial that cannot be read is worse than a warning that is missing.
const DENIAL_WARNINGS_BYTES_MAX: usize = 3 << 10;

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Flow(error) => of_flow(&error),
            ApiError::Auth(error) => of_auth(&error),
            ApiError::UnknownFailurePolicy(_)
            | ApiError::UnknownPluginMode(_)
            | ApiError::UnknownPluginChange(_)
            | ApiError::UnknownOperation(_)
            | ApiError::UnknownResume => ours(Code::InvalidArgument, &error),
            ApiError::EmptyWatchRange | ApiError::DuplicateWatch => Self::invalid_argument(format!("mvcc: {error}")),
            ApiError::StreamSorted | ApiError::StreamFiltered => Self::unimplemented(error.to_string()),
            ApiError::Unserved(_) => ours(Code::Unimplemented, &error),
            ApiError::BadClientVersion => Self::invalid_argument(format!("etcdserver: {error}")),
            ApiError::UnknownService => Self::not_found(error.to_string()),
            ApiError::DeadlineExceeded => Self::deadline_exceeded(error.to_string()),
            ApiError::UnknownAction(_) => ours(Code::InvalidArgument, &error),
            ApiError::MissingLeader => Self::unknown(error.to_string()),
            ApiError::UnknownMethod => Self::unknown("etcdserver: unknown method"),
            ApiError::SecondNeeded { .. } => ours(Code::FailedPrecondition, &error),
            ApiError::NoEvidence => ours(Code::Internal, &error),
        }
    }
}

/// The status of a failed lock or election. etcd serves both through a client of its own, and the codes of etcd's errors are
/// lost on that way.
pub(crate) fn through_client(error: impl Into<ApiError>) -> Status {
    let status = Status::from(error.into());
    match status.message().starts_with("etcdserver: ") {
        true => Status::unknown(status.message()),
        false => status,
    }
}

/// The status of a failed flow.
pub(crate) fn of_flow(error: &FlowError) -> Status {
    let (code, text) = match error {
        FlowError::Invalid(invalid) => return of_invalid(*invalid),
        FlowError::Admission(error) => return of_admission(error),
        FlowError::Seal(error) => return of_seal(error),
        FlowError::DamagedRecord { .. } => {
            return ours_with(Code::DataLoss, error, "restore the record from a backup, overwrite or delete it");
        }
        FlowError::Auth(error) => return of_auth(error),
        FlowError::Audit(_) => {
            return ours_with(Code::FailedPrecondition, error, "nothing is done that cannot be recorded");
        }
        FlowError::Compacted => (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
        FlowError::FutureRevision => (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision"),
        FlowError::KeyNotFound => (Code::InvalidArgument, "etcdserver: key not found"),
        FlowError::LeaseNotFound => (Code::NotFound, "etcdserver: requested lease not found"),
        FlowError::LeaseExists => (Code::FailedPrecondition, "etcdserver: lease already exists"),
        FlowError::LeaseTtlTooLarge => (Code::OutOfRange, "etcdserver: too large lease TTL"),
        FlowError::RequestTooLarge => (Code::InvalidArgument, "etcdserver: request is too large"),
        FlowError::PrefixFull { .. } => {
            return ours_with(
                Code::ResourceExhausted,
                error,
                "delete some of it, or raise the limit (--limits-config)",
            );
        }
        FlowError::PrefixTooFast { .. } | FlowError::CallerTooFast { .. } => {
            return ours_with(Code::ResourceExhausted, error, "try again later");
        }
        FlowError::CallerStreams { .. } => {
            return ours_with(Code::ResourceExhausted, error, "end one of them, or raise the limit (--limits-config)");
        }
        FlowError::Backup(_) | FlowError::Depot(_) => return ours(Code::Internal, error),
        FlowError::SnapshotGone => return ours_with(Code::NotFound, error, "save one from its beginning"),
        FlowError::NoSpace => (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
        FlowError::TooManyRequests => (Code::ResourceExhausted, "etcdserver: too many requests"),
        FlowError::NoLeader => (Code::Unavailable, "etcdserver: no leader"),
        FlowError::NotLeader => (Code::FailedPrecondition, "etcdserver: not leader"),
        FlowError::LeaderChanged => (Code::Unavailable, "etcdserver: leader changed"),
        FlowError::Timeout => (Code::Unavailable, "etcdserver: request timed out"),
        FlowError::Stopped => (Code::Unavailable, "etcdserver: server stopped"),
        FlowError::PolicyChanging => (
            Code::Unavailable,
            "strongroom: plugins or keys changed again and again while this write was under review; try again",
        ),
        FlowError::Corrupt(reason) => {
            tracing::error!(reason, "the state is corrupt");
            (Code::DataLoss, "etcdserver: corrupt cluster")
        }
        FlowError::NoSuchRule { .. } => return ours_with(Code::NotFound, error, "`strongroom seal list` lists them"),
        FlowError::Rule { .. } => return ours(Code::InvalidArgument, error),
        FlowError::NotSettled => {
            return ours_with(Code::FailedPrecondition, error, "`strongroom key rewrap --wait` waits for that");
        }
        FlowError::NoSuchPlugin { name } => {
            let text = format!("strongroom: there is no plugin {name:?}; list the plugins to see their names");
            return Status::not_found(text);
        }
        FlowError::Store(error) => {
            tracing::error!(%error, "the store failed");
            (Code::Internal, "strongroom: the member's storage failed; see its log")
        }
        FlowError::Files(error) => {
            tracing::error!(%error, "the log or the snapshot cannot be read");
            (Code::Internal, "strongroom: the log or the snapshot of this member cannot be read; see its log")
        }
        other => return of_maintenance(other),
    };
    Status::new(code, text)
}

/// What only calls about the member or the cluster answer.
fn of_maintenance(error: &FlowError) -> Status {
    let (code, text) = match error {
        FlowError::ElectionNotLeader => (Code::Unknown, "election: not leader"),
        FlowError::ElectionNoLeader => (Code::Unknown, "election: no leader"),
        FlowError::SessionExpired => (Code::Unknown, "mutex: session is expired"),
        FlowError::CorruptCluster => (Code::DataLoss, "etcdserver: corrupt cluster"),
        FlowError::MemberNotFound => (Code::NotFound, "etcdserver: member not found"),
        FlowError::BadMemberUrls => (Code::InvalidArgument, "etcdserver: given member URLs are invalid"),
        FlowError::PeerUrlExists => (Code::FailedPrecondition, "etcdserver: Peer URLs already exists"),
        // etcd 3.7 forgets to give this one its code.
        FlowError::NotEnoughStartedMembers => {
            (Code::Unknown, "etcdserver: re-configuration failed due to not enough started members")
        }
        FlowError::Unhealthy => (Code::Unavailable, "etcdserver: unhealthy cluster"),
        FlowError::NotLearner => (Code::FailedPrecondition, "etcdserver: can only promote a learner member"),
        FlowError::LearnerNotReady => {
            (Code::FailedPrecondition, "etcdserver: can only promote a learner member which is in sync with leader")
        }
        FlowError::TooManyLearners => (Code::FailedPrecondition, "etcdserver: too many learner members in cluster"),
        FlowError::MemberExists => (Code::FailedPrecondition, "etcdserver: member ID already exist"),
        FlowError::LearnerRefuses => (Code::FailedPrecondition, "etcdserver: rpc not supported for learner"),
        FlowError::LeaderTransferTimeout => {
            (Code::Unavailable, "etcdserver: request timed out, leader transfer took too long")
        }
        FlowError::TooManyAlarms => return ours(Code::FailedPrecondition, error),
        FlowError::BadLeaderTransferee => (Code::FailedPrecondition, "etcdserver: bad leader transferee"),
        FlowError::WrongDowngradeVersion => {
            (Code::InvalidArgument, "etcdserver: wrong downgrade target version format")
        }
        FlowError::InvalidDowngradeTarget => (Code::InvalidArgument, "etcdserver: invalid downgrade target version"),
        FlowError::DowngradeInProcess => {
            (Code::FailedPrecondition, "etcdserver: cluster has a downgrade job in progress")
        }
        other => return ours(Code::Internal, other),
    };
    Status::new(code, text)
}

/// The status of HTTP that the JSON gateway answers with: grpc-gateway's map.
pub(crate) fn http(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        // No name of its own: the client closed the request.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_invalid(invalid: Invalid) -> Status {
    Status::invalid_argument(match invalid {
        Invalid::EmptyKey => "etcdserver: key is not provided",
        Invalid::ValueProvided => "etcdserver: value is provided",
        Invalid::LeaseProvided => "etcdserver: lease is provided",
        Invalid::TooManyOps => "etcdserver: too many operations in txn request",
        Invalid::DuplicateKey => "etcdserver: duplicate key given in txn request",
        Invalid::SortOption => "etcdserver: invalid sort option",
        Invalid::EmptyOperation => "etcdserver: key not found",
    })
}

fn of_admission(error: &AdmissionError) -> Status {
    match error {
        AdmissionError::Denied { plugin, code, message, remarks } => {
            let mut status = Status::permission_denied(format!("strongroom: denied by plugin {plugin:?}: {message}"));
            tell_of_denial(status.metadata_mut(), plugin, code, remarks);
            status
        }
        AdmissionError::PluginFailed { cause: Cause::Busy | Cause::Abandoned, .. } => {
            ours_with(Code::Unavailable, error, "try again")
        }
        AdmissionError::PluginFailed { .. } => {
            ours_with(Code::PermissionDenied, error, "an administrator must repair or remove the plugin")
        }
        AdmissionError::Engine { .. } => ours(Code::Internal, error),
        // What is left is an upload that was refused.
        refused => ours(Code::InvalidArgument, refused),
    }
}

fn tell_of_denial(metadata: &mut MetadataMap, plugin: &str, code: &str, remarks: &Remarks) {
    metadata.insert(DENIAL_PLUGIN, printable(plugin));
    metadata.insert(DENIAL_CODE, printable(code));
    let mut bytes_left = DENIAL_WARNINGS_BYTES_MAX;
    for warning in remarks.warnings.iter().map(|warning| printable(warning)) {
        let Some(left) = bytes_left.checked_sub(warning.len()) else { return };
        bytes_left = left;
        metadata.append(WARNING, warning);
    }
}

/// Adds what plugins have to say to whoever wrote.
pub(crate) fn warn(metadata: &mut MetadataMap, warnings: &[String]) {
    for warning in warnings {
        metadata.append(WARNING, printable(warning));
    }
}

fn printable(text: &str) -> AsciiMetadataValue {
    let escaped = |byte: u8| match byte {
        b'%' => "%25".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let text: String = text.bytes().map(escaped).collect();
    AsciiMetadataValue::try_from(text).expect("what is printable and ASCII can be a header")
}

fn of_seal(error: &SealError) -> Status {
    match error {
        SealError::Keyless { .. } => {
            Status::unavailable(format!("strongroom: {error}; ask another member, or give this one its root key"))
        }
        SealError::ProviderUnavailable { .. } | SealError::ProviderBroken { .. } => {
            Status::unavailable(format!("strongroom: {error}; try again, or ask another member"))
        }
        SealError::OrderedCompare => {
            Status::invalid_argument(format!("strongroom: {error}; compare with EQUAL or NOT_EQUAL"))
        }
        SealError::RangeCompare => {
            Status::invalid_argument(format!("strongroom: {error}; use one compare for each key"))
        }
        SealError::NoActiveKey { .. } | SealError::WrongRootKey { .. } | SealError::NotUnwrapped { .. } => {
            ours(Code::FailedPrecondition, error)
        }
        SealError::WrongMaterial { .. } => ours(Code::InvalidArgument, error),
        SealError::DamagedWrap { .. }
        | SealError::BadKeyRecord { .. }
        | SealError::UnknownDataKey { .. }
        | SealError::Destroyed { .. }
        | SealError::DamagedValue { .. }
        | SealError::BadEnvelope { .. } => {
            Status::data_loss(format!("strongroom: {error}; restore the record from a backup, or delete it"))
        }
        other => ours(Code::Internal, other),
    }
}

fn of_auth(error: &AuthError) -> Status {
    match error {
        AuthError::CertificateRequired { .. } => {
            ours_with(Code::PermissionDenied, error, "connect with a certificate that a rule names for this")
        }
        AuthError::NoOffice { .. } => {
            ours_with(Code::PermissionDenied, error, "use a certificate that a rule names for this")
        }
        AuthError::Confined { .. } => ours_with(Code::PermissionDenied, error, "use a client's certificate"),
        AuthError::BadCertificate { .. } => ours(Code::Unauthenticated, error),
        AuthError::Denied(denial) => of_denial(*denial),
        other => ours(Code::Internal, other),
    }
}

fn of_denial(denial: Denial) -> Status {
    let code = match denial {
        Denial::RootUserNotExist
        | Denial::RootRoleNotExist
        | Denial::UserAlreadyExist
        | Denial::UserNotFound
        | Denial::RoleAlreadyExist
        | Denial::RoleNotFound
        | Denial::RoleNotGranted
        | Denial::PermissionNotGranted
        | Denial::NotEnabled => Code::FailedPrecondition,
        Denial::UserEmpty
        | Denial::RoleEmpty
        | Denial::AuthenticationFailed
        | Denial::PermissionNotGiven
        | Denial::OldRevision
        | Denial::InvalidManagement => Code::InvalidArgument,
        Denial::PermissionDenied => Code::PermissionDenied,
        Denial::InvalidToken => Code::Unauthenticated,
        Denial::TooMany => Code::ResourceExhausted,
        // etcd gives these no code, and the text of the library or package that they come from.
        Denial::PasswordTooLong => return Status::unknown(format!("bcrypt: {denial}")),
        _ => return Status::unknown(format!("auth: {denial}")),
    };
    Status::new(code, format!("etcdserver: {denial}"))
}

fn ours(code: Code, error: &impl std::fmt::Display) -> Status {
    Status::new(code, format!("strongroom: {error}"))
}

fn ours_with(code: Code, error: &impl std::fmt::Display, advice: &str) -> Status {
    Status::new(code, format!("strongroom: {error}; {advice}"))
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;

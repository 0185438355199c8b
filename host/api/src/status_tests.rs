//! What clients match on, word for word.

use super::*;

fn answered(error: impl Into<ApiError>) -> (Code, String) {
    let status = Status::from(error.into());
    (status.code(), status.message().to_owned())
}

#[test]
fn errors_that_etcd_has_carry_its_code_and_text() {
    let cases: [(FlowError, Code, &str); 14] = [
        (FlowError::Compacted, Code::OutOfRange, "mvcc: required revision has been compacted"),
        (FlowError::FutureRevision, Code::OutOfRange, "mvcc: required revision is a future revision"),
        (FlowError::KeyNotFound, Code::InvalidArgument, "key not found"),
        (FlowError::LeaseNotFound, Code::NotFound, "requested lease not found"),
        (FlowError::LeaseExists, Code::FailedPrecondition, "lease already exists"),
        (FlowError::LeaseTtlTooLarge, Code::OutOfRange, "too large lease TTL"),
        (FlowError::RequestTooLarge, Code::InvalidArgument, "request is too large"),
        (FlowError::NoSpace, Code::ResourceExhausted, "mvcc: database space exceeded"),
        (FlowError::TooManyRequests, Code::ResourceExhausted, "too many requests"),
        (FlowError::NoLeader, Code::Unavailable, "no leader"),
        (FlowError::NotLeader, Code::FailedPrecondition, "not leader"),
        (FlowError::LeaderChanged, Code::Unavailable, "leader changed"),
        (FlowError::Timeout, Code::Unavailable, "request timed out"),
        (FlowError::Stopped, Code::Unavailable, "server stopped"),
    ];
    for (error, code, text) in cases {
        assert_eq!(answered(error), (code, format!("etcdserver: {text}")));
    }
}

#[test]
fn errors_about_the_cluster_carry_etcds_code_and_text() {
    let cases = [
        (FlowError::CorruptCluster, Code::DataLoss, "corrupt cluster"),
        (FlowError::MemberNotFound, Code::NotFound, "member not found"),
        (FlowError::BadMemberUrls, Code::InvalidArgument, "given member URLs are invalid"),
        (FlowError::PeerUrlExists, Code::FailedPrecondition, "Peer URLs already exists"),
        (
            FlowError::NotEnoughStartedMembers,
            Code::Unknown,
            "re-configuration failed due to not enough started members",
        ),
        (FlowError::Unhealthy, Code::Unavailable, "unhealthy cluster"),
        (FlowError::NotLearner, Code::FailedPrecondition, "can only promote a learner member"),
        (FlowError::BadLeaderTransferee, Code::FailedPrecondition, "bad leader transferee"),
        (FlowError::WrongDowngradeVersion, Code::InvalidArgument, "wrong downgrade target version format"),
        (FlowError::InvalidDowngradeTarget, Code::InvalidArgument, "invalid downgrade target version"),
        (FlowError::DowngradeInProcess, Code::FailedPrecondition, "cluster has a downgrade job in progress"),
    ];
    for (error, code, text) in cases {
        assert_eq!(answered(error), (code, format!("etcdserver: {text}")));
    }
}

#[test]
fn locks_and_elections_answer_without_etcds_codes_but_with_ours() {
    let through = |error: FlowError| {
        let status = through_client(error);
        (status.code(), status.message().to_owned())
    };
    assert_eq!(through(FlowError::LeaseNotFound), (Code::Unknown, "etcdserver: requested lease not found".to_owned()));
    assert_eq!(through(FlowError::ElectionNoLeader), (Code::Unknown, "election: no leader".to_owned()));
    assert_eq!(through(FlowError::PolicyChanging).0, Code::Unavailable);
}

#[test]
fn broken_request_rules_carry_etcds_text() {
    let cases = [
        (Invalid::EmptyKey, "key is not provided"),
        (Invalid::ValueProvided, "value is provided"),
        (Invalid::LeaseProvided, "lease is provided"),
        (Invalid::TooManyOps, "too many operations in txn request"),
        (Invalid::DuplicateKey, "duplicate key given in txn request"),
        (Invalid::SortOption, "invalid sort option"),
        (Invalid::EmptyOperation, "key not found"),
    ];
    for (invalid, text) in cases {
        assert_eq!(answered(invalid), (Code::InvalidArgument, format!("etcdserver: {text}")));
    }
}

#[test]
fn a_denial_names_the_plugin_and_its_reason() {
    let (plugin, code, message) = ("no-secrets".into(), "pem".into(), "holds a private key".into());
    let denied = AdmissionError::Denied { plugin, code, message, remarks: Box::default() };
    let expected = r#"strongroom: denied by plugin "no-secrets": holds a private key"#.to_owned();
    assert_eq!(answered(FlowError::Admission(denied)), (Code::PermissionDenied, expected));
}

fn denied_with(warnings: Vec<String>) -> Status {
    let (plugin, code, message) = ("no-secrets".into(), "pem".into(), "holds a private key".into());
    let remarks = Box::new(Remarks { warnings, notes: vec!["for auditors".to_owned()] });
    through_client(FlowError::Admission(AdmissionError::Denied { plugin, code, message, remarks }))
}

fn warnings_of(status: &Status) -> Vec<&str> {
    status.metadata().get_all("strongroom-warning").iter().map(|warning| warning.to_str().unwrap()).collect()
}

#[test]
fn a_denial_tells_programs_whose_it_is_its_code_and_the_warnings() {
    let status = denied_with(vec!["first: 100 % sure".to_owned(), "second: gr\u{fc}n".to_owned()]);
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(status.metadata().get("strongroom-denial-plugin").unwrap().to_str().unwrap(), "no-secrets");
    assert_eq!(status.metadata().get("strongroom-denial-code").unwrap().to_str().unwrap(), "pem");
    assert_eq!(warnings_of(&status), ["first: 100 %25 sure", "second: gr%C3%BCn"]);
    assert_eq!(status.metadata().len(), 4, "what auditors are told is for them");
    let busy = AdmissionError::PluginFailed { plugin: "slow".into(), cause: Cause::Busy };
    assert!(Status::from(ApiError::from(FlowError::Admission(busy))).metadata().is_empty());
}

#[test]
fn warnings_leave_a_denial_short_enough_to_be_read() {
    let status = denied_with(vec!["\u{fc}".repeat(128); 16]);
    // Each of its bytes takes three.
    assert_eq!(warnings_of(&status).len(), DENIAL_WARNINGS_BYTES_MAX / (2 * 128 * 3));
}

#[test]
fn a_busy_plugin_is_worth_a_retry_and_a_broken_one_is_not() {
    let failed = |cause| FlowError::Admission(AdmissionError::PluginFailed { plugin: "slow".into(), cause });
    assert_eq!(answered(failed(Cause::Busy)).0, Code::Unavailable);
    let (code, text) = answered(failed(Cause::Deadline { limit_ms: 5 }));
    assert_eq!(code, Code::PermissionDenied);
    assert!(text.contains("slow") && text.contains("5 ms"), "{text}");
}

#[test]
fn seal_errors_tell_a_retry_from_a_mistake_from_a_loss() {
    let keyless = SealError::Keyless { prefix: "/registry/secrets/".into() };
    assert_eq!(answered(FlowError::Seal(keyless)).0, Code::Unavailable);
    assert_eq!(answered(FlowError::Seal(SealError::OrderedCompare)).0, Code::InvalidArgument);
    assert_eq!(answered(FlowError::Seal(SealError::DamagedValue { id: 1 })).0, Code::DataLoss);
}

#[test]
fn denials_carry_etcds_code_and_text() {
    let cases = [
        (Denial::RootUserNotExist, Code::FailedPrecondition, "etcdserver: root user does not exist"),
        (Denial::RootRoleNotExist, Code::FailedPrecondition, "etcdserver: root user does not have root role"),
        (Denial::UserAlreadyExist, Code::FailedPrecondition, "etcdserver: user name already exists"),
        (Denial::UserEmpty, Code::InvalidArgument, "etcdserver: user name is empty"),
        (Denial::UserNotFound, Code::FailedPrecondition, "etcdserver: user name not found"),
        (Denial::RoleAlreadyExist, Code::FailedPrecondition, "etcdserver: role name already exists"),
        (Denial::RoleNotFound, Code::FailedPrecondition, "etcdserver: role name not found"),
        (Denial::RoleEmpty, Code::InvalidArgument, "etcdserver: role name is empty"),
        (
            Denial::AuthenticationFailed,
            Code::InvalidArgument,
            "etcdserver: authentication failed, invalid user ID or password",
        ),
        (Denial::NoPasswordUser, Code::Unknown, "auth: authentication failed, password was given for no password user"),
        (Denial::PermissionNotGiven, Code::InvalidArgument, "etcdserver: permission not given"),
        (Denial::PermissionDenied, Code::PermissionDenied, "etcdserver: permission denied"),
        (Denial::RoleNotGranted, Code::FailedPrecondition, "etcdserver: role is not granted to the user"),
        (Denial::PermissionNotGranted, Code::FailedPrecondition, "etcdserver: permission is not granted to the role"),
        (Denial::NotEnabled, Code::FailedPrecondition, "etcdserver: authentication is not enabled"),
        (Denial::OldRevision, Code::InvalidArgument, "etcdserver: revision of auth store is old"),
        (Denial::InvalidToken, Code::Unauthenticated, "etcdserver: invalid auth token"),
        (Denial::InvalidManagement, Code::InvalidArgument, "etcdserver: invalid auth management"),
        (Denial::PasswordTooLong, Code::Unknown, "bcrypt: password length exceeds 72 bytes"),
        (Denial::VerifyOnly, Code::Unknown, "auth: token signing attempted with verify-only key"),
        (Denial::NoTokens, Code::Unknown, "auth: invalid auth options"),
        (Denial::TooMany, Code::ResourceExhausted, "etcdserver: too many requests"),
    ];
    for (denial, code, text) in cases {
        assert_eq!(answered(FlowError::Auth(denial.into())), (code, text.to_owned()));
    }
}

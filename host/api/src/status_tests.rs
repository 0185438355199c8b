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
    let denied = AdmissionError::Denied { plugin, code, message };
    let expected = r#"strongroom: denied by plugin "no-secrets": holds a private key"#.to_owned();
    assert_eq!(answered(FlowError::Admission(denied)), (Code::PermissionDenied, expected));
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

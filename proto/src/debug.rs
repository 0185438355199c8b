//! `Debug` for the messages that hold something secret: sizes and numbers, never contents.

use std::fmt::{Debug, Formatter, Result};

use crate::{admin, authpb, etcdserverpb, kms, mvccpb, peer, v3electionpb};

/// Writes `Debug` for a message from the fields that may be seen, and the lengths of those that may not.
macro_rules! guarded_debug {
    ($message:path, $name:literal, shown: [$($shown:ident),*], length_of: [$($hidden:ident),*]) => {
        impl Debug for $message {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                f.debug_struct($name)
                    $(.field(stringify!($shown), &self.$shown))*
                    $(.field(concat!(stringify!($hidden), "_bytes"), &self.$hidden.len()))*
                    .finish_non_exhaustive()
            }
        }
    };
}

guarded_debug!(mvccpb::KeyValue, "KeyValue",
    shown: [create_revision, mod_revision, version, lease], length_of: [key, value]);
guarded_debug!(authpb::User, "User", shown: [name, roles, options], length_of: [password]);
guarded_debug!(etcdserverpb::PutRequest, "PutRequest",
    shown: [lease, prev_kv, ignore_value, ignore_lease], length_of: [key, value]);
guarded_debug!(etcdserverpb::Compare, "Compare",
    shown: [result, target, target_union], length_of: [key, range_end]);
guarded_debug!(etcdserverpb::SnapshotResponse, "SnapshotResponse",
    shown: [header, remaining_bytes, version], length_of: [blob]);
guarded_debug!(etcdserverpb::AuthenticateRequest, "AuthenticateRequest", shown: [name], length_of: []);
guarded_debug!(etcdserverpb::AuthenticateResponse, "AuthenticateResponse", shown: [header], length_of: []);
guarded_debug!(etcdserverpb::AuthUserAddRequest, "AuthUserAddRequest", shown: [name, options], length_of: []);
guarded_debug!(etcdserverpb::AuthUserChangePasswordRequest, "AuthUserChangePasswordRequest",
    shown: [name], length_of: []);
guarded_debug!(v3electionpb::CampaignRequest, "CampaignRequest", shown: [lease], length_of: [name, value]);
guarded_debug!(v3electionpb::ProclaimRequest, "ProclaimRequest", shown: [leader], length_of: [value]);
guarded_debug!(admin::InstallRequest, "InstallRequest",
    shown: [name, binding], length_of: [component]);
guarded_debug!(admin::UpgradeRequest, "UpgradeRequest", shown: [name], length_of: [component]);
guarded_debug!(admin::UnwrappedKey, "UnwrappedKey", shown: [id], length_of: [material]);
guarded_debug!(peer::AppendRequest, "AppendRequest", shown: [leader, previous, committed], length_of: [entries]);
guarded_debug!(peer::ProposeRequest, "ProposeRequest", shown: [], length_of: [request]);
guarded_debug!(peer::SnapshotChunk, "SnapshotChunk", shown: [file, offset], length_of: [data]);
guarded_debug!(kms::EncryptRequest, "EncryptRequest", shown: [uid], length_of: [plaintext]);
guarded_debug!(kms::EncryptResponse, "EncryptResponse", shown: [key_id], length_of: [ciphertext]);
guarded_debug!(kms::DecryptRequest, "DecryptRequest", shown: [uid, key_id], length_of: [ciphertext]);
guarded_debug!(kms::DecryptResponse, "DecryptResponse", shown: [], length_of: [plaintext]);

impl Debug for etcdserverpb::compare::TargetUnion {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (name, number) = match self {
            Self::Version(number) => ("Version", *number),
            Self::CreateRevision(number) => ("CreateRevision", *number),
            Self::ModRevision(number) => ("ModRevision", *number),
            Self::Lease(number) => ("Lease", *number),
            Self::Value(value) => return write!(f, "Value({} bytes)", value.len()),
        };
        f.debug_tuple(name).field(&number).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etcdserverpb::{RequestOp, TxnRequest, request_op::Request};

    const CANARY: &str = "canary";

    #[test]
    fn nothing_nested_prints_a_value() {
        let compare = etcdserverpb::Compare {
            target_union: Some(etcdserverpb::compare::TargetUnion::Value(CANARY.into())),
            ..Default::default()
        };
        let put = etcdserverpb::PutRequest { value: CANARY.into(), ..Default::default() };
        let txn = TxnRequest {
            compare: vec![compare],
            success: vec![RequestOp { request: Some(Request::RequestPut(put)) }],
            failure: vec![],
        };
        let kv = mvccpb::KeyValue { value: CANARY.into(), ..Default::default() };
        let event = mvccpb::Event { kv: Some(kv.clone()), prev_kv: Some(kv), ..Default::default() };
        let watch = etcdserverpb::WatchResponse { events: vec![event], ..Default::default() };
        let printed = format!("{txn:?} {watch:?}");
        let as_numbers = format!("{:?}", CANARY.as_bytes());
        assert!(!printed.contains(CANARY) && !printed.contains(as_numbers.trim_matches(['[', ']'])), "{printed}");
        assert!(printed.contains("value_bytes: 6") && printed.contains("Value(6 bytes)"), "{printed}");
    }

    #[test]
    fn no_credential_is_printed() {
        let name = "root".to_owned();
        let password = CANARY.to_owned();
        let printed = format!(
            "{:?} {:?} {:?}",
            etcdserverpb::AuthenticateRequest { name: name.clone(), password: password.clone() },
            etcdserverpb::AuthenticateResponse { token: password.clone(), ..Default::default() },
            etcdserverpb::AuthUserAddRequest { name, hashed_password: password.clone(), password, options: None },
        );
        assert!(!printed.contains(CANARY) && printed.contains("root"), "{printed}");
    }

    #[test]
    fn nothing_said_to_a_kms_is_printed() {
        let annotations = || std::collections::BTreeMap::from([("kms.example".to_owned(), CANARY.into())]);
        let (uid, key_id) = (String::new(), "key-1".to_owned());
        let printed = format!(
            "{:?} {:?} {:?} {:?}",
            kms::EncryptRequest { plaintext: CANARY.into(), uid: uid.clone() },
            kms::EncryptResponse { ciphertext: CANARY.into(), key_id: key_id.clone(), annotations: annotations() },
            kms::DecryptRequest { ciphertext: CANARY.into(), uid, key_id, annotations: annotations() },
            kms::DecryptResponse { plaintext: CANARY.into() },
        );
        assert!(!printed.contains(CANARY) && printed.contains("key-1"), "{printed}");
    }
}

//! Kinds with typed access. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

use std::collections::BTreeMap;

use super::Unreadable;
use super::field::Body;

/// A Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secret {
    /// What it is for: `Opaque`, `kubernetes.io/tls`.
    pub r#type: String,
    /// The values by their names, as they are meant and no longer base64.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl Secret {
    pub(super) fn read(&mut self, body: Body<'_>) -> Result<(), Unreadable> {
        body.read(&[("data", 2), ("type", 3)], &mut |name, field| {
            match name {
                "data" => field.binaries(&mut self.data)?,
                _ => self.r#type = field.text()?,
            }
            Ok(())
        })
    }
}

/// A ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigMap {
    /// Texts by their names.
    pub data: BTreeMap<String, String>,
    /// What is not text, no longer base64.
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

impl ConfigMap {
    pub(super) fn read(&mut self, body: Body<'_>) -> Result<(), Unreadable> {
        body.read(&[("data", 2), ("binaryData", 3)], &mut |name, field| match name {
            "data" => field.texts(&mut self.data),
            _ => field.binaries(&mut self.binary_data),
        })
    }
}

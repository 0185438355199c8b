//! The errors of etcd's clients, by name.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};

/// One error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    /// The gRPC code.
    pub(crate) code: String,
    /// The text.
    pub(crate) message: String,
    /// Why no case provokes it.
    pub(crate) beyond: Option<String>,
}

/// Every error by its name in etcd's Go client.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Errors(BTreeMap<String, Known>);

impl Errors {
    /// Reads `errors.yaml` of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join("errors.yaml");
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// What a case means by an error: a name of this list, or the fields of an error.
    pub(crate) fn meant_by(&self, error: &Value) -> Result<Value, String> {
        let Value::String(name) = error else { return Ok(error.clone()) };
        let known = self.0.get(name).ok_or_else(|| format!("no error is called {name}"))?;
        Ok(json!({"code": known.code, "message": known.message}))
    }

    /// The name of an error.
    pub(crate) fn name(&self, code: &str, message: &str) -> Option<&str> {
        self.iter().find(|(_, known)| known.code == code && known.message == message).map(|(name, _)| name)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.0.iter().map(|(name, known)| (name.as_str(), known))
    }
}

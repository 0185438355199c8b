//! What a plugin says of itself, once it has been checked.

use crate::AdmissionError;
use crate::contract::policy;
use crate::limits::{NAME_BYTES_MAX, PREFIX_BYTES_MAX, PREFIXES_MAX};

/// What a plugin says of itself. Holds to the rules of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Lowercase letters, digits and hyphens.
    pub name: String,
    /// Printable ASCII.
    pub version: String,
    /// Prefixes of the keys that it wants to review; at least one.
    pub prefixes: Vec<Vec<u8>>,
    /// The operations that it wants to review; at least one.
    pub operations: Operations,
}

/// Which operations a plugin reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// Puts.
    pub put: bool,
    /// Deletes.
    pub delete: bool,
}

impl Description {
    pub(crate) fn check(told: policy::Description) -> Result<Self, AdmissionError> {
        let operations = Operations {
            put: told.operations.contains(policy::Operations::PUT),
            delete: told.operations.contains(policy::Operations::DELETE),
        };
        let prefix_fits = |prefix: &Vec<u8>| !prefix.is_empty() && prefix.len() <= PREFIX_BYTES_MAX;
        let rules = [
            (
                is_name(&told.name),
                "its name must be 1 to 64 lowercase letters, digits and hyphens, and begin with a letter",
            ),
            (is_version(&told.version), "its version must be 1 to 64 characters of printable ASCII"),
            (!told.prefixes.is_empty(), "it asks for no prefix"),
            (told.prefixes.len() <= PREFIXES_MAX, "it asks for more than 64 prefixes"),
            (told.prefixes.iter().all(prefix_fits), "each of its prefixes must have 1 to 1024 bytes"),
            (operations.put || operations.delete, "it asks for no operation"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(AdmissionError::BadDescription { problem }),
            None => Ok(Self { name: told.name, version: told.version, prefixes: told.prefixes, operations }),
        }
    }
}

/// Whether `text` can be the name of a plugin or the code of a denial.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= NAME_BYTES_MAX && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(fits)
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

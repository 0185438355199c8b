//! Where an older etcd is known to differ, for all cases: `older.yaml`.
//!
//! Both servers are played even so. A difference is explained only if it is the first of its case, is where an entry says, is what
//! the entry says, and Strongroom did all that the case expects.

use std::path::Path;

use serde::Deserialize;

use crate::{case::Case, verdict::parse_version};

/// Something that differs, and why.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Older {
    /// `<3.6`: every version before.
    version: String,
    /// What came later.
    pub(crate) reason: String,
    /// How it shows; one of these.
    shows: Vec<Sign>,
}

/// How a difference shows. Everything that is given has to hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    /// What the case's file and name begin with.
    #[serde(default)]
    case: String,
    /// Part of the step at which the two part.
    #[serde(default)]
    asked: String,
    /// Part of what that etcd said, or of why it is not what the step expects.
    #[serde(default)]
    said: String,
}

/// Where two servers part.
#[derive(Debug)]
pub(crate) struct Parting {
    /// The step.
    pub(crate) asked: String,
    /// What the etcd made of it.
    pub(crate) said: String,
}

impl Older {
    /// Reads `older.yaml` of a folder.
    pub(crate) fn read_all(folder: &Path) -> Result<Vec<Self>, String> {
        let file = folder.join("older.yaml");
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        read(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Whether it is about this version.
    pub(crate) fn concerns(&self, version: (u32, u32)) -> bool {
        is_before(&self.version, version)
    }

    /// Whether it is what this case ran into.
    pub(crate) fn explains(&self, case: &Case, parting: &Parting) -> bool {
        self.shows.iter().any(|sign| {
            case.name.starts_with(&sign.case)
                && parting.asked.contains(&sign.asked)
                && parting.said.contains(&sign.said)
        })
    }
}

fn read(text: &str) -> Result<Vec<Older>, String> {
    let entries: Vec<Older> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    for entry in &entries {
        if entry.version.strip_prefix('<').and_then(parse_version).is_none() {
            return Err(format!("{} is no version as in <3.6", entry.version));
        }
        if entry.shows.iter().any(|sign| sign.said.is_empty() && (sign.case.is_empty() || sign.asked.is_empty())) {
            return Err(format!(
                "a sign without `said` needs `case` and `asked`, or it explains anything: {}",
                entry.reason
            ));
        }
    }
    Ok(entries)
}

/// Whether a version is one of `<3.6`.
pub(crate) fn is_before(bound: &str, version: (u32, u32)) -> bool {
    bound.strip_prefix('<').and_then(parse_version).is_some_and(|bound| version < bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
- version: '<3.6'
  reason: pages came with 3.6
  shows:
    - {case: gateway/pages, asked: livez, said: '404'}
    - {case: 'gateway/pages: x', asked: readyz}
";

    fn case(name: &str) -> Case {
        Case { name: name.to_owned(), flags: Vec::new(), tls: false, differs: Vec::new(), steps: Vec::new() }
    }

    #[test]
    fn only_what_is_written_is_explained() {
        let older = read(TEXT).unwrap().remove(0);
        assert!(older.concerns((3, 5)) && !older.concerns((3, 6)) && !older.concerns((3, 10)));
        let explains = |name, asked: &str, said: &str| {
            older.explains(&case(name), &Parting { asked: asked.to_owned(), said: said.to_owned() })
        };
        assert!(explains("gateway/pages: y", "step 1 http GET /livez", "status 404"));
        assert!(explains("gateway/pages: x", "step 1 http GET /readyz", "anything"));
        assert!(!explains("gateway/pages: y", "step 1 http GET /livez", "status 500"));
        assert!(!explains("gateway/pages: y", "step 1 http GET /health", "status 404"));
        assert!(!explains("kv/range: y", "step 1 http GET /livez", "status 404"));
    }

    #[test]
    fn what_would_explain_anything_is_refused() {
        for wrong in [
            "[{version: '3.6', reason: a, shows: [{said: a}]}]",
            "[{version: '<3.6', reason: a, shows: [{case: a}]}]",
            "[{version: '<3.6', reason: a, shows: [{asked: a}]}]",
            "[{version: '<3.6', reason: a, shows: [{}]}]",
            "[{version: '<3.6', reason: a, shows: [{says: a}]}]",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

//! Names: of files, folders and modules, and of what lies at the top.

use crate::repository::File;

/// Names that say nothing about what is inside. What is called so grows without end.
const EMPTY: [&str; 8] = ["utils", "util", "common", "helpers", "helper", "misc", "shared", "stuff"];

/// What may lie in the top folder.
const TOP: [&str; 26] = [
    ".cargo",
    ".ci",
    ".editorconfig",
    ".git",
    ".gitattributes",
    ".github",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "docs",
    "host",
    "plugins",
    "proto",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "sdk",
    "tests",
];

/// Also there, but not kept: what is built, and what `make run` leaves.
const UNTRACKED: [&str; 2] = ["target", "strongroom-dev"];

/// Complains about each file, folder and inline module with an empty name.
pub(crate) fn empty_names(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        let modules = file.text.lines().filter(|_| file.is_rust()).filter_map(module);
        complaints.extend(
            parts
                .chain(modules)
                .filter(|name| EMPTY.contains(name))
                .map(|name| format!("{}: {name} says nothing", file.path)),
        );
    }
    complaints
}

/// The name of the module that a line declares.
fn module(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = if let Some(rest) = line.strip_prefix("pub") {
        let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
        rest.trim_start()
    } else {
        line
    };
    rest.strip_prefix("mod ").map(|name| name.trim_end_matches([';', '{', ' ']))
}

/// Complains about each entry of the top folder that is not meant to be there.
pub(crate) fn strangers_at_the_top(entries: &[String]) -> Vec<String> {
    let known = |name: &str| TOP.contains(&name) || UNTRACKED.contains(&name);
    entries.iter().filter(|name| !known(name)).map(|name| format!("{name} does not belong at the top")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_found_everywhere() {
        for (path, text) in [
            ("host/utils/src/lib.rs", ""),
            ("host/api/src/common.rs", ""),
            ("host/api/src/helpers/mod.rs", ""),
            ("docs/misc.md", ""),
            ("host/api/src/lib.rs", "mod utils;"),
            ("host/api/src/lib.rs", "    pub(crate) mod helpers {"),
            ("host/api/src/lib.rs", "pub mod misc;"),
        ] {
            assert_eq!(empty_names(&[File::made_up(path, text)]).len(), 1, "{path} {text}");
        }
        assert!(empty_names(&[File::made_up("host/api/src/utilisation.rs", "mod commonality;")]).is_empty());
    }

    #[test]
    fn strangers_are_found() {
        assert_eq!(
            strangers_at_the_top(&["host".into(), "notes.txt".into(), "target".into()]),
            ["notes.txt does not belong at the top"]
        );
    }
}

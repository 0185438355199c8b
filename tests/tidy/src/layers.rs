//! Imports only fall: a crate of the host depends on crates below it, never on one above.

use crate::{manifests::dependencies, repository::File};

/// The crates of the host, from the top down.
const ORDER: [&str; 18] = [
    "server",
    "load",
    "api",
    "flow",
    "consensus",
    "watch",
    "admission",
    "native",
    "store",
    "auth",
    "seal",
    "audit",
    "depot",
    "archive",
    "bolt",
    "types",
    "meters",
    "failpoint",
];

/// What a crate outside of the host may use of it. The wire is a leaf, and tests drive the built program.
const OUTSIDE: [(&str, &[&str]); 2] = [("proto/", &[]), ("tests/", &[])];

/// Complains about each dependency that rises, and each crate of the host that has no place in the order.
pub(crate) fn rising_imports(files: &[File]) -> Vec<String> {
    let manifests = files.iter().filter(|file| file.is_manifest());
    manifests.flat_map(|file| rising(&file.path, &dependencies(&file.text))).collect()
}

fn rising(path: &str, dependencies: &[String]) -> Vec<String> {
    let ours = dependencies.iter().filter_map(|name| place(name).map(|at| (name, at)));
    if let Some(folder) = path.strip_prefix("host/") {
        let name = folder.split('/').next().unwrap_or(folder);
        let Some(own) = place(name) else {
            return vec![format!("{path}: {name} has no place in the order of tests/tidy/src/layers.rs")];
        };
        return ours
            .filter(|(_, at)| *at <= own)
            .map(|(other, _)| format!("{path}: {name} may not depend on {other}"))
            .collect();
    }
    let Some((_, allowed)) = OUTSIDE.iter().find(|(folder, _)| path.starts_with(folder)) else { return Vec::new() };
    ours.filter(|(other, _)| !allowed.contains(&other.as_str()))
        .map(|(other, _)| format!("{path} may not depend on {other}"))
        .collect()
}

fn place(name: &str) -> Option<usize> {
    ORDER.iter().position(|entry| *entry == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, dependency: &str) -> usize {
        let manifest = format!("[package]\nname = \"x\"\n\n[dependencies]\nbytes.workspace = true\n{dependency}\n");
        rising_imports(&[File::made_up(path, &manifest)]).len()
    }

    #[test]
    fn a_rising_import_is_found_however_it_is_written() {
        for dependency in [
            "api.workspace = true",
            "api = { workspace = true }",
            "api = { path = \"../api\" }",
            "\n[dev-dependencies.api]\npath = \"x\"",
            "\n[build-dependencies]\napi.workspace = true",
        ] {
            assert_eq!(complaints("host/store/Cargo.toml", dependency), 1, "{dependency}");
        }
    }

    #[test]
    fn falling_imports_and_others_crates_pass() {
        assert_eq!(
            complaints(
                "host/store/Cargo.toml",
                "seal.workspace = true\nrocksdb.workspace = true\nproto.workspace = true"
            ),
            0
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(complaints("host/cellar/Cargo.toml", ""), 1);
    }

    #[test]
    fn the_wire_and_the_tests_use_nothing_of_the_host() {
        assert_eq!(complaints("proto/Cargo.toml", "types.workspace = true"), 1);
        assert_eq!(complaints("tests/faults/Cargo.toml", "store.workspace = true"), 1);
    }
}

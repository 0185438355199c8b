//! All rules over the working tree.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{layers, manifests, names, served, sources};

/// Folders that hold nothing of ours: what is built, what git keeps, what `strongroom dev` leaves.
const NOT_OURS: [&str; 3] = ["target", ".git", "strongroom-dev"];

/// A file: its path from the top with `/`, and its text (empty when it is not text).
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    #[cfg(test)]
    pub(crate) fn made_up(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is a crate's manifest.
    pub(crate) fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml")
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn collect(folder: &Path, top: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if NOT_OURS.iter().any(|not_ours| name == *not_ours) {
            continue;
        }
        if path.is_dir() {
            collect(&path, top, files);
        } else {
            let relative = path.strip_prefix(top).unwrap().to_str().unwrap().replace('\\', "/");
            let text = fs::read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            files.push(File { path: relative, text });
        }
    }
}

fn files() -> Vec<File> {
    let (top, mut files) = (top(), Vec::new());
    collect(&top, &top, &mut files);
    assert!(files.len() > 50, "the repository was not found");
    files
}

fn hold(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn imports_only_fall() {
    hold(layers::rising_imports(&files()));
}

#[test]
fn names_say_what_is_inside() {
    hold(names::empty_names(&files()));
}

#[test]
fn the_top_folder_is_the_one_that_is_described() {
    let entries: Vec<_> =
        fs::read_dir(top()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    hold(names::strangers_at_the_top(&entries));
}

#[test]
fn files_are_short() {
    hold(sources::long_files(&files()));
}

#[test]
fn every_file_says_what_it_is_for() {
    hold(sources::unexplained_files(&files()));
}

#[test]
fn nothing_is_left_to_do_in_the_sources() {
    hold(sources::unfinished(&files()));
}

#[test]
fn nothing_names_a_developers_machine() {
    hold(sources::machine_paths(&files()));
}

#[test]
fn every_crate_keeps_the_common_lints() {
    hold(manifests::without_common_lints(&files()));
    hold(manifests::unsafe_host(&files()));
    hold(manifests::unsafe_guests(&files()));
}

#[test]
fn the_readme_has_a_proof_of_every_call() {
    hold(served::unproven_calls(&files()));
}

//! What stands in the sources.

use crate::repository::File;

/// Longest file in lines. Most are a third of it.
const LINES_MAX: usize = 400;

/// Files that may be longer, each with its reason.
const LONG_WITH_REASON: [(&str, &str); 0] = [];

/// Words for work that was left. Written in two parts, so that this file may be searched, too.
const LEFTOVERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("unimplem", "ented!"),
    concat!("to", "do!("),
];

/// Where developers' files lie. In two parts for the same reason. A test machine's own folders (`/tmp`) are not a developer's.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\Users"),
];

/// Complains about each Rust file that is too long, and each listed one that is not any more.
pub(crate) fn long_files(files: &[File]) -> Vec<String> {
    let lengths = files.iter().filter(|file| file.is_rust()).map(|file| (&file.path, file.text.lines().count()));
    let listed = |path: &str| LONG_WITH_REASON.iter().any(|(long, _)| *long == path);
    let wrong = lengths.filter(|(path, lines)| (*lines > LINES_MAX) != listed(path));
    wrong
        .map(|(path, lines)| {
            format!("{path} has {lines} lines; the bound is {LINES_MAX}, exceptions are listed in tests/tidy")
        })
        .collect()
}

/// Complains about each Rust file without a `//!` at its top. The tests of a file may lie beside it without one.
pub(crate) fn unexplained_files(files: &[File]) -> Vec<String> {
    let silent = |file: &&File| {
        file.is_rust() && !file.path.ends_with("_tests.rs") && !file.text.lines().any(|line| line.starts_with("//! "))
    };
    files.iter().filter(silent).map(|file| format!("{} does not say what it is for", file.path)).collect()
}

/// Complains about each line that leaves work to do.
pub(crate) fn unfinished(files: &[File]) -> Vec<String> {
    complain(files.iter().filter(|file| is_source(file)), &LEFTOVERS, "is left to do")
}

/// Complains about each absolute path of somebody's machine.
pub(crate) fn machine_paths(files: &[File]) -> Vec<String> {
    complain(files.iter().filter(|file| !file.path.ends_with("Cargo.lock")), &MACHINE_PATHS, "is a path of one machine")
}

fn is_source(file: &File) -> bool {
    [".rs", ".toml", ".proto", ".wit", ".sh", "Makefile"].iter().any(|end| file.path.ends_with(end))
}

fn complain<'a>(files: impl Iterator<Item = &'a File>, words: &[&str], what: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(**word));
            complaints.extend(found.map(|word| format!("{}:{}: {word} {what}", file.path, number + 1)));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let file = |lines: usize| File::made_up("host/x/src/lib.rs", &"//! x\n".repeat(lines));
        assert_eq!(long_files(&[file(LINES_MAX + 1)]).len(), 1);
        assert!(long_files(&[file(LINES_MAX), File::made_up("Cargo.lock", &"x\n".repeat(9999))]).is_empty());
    }

    #[test]
    fn a_file_without_a_purpose_is_found() {
        assert!(unexplained_files(&[File::made_up("a_tests.rs", "use super::*;\n")]).is_empty());
        assert_eq!(unexplained_files(&[File::made_up("a.rs", "fn main() {}\n")]).len(), 1);
        assert!(unexplained_files(&[File::made_up("a.rs", "//! A program.\n"), File::made_up("a.md", "")]).is_empty());
    }

    #[test]
    fn leftovers_are_found_with_their_line() {
        for word in LEFTOVERS {
            let found = unfinished(&[File::made_up("a.rs", &format!("fn a() {{\n    // {word} later\n}}\n"))]);
            assert!(found.first().is_some_and(|first| first.starts_with("a.rs:2: ")), "{word}: {found:?}");
        }
        assert!(unfinished(&[File::made_up("CHANGELOG.md", LEFTOVERS[0])]).is_empty(), "prose may speak of it");
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for path in MACHINE_PATHS {
            assert_eq!(machine_paths(&[File::made_up("README.md", &format!("see {path}somebody"))]).len(), 1, "{path}");
        }
        assert!(
            machine_paths(&[File::made_up("a.rs", "let path = \"/tmp/x\"; let url = \"/registry/pods\";")]).is_empty()
        );
    }
}

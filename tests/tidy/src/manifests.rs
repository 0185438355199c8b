//! What the manifests say: dependencies and lints.

use crate::repository::File;

/// The lint that may nowhere be missing.
const FORBIDDEN_UNSAFE: &str = "unsafe_code = \"forbid\"";

/// The names in all dependency tables of a manifest.
pub(crate) fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let (parent, name) = table.rsplit_once('.').unwrap_or(("", table));
            inside = is_dependency_table(table);
            if is_dependency_table(parent) {
                names.push(name.to_owned());
            }
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or(line);
            names.push(name.trim_matches('"').to_owned());
        }
    }
    names
}

/// Tables of the workspace only give versions: they are no dependency of any crate.
fn is_dependency_table(table: &str) -> bool {
    table != "workspace.dependencies"
        && ["dependencies", "dev-dependencies", "build-dependencies"]
            .iter()
            .any(|kind| table == *kind || table.ends_with(&format!(".{kind}")))
}

/// The crate that may, in one place: `deny` there makes each exception stand out.
const ALLOWED_UNSAFE: (&str, &str) = ("host/native/Cargo.toml", "unsafe_code = \"deny\"");

/// Crates outside of the workspace. Their glue is generated and unsafe, so a lint cannot forbid it; what is written by hand is
/// searched instead, and what is built from them runs in a sandbox.
const GUESTS: [&str; 2] = ["plugins/", "sdk/rust/"];

/// Their allocator, which cannot be written otherwise.
const UNSAFE_GUEST: &str = "sdk/rust/src/heap.rs";

/// Complains about a crate that does not take the workspace's lints, and about a workspace whose lints do not forbid unsafe code.
pub(crate) fn without_common_lints(files: &[File]) -> Vec<String> {
    let careless = |file: &&File| {
        let lines: Vec<_> = file.text.lines().map(str::trim).collect();
        let follows = lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]);
        let excepted = file.path == ALLOWED_UNSAFE.0 && lines.contains(&ALLOWED_UNSAFE.1);
        !follows && !excepted && !lines.contains(&FORBIDDEN_UNSAFE)
    };
    let manifests = files.iter().filter(|file| file.is_manifest() && !is_of_a_guest(file));
    manifests.filter(careless).map(|file| format!("{}: unsafe code is not forbidden", file.path)).collect()
}

/// Complains when more than one place of the host asks for unsafe code.
pub(crate) fn unsafe_host(files: &[File]) -> Vec<String> {
    let asks = |file: &&File| file.is_rust() && file.path.starts_with("host/");
    let lines = files.iter().filter(asks).flat_map(|file| file.text.lines().map(move |line| (file, line.trim())));
    let bad: Vec<_> =
        lines.filter(|(_, line)| line.contains("(unsafe_code")).map(|(file, _)| file.path.clone()).collect();
    if bad.len() > 1 { bad } else { Vec::new() }
}

/// Complains about each line of a guest's own sources that is unsafe.
pub(crate) fn unsafe_guests(files: &[File]) -> Vec<String> {
    let sources = files.iter().filter(|file| file.is_rust() && is_of_a_guest(file) && file.path != UNSAFE_GUEST);
    let lines = sources.flat_map(|file| file.text.lines().map(move |line| (file, line.trim())));
    let bad = lines.filter(|(_, line)| {
        !line.starts_with("//") && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    });
    bad.map(|(file, line)| format!("{}: {line}", file.path)).collect()
}

fn is_of_a_guest(file: &File) -> bool {
    GUESTS.iter().any(|folder| file.path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_dependency_tables_are_read() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb.workspace = true\n# c = \"1\"\n\n[dev-dependencies]\n\
                        d-e = { path = \"x\" }\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n[dependencies.g]\nversion = \"1\"\n[lints]\n\
                        workspace = true\n";
        assert_eq!(dependencies(manifest), ["a", "b", "d-e", "f", "g"]);
        assert!(dependencies("[workspace.dependencies]\na = \"1\"\n").is_empty());
    }

    #[test]
    fn an_unsafe_guest_is_found() {
        let made_up = |path, text| unsafe_guests(&[File::made_up(path, text)]).len();
        assert_eq!(made_up("plugins/x/src/lib.rs", "    unsafe { f() }"), 1);
        assert_eq!(made_up("sdk/rust/src/lib.rs", "pub unsafe fn f();"), 1);
        assert_eq!(made_up("sdk/rust/src/lib.rs", "// nothing unsafe here\nfn unsafe_sounding() {}"), 0);
    }

    #[test]
    fn a_second_unsafe_place_of_the_host_is_found() {
        let place = |path| File::made_up(path, "    #[expect(unsafe_code, reason = \"x\")]");
        assert!(unsafe_host(&[place("host/native/src/lib.rs")]).is_empty());
        assert_eq!(unsafe_host(&[place("host/native/src/lib.rs"), place("host/x/src/lib.rs")]).len(), 2);
    }

    #[test]
    fn a_crate_without_lints_is_found() {
        let made_up = |text| without_common_lints(&[File::made_up("host/x/Cargo.toml", text)]).len();
        assert_eq!(made_up("[package]\nname = \"x\"\n"), 1);
        assert_eq!(made_up("[package]\n[lints]\nworkspace = false\n"), 1);
        assert_eq!(made_up("[package]\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(made_up("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"), 0);
        assert_eq!(made_up("[workspace.lints.rust]\nunsafe_code = \"warn\"\n"), 1);
    }
}

//! `strongroom plugin new`: a folder with a plugin that works, its cases, and the SDK that it is built with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};

use crate::cli::client::ClientError;

/// Folders of the SDKs, as far as a plugin is built with them.
static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/rust/src");
static GO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/go");
static JS_SOURCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/js/src");
static JS_TOOLS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/js/bin");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/python/src");
static C: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/c");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/wit");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/templates");

const RUST_MANIFEST: &[u8] = include_bytes!("../../../../../sdk/rust/Cargo.toml");
const JS_MANIFEST: &[u8] = include_bytes!("../../../../../sdk/js/package.json");
const JS_LOCK: &[u8] = include_bytes!("../../../../../sdk/js/package-lock.json");

/// Ending of the files that a plugin is made of; without it they would be taken for sources of this project.
const TEMPLATE: &str = "template";

/// What builds and tests leave behind.
const LITTER: [&str; 3] = ["__pycache__", "node_modules", "tests"];

/// `plugin new`.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Name of the plugin, and of the folder to make: small letters, digits and hyphens
    name: String,
    /// Language to write it in
    #[arg(long, value_enum)]
    lang: Language,
}

/// Languages with an SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Rust
    Rust,
    /// Go
    Go,
    /// JavaScript or TypeScript
    Js,
    /// Python
    Python,
    /// C
    C,
}

impl New {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: also when there is something of that name.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        self.make(Path::new("."))
    }

    fn make(&self, within: &Path) -> Result<(), ClientError> {
        let folder = within.join(&self.name);
        if !admission::is_name(&self.name) {
            let reason = "use small letters, digits and hyphens, beginning with a letter".to_owned();
            return Err(ClientError::Unusable { path: folder, reason });
        }
        fs::create_dir(&folder).map_err(unwritable(&folder))?;
        for entry in TEMPLATES.files() {
            let place = match entry.path().to_string_lossy().as_ref() {
                "gitignore.template" => ".gitignore".into(),
                "cases.yaml.template" => "cases/verdicts.yaml".into(),
                other => PathBuf::from(other).with_extension(""),
            };
            self.fill(&folder.join(place), entry.contents())?;
        }
        let own = TEMPLATES.get_dir(self.lang.name()).expect("there is a template for each language");
        self.copy(own, own.path(), &folder)?;
        self.lang
            .sdk()
            .into_iter()
            .try_for_each(|(place, dir)| self.copy(dir, Path::new(""), &folder.join("sdk").join(place)))?;
        self.lang.files().into_iter().try_for_each(|(place, bytes)| write(&folder.join("sdk").join(place), bytes))
    }

    fn copy(&self, dir: &Dir<'_>, root: &Path, to: &Path) -> Result<(), ClientError> {
        for entry in dir.entries() {
            let place = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let litters = LITTER.iter().any(|name| entry.path().file_name().is_some_and(|found| found == *name));
            match entry {
                DirEntry::Dir(_) if litters => {}
                DirEntry::Dir(inner) => self.copy(inner, root, to)?,
                DirEntry::File(file) if place.extension().is_some_and(|ending| ending == TEMPLATE) => {
                    self.fill(&to.join(place.with_extension("")), file.contents())?;
                }
                DirEntry::File(file) => write(&to.join(place), file.contents())?,
            }
        }
        Ok(())
    }

    /// Writes a file of the template with the plugin's name in it.
    fn fill(&self, path: &Path, template: &[u8]) -> Result<(), ClientError> {
        let text = String::from_utf8_lossy(template);
        let text = text.replace("{{name}}", &self.name).replace("{{module}}", &self.name.replace('-', "_"));
        write(path, text.replace("{{needs}}", self.lang.needs()).as_bytes())
    }
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Js => "js",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// What a machine needs to build one.
    fn needs(self) -> &'static str {
        match self {
            Self::Rust => "needs: rustup target add wasm32-unknown-unknown",
            Self::Go => "needs: Go 1.26",
            Self::Js => "needs: Node.js 20 or later, npm",
            Self::Python => "needs: Python 3.11 or later with venv, Node.js 20 or later, npm",
            Self::C => "needs: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32",
        }
    }

    fn sdk(self) -> Vec<(&'static str, &'static Dir<'static>)> {
        let mut folders = vec![("wit", &WIT)];
        folders.extend(match self {
            Self::Rust => vec![("rust/src", &RUST)],
            Self::Go => vec![("go", &GO)],
            Self::Js => vec![("js/src", &JS_SOURCE), ("js/bin", &JS_TOOLS)],
            Self::Python => vec![("python/src", &PYTHON)],
            Self::C => vec![("c", &C)],
        });
        folders
    }

    fn files(self) -> Vec<(&'static str, &'static [u8])> {
        match self {
            Self::Rust => vec![("rust/Cargo.toml", RUST_MANIFEST)],
            Self::Js => vec![("js/package.json", JS_MANIFEST), ("js/package-lock.json", JS_LOCK)],
            Self::Go | Self::Python | Self::C => Vec::new(),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let failed = unwritable(path);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)).map_err(&failed)?;
    if path.extension().is_some_and(|ending| ending == "sh") {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(&failed)?;
    }
    Ok(())
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> ClientError {
    let path = path.to_owned();
    move |source| ClientError::Unwritable { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn each_language_gets_a_folder_that_names_the_plugin() {
        let within = tempfile::tempdir().unwrap();
        for lang in Language::value_variants() {
            let new = New { name: format!("my-{}", lang.name()), lang: *lang };
            new.make(within.path()).unwrap();
            let folder = within.path().join(&new.name);
            let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
            assert!(read("README.md").contains(&new.name));
            assert!(read("cases/verdicts.yaml").contains("cases:"));
            assert!(read("sdk/wit/admission.wit").contains("package strongroom:admission"));
            let build = folder.join("build.sh");
            assert_eq!(fs::metadata(&build).unwrap().permissions().mode() & 0o111, 0o111);
            let filled = [read("README.md"), read("build.sh"), read(".gitignore")].concat();
            assert!(!filled.contains("{{"), "a place that was not filled");
            let again = new.make(within.path()).unwrap_err().to_string();
            assert!(again.contains("exists"), "nothing is overwritten: {again}");
        }
    }

    #[test]
    fn a_name_is_not_a_path() {
        let within = tempfile::tempdir().unwrap();
        for name in ["../x", "a/b", "", "X"] {
            let new = New { name: name.to_owned(), lang: Language::C };
            assert!(new.make(within.path()).unwrap_err().to_string().contains("small letters"), "{name:?}");
        }
    }
}

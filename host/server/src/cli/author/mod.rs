//! `strongroom plugin new|pack|inspect|test|bench|keygen|sign`: for a plugin's author, with the engine of a member and without one.

mod bench;
mod cases;
mod new;
mod pack;
mod sign;

use std::path::{Path, PathBuf};

use admission::{AdmissionError, Engine, Trial};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::client::{ClientError, read};
use super::table::{Format, Table, print};

pub(crate) use bench::Bench;
pub(crate) use cases::Test;
pub(crate) use new::New;
pub(crate) use pack::Pack;
pub(crate) use sign::{Keygen, Sign, signature_of};

/// `plugin inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// A WebAssembly component that implements the plugin contract
    file: PathBuf,
    #[command(flatten)]
    settings: SettingsFile,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// The plugin's settings.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingsFile {
    /// File with the plugin's settings, in a form of its own
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    name: String,
    version: String,
    prefixes: Vec<String>,
    operations: Vec<&'static str>,
    imports: Vec<String>,
    component_bytes: usize,
    digest: String,
}

/// What can be told of a component that is refused.
#[derive(Serialize)]
struct RefusedDocument {
    /// Those that it is refused for.
    imports: Vec<String>,
    component_bytes: usize,
    digest: String,
}

impl Inspect {
    /// Prints what the component says of itself; of one that imports what it may not, what it is. Settings are only asked about where
    /// some were given.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: what a member would refuse it for, above all.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let component = read(&self.file)?;
        let settings = self.settings.is_given().then(|| self.settings.read()).transpose()?;
        match Engine::new()?.try_out(&component, settings.as_deref()) {
            Ok(trial) => self.show(&component, &trial),
            Err(error) => {
                if let AdmissionError::ForbiddenImport { imports } = &error {
                    self.show_refused(&component, imports.clone())?;
                }
                Err(error.into())
            }
        }
    }

    fn show(&self, component: &[u8], trial: &Trial) -> Result<(), ClientError> {
        let told = &trial.description;
        let operations = [(told.operations.put, "put"), (told.operations.delete, "delete")];
        let document = Document {
            name: told.name.clone(),
            version: told.version.clone(),
            prefixes: told.prefixes.iter().map(|prefix| String::from_utf8_lossy(prefix).into_owned()).collect(),
            operations: operations.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect(),
            imports: trial.imports(),
            component_bytes: component.len(),
            digest: sha256(component),
        };
        let table = fields([
            ("name", document.name.clone()),
            ("version", document.version.clone()),
            ("prefixes", document.prefixes.join(",")),
            ("operations", document.operations.join(",")),
            ("imports", if document.imports.is_empty() { "nothing".to_owned() } else { document.imports.join(",") }),
            ("component_bytes", document.component_bytes.to_string()),
            ("digest", document.digest.clone()),
        ]);
        Ok(print(self.output, &document, &table)?)
    }

    fn show_refused(&self, component: &[u8], imports: Vec<String>) -> Result<(), ClientError> {
        let document = RefusedDocument { imports, component_bytes: component.len(), digest: sha256(component) };
        let table = fields([
            ("imports", document.imports.join(",")),
            ("component_bytes", document.component_bytes.to_string()),
            ("digest", document.digest.clone()),
        ]);
        Ok(print(self.output, &document, &table)?)
    }
}

fn sha256(component: &[u8]) -> String {
    hex::encode(digest(&SHA256, component))
}

fn fields<const COUNT: usize>(fields: [(&'static str, String); COUNT]) -> Table {
    let mut table = Table::new(&["FIELD", "VALUE"]);
    for (field, value) in fields {
        table.row(vec![field.to_owned(), value]);
    }
    table
}

impl SettingsFile {
    /// Whether settings were given at all.
    pub(crate) fn is_given(&self) -> bool {
        self.settings.is_some()
    }

    /// The settings; empty for none.
    ///
    /// # Errors
    ///
    /// [`ClientError::File`].
    pub(crate) fn read(&self) -> Result<String, ClientError> {
        let Some(path) = &self.settings else { return Ok(String::new()) };
        std::fs::read_to_string(path).map_err(|source| ClientError::File { path: path.clone(), source })
    }
}

/// The component in this file, ready to review.
fn try_out(path: &Path, settings: &str) -> Result<Trial, ClientError> {
    Ok(Engine::new()?.try_out(&read(path)?, Some(settings))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect(component: Vec<u8>, settings: Option<&str>) -> Result<(), ClientError> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let settings = SettingsFile { settings: settings.map(|text| write("settings", text.as_bytes())) };
        Inspect { file: write("p.wasm", &component), settings, output: Format::Json }.run()
    }

    #[test]
    fn settings_are_asked_about_where_some_are_given() {
        inspect(guests::needing_settings(), None).unwrap();
        inspect(guests::needing_settings(), Some("x")).unwrap();
        let refused = inspect(guests::needing_settings(), Some("")).unwrap_err().to_string();
        assert!(refused.contains("give me some"), "{refused}");
    }

    #[test]
    fn a_component_that_imports_what_it_may_not_is_refused() {
        let refused = inspect(guests::foreign_import(), None).unwrap_err();
        assert!(matches!(refused, ClientError::Plugin(AdmissionError::ForbiddenImport { .. })), "{refused}");
    }
}

//! `strongroom plugin new|pack|inspect|test|bench|keygen|sign`: for a plugin's author, with the engine of a member and without one.

mod bench;
mod cases;
mod new;
mod pack;
mod sign;

use std::path::{Path, PathBuf};

use admission::{Engine, Trial};
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

impl Inspect {
    /// Prints what the component says of itself.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: what a member would refuse it for, above all.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let component = read(&self.file)?;
        let trial = Engine::new()?.try_out(&component, &self.settings.read()?)?;
        let told = &trial.description;
        let operations = [(told.operations.put, "put"), (told.operations.delete, "delete")];
        let document = Document {
            name: told.name.clone(),
            version: told.version.clone(),
            prefixes: told.prefixes.iter().map(|prefix| String::from_utf8_lossy(prefix).into_owned()).collect(),
            operations: operations.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect(),
            imports: trial.imports(),
            component_bytes: component.len(),
            digest: hex::encode(digest(&SHA256, &component)),
        };
        let mut table = Table::new(&["FIELD", "VALUE"]);
        for (field, value) in [
            ("name", document.name.clone()),
            ("version", document.version.clone()),
            ("prefixes", document.prefixes.join(",")),
            ("operations", document.operations.join(",")),
            ("imports", if document.imports.is_empty() { "nothing".to_owned() } else { document.imports.join(",") }),
            ("component_bytes", document.component_bytes.to_string()),
            ("digest", document.digest.clone()),
        ] {
            table.row(vec![field.to_owned(), value]);
        }
        Ok(print(self.output, &document, &table)?)
    }
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
    Ok(Engine::new()?.try_out(&read(path)?, settings)?)
}

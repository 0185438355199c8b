//! `strongroom plugin pack`: from what a compiler wrote to a component.

use std::path::PathBuf;

use crate::cli::client::{ClientError, read};

/// `plugin pack`.
#[derive(Debug, clap::Args)]
pub(crate) struct Pack {
    /// What the compiler wrote: a core module, whose calls of WASI are answered within the component, or a component
    file: PathBuf,
    /// Where to write the component [default: FILE with the ending .component.wasm]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Pack {
    /// Writes the component, which fits the contract by then.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let unusable = |reason: String| ClientError::Unusable { path: self.file.clone(), reason };
        let component = componentize::pack(read(&self.file)?).map_err(|error| unusable(error.to_string()))?;
        let output = self.output.clone().unwrap_or_else(|| self.file.with_extension("component.wasm"));
        let written = std::fs::write(&output, component);
        written.map_err(|source| ClientError::Unwritable { path: output, source })
    }
}

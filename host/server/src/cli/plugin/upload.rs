//! A component and its signature, from files.

use std::path::{Path, PathBuf};

use crate::cli::author::signature_of;
use crate::cli::client::{ClientError, read};

/// What is uploaded.
#[derive(Debug, clap::Args)]
pub(super) struct Upload {
    /// A WebAssembly component that implements the plugin contract
    pub(super) file: PathBuf,
    /// Its signature, which members with --plugin-trusted-keys ask for [default: FILE.sig, if there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// What is in its files.
pub(super) struct Uploaded {
    pub(super) component: Vec<u8>,
    /// Empty for none.
    pub(super) signature: Vec<u8>,
}

impl Upload {
    /// # Errors
    ///
    /// [`ClientError::File`].
    pub(super) fn read(&self) -> Result<Uploaded, ClientError> {
        let beside = signature_of(&self.file);
        let signature = match &self.signature {
            Some(file) => read(file)?,
            None if beside.exists() => read(&beside)?,
            None => Vec::new(),
        };
        Ok(Uploaded { component: read(&self.file)?, signature })
    }

    /// Compilers put underscores where names of plugins have hyphens.
    pub(super) fn plugin_name(&self) -> String {
        name_of(&self.file)
    }
}

fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_as_its_file_is() {
        assert_eq!(name_of(Path::new("target/release/no_secrets.wasm")), "no-secrets");
    }
}

//! What is to be sealed and where the root key comes from, as the operator writes it.
//!
//! ```yaml
//! provider:
//!   key-file:
//!     path: keys/root.key
//! prefixes:
//!   - /registry/secrets/
//! ```

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{KeyFile, RootKeyProvider, SealError};

/// Largest configuration file in bytes: every prefix at its longest fits twice.
pub const CONFIG_BYTES_MAX: usize = 128 * 1024;

/// Most sealed prefixes. Each key is matched against each of them; more would show in the latency of a put.
pub const PREFIXES_MAX: usize = 64;

/// Longest sealed prefix in bytes; Kubernetes' longest resource prefixes have under 200.
pub const PREFIX_BYTES_MAX: usize = 1024;

/// The seal configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SealConfig {
    /// Where the root key comes from.
    pub provider: ProviderConfig,
    /// The prefixes to seal.
    pub prefixes: Vec<String>,
}

/// Where the root key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProviderConfig {
    /// From a file on this machine.
    KeyFile(KeyFileConfig),
}

/// A root key in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyFileConfig {
    /// Where it is; relative to the configuration file. Once loaded it is as the process would open it.
    pub path: PathBuf,
}

impl SealConfig {
    /// Reads and checks a configuration file. The key file is not looked at.
    ///
    /// # Errors
    /// [`SealError::Io`], or [`SealError::Config`] with every mistake in it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SealError> {
        let path = path.as_ref();
        let text = read(path).map_err(|source| SealError::io("reading seal configuration", path, source))?;
        let wrong = |problems| SealError::Config { path: path.to_owned(), problems };
        if text.len() > CONFIG_BYTES_MAX {
            return Err(wrong(vec![format!("it is longer than {CONFIG_BYTES_MAX} bytes")]));
        }
        let mut config = parse(&text).map_err(|problem| wrong(vec![problem]))?;
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(wrong(problems));
        }
        config.provider.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.provider.problems();
        if self.prefixes.len() > PREFIXES_MAX {
            problems.push(format!("prefixes: there are {}, at most {PREFIXES_MAX} are allowed", self.prefixes.len()));
        }
        for (at, prefix) in self.prefixes.iter().enumerate() {
            if prefix.is_empty() {
                problems.push(format!("prefixes[{at}]: it is empty and would seal everything"));
            } else if prefix.len() > PREFIX_BYTES_MAX {
                problems.push(format!("prefixes[{at}]: it is longer than {PREFIX_BYTES_MAX} bytes"));
            } else if self.prefixes[..at].contains(prefix) {
                problems.push(format!("prefixes[{at}]: {prefix:?} is given twice"));
            }
        }
        problems
    }
}

impl ProviderConfig {
    /// Opens the provider.
    ///
    /// # Errors
    /// Those of [`KeyFile::open`].
    pub fn open(&self) -> Result<Box<dyn RootKeyProvider>, SealError> {
        match self {
            Self::KeyFile(config) => Ok(Box::new(KeyFile::open(&config.path)?)),
        }
    }

    fn problems(&self) -> Vec<String> {
        match self {
            Self::KeyFile(config) if config.path.as_os_str().is_empty() => {
                vec!["provider.key-file.path: it is empty".to_owned()]
            }
            Self::KeyFile(_) => Vec::new(),
        }
    }

    fn resolve(&mut self, base: &Path) {
        match self {
            Self::KeyFile(config) => config.path = base.join(&config.path),
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(CONFIG_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// The parser's own sentence, without the excerpt of the file that it would draw below.
fn parse(text: &[u8]) -> Result<SealConfig, String> {
    serde_saphyr::from_slice(text).map_err(|error| error.without_snippet().to_string())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

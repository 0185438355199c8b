//! What is to be sealed and where root keys come from, as the operator writes it.
//!
//! The file has one of two forms. Ours:
//!
//! ```yaml
//! providers:                         # for a single one: `provider:` with its content, without a name
//!   - name: main
//!     key-file: { path: keys/root.key }   # relative to this file
//!   - name: unit
//!     systemd-credential: { name: strongroom-root }
//!   - name: cloud
//!     kms: { endpoint: "unix:///run/kms/plugin.sock", timeout: 3s }
//! default-provider: main             # wraps new data keys where a prefix does not say; without it the first
//! when-unavailable: serve-rest       # or refuse-to-start, while a provider does not answer
//! recovery:                          # further wraps of each new data key
//!   - strongroom-recovery-v1:sample
//! prefixes:
//!   - /registry/secrets/
//!   - prefix: /registry/configmaps/
//!     provider: cloud
//!     rotate-after: 90d              # the age of a data key, and
//!     rotate-after-uses: 1000000     # its uses, whichever comes first
//!     pad-to: [256, 1024, 4096]      # bytes
//!   - prefix: /registry/secrets/public/
//!     sealed: false                  # an exception within a sealed prefix
//! ```
//!
//! A member that is not to have root keys says `provider: none`. The other form is the file that kube-apiserver reads:
//!
//! ```yaml
//! apiVersion: apiserver.config.k8s.io/v1
//! kind: EncryptionConfiguration
//! resources:
//!   - resources: [secrets, pandas.awesome.bears.example]
//!     providers:
//!       - kms: { apiVersion: v2, name: cloud, endpoint: "unix:///run/kms/plugin.sock" }
//!       - secretbox:
//!           keys:
//!             - name: key1
//!               secret: c2FtcGxlIGtleSwgbmV2ZXIgdXNlIHRoaXMgb25lISE=
//!   - resources: ["*.*"]
//!     providers:
//!       - identity: {}
//! ```
//!
//! As written, a file is a tree (`node`) with places (`section`); as resolved, a [`SealConfig`]. Between them lie `own` and
//! `kubernetes`. No mistake quotes a value that could be a key.

mod endpoint;
mod kubernetes;
mod node;
mod open;
mod own;
mod provider;
mod section;
mod time;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

pub(crate) use kubernetes::KubernetesPlugin;
pub use kubernetes::{EncryptionConfig, KubernetesKey, KubernetesKeyKind};
use node::Node;
pub use provider::{CredentialConfig, KeyFileConfig, KmsConfig, NamedProvider, ProviderConfig};
use section::{Problems, Section};
pub use time::parse_period;

use crate::{SealError, SealRule};

/// Largest configuration file in bytes: every prefix at its longest fits.
pub const CONFIG_BYTES_MAX: usize = 128 * 1024;

/// Most prefixes with a rule. Each key is matched against each of them; more would show in the latency of a put.
pub const PREFIXES_MAX: usize = 64;

/// Longest prefix with a rule in bytes; Kubernetes' longest resource prefixes have under 200.
pub const PREFIX_BYTES_MAX: usize = 1024;

/// Most providers. A rotation of root keys needs two; each is opened at every start.
pub const PROVIDERS_MAX: usize = 32;

/// Most recovery recipients. Each adds a wrap to every data key of the replicated keyring.
pub const RECOVERY_MAX: usize = 8;

/// Permission bits of group and others, who may not read a file with keys in it.
const MODE_OF_OTHERS: u32 = 0o077;

/// The seal configuration of a member.
#[derive(Clone, PartialEq, Eq)]
pub struct SealConfig {
    /// Where root keys come from; none on a member that is to be keyless.
    pub providers: Vec<NamedProvider>,
    /// Name of the provider that wraps new data keys where a rule does not say; without it the first one.
    pub default_provider: Option<String>,
    /// What a start does while a provider does not answer.
    pub when_unavailable: WhenUnavailable,
    /// Recipients of a further wrap of each new data key, as text.
    pub recovery: Vec<String>,
    /// What is done with which prefix.
    pub rules: Vec<SealRule>,
}

/// What a start does while a provider, such as a KMS, does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnavailable {
    /// It goes on without that provider's keys and serves everything else meanwhile.
    #[default]
    ServeRest,
    /// It fails.
    RefuseToStart,
}

impl SealConfig {
    /// Reads and checks a configuration file. What it names, such as key files, is not looked at.
    ///
    /// # Errors
    /// [`SealError::Io`], or [`SealError::Config`] with every mistake in it, each with its place.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SealError> {
        load_with(path.as_ref(), resolve, Self::holds_keys)
    }

    /// The provider of that name; the default one for the empty name, as rules have it.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&NamedProvider> {
        let name = if name.is_empty() { self.default_provider.as_deref() } else { Some(name) };
        match name {
            Some(name) => self.providers.iter().find(|provider| provider.name == name),
            None => self.providers.first(),
        }
    }

    fn holds_keys(&self) -> bool {
        self.providers.iter().any(|provider| matches!(provider.kind, ProviderConfig::Kubernetes(_)))
    }
}

impl fmt::Debug for SealConfig {
    /// Recovery recipients are counted only: what was pasted there by mistake may be the secret half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealConfig")
            .field("providers", &self.providers)
            .field("default_provider", &self.default_provider)
            .field("when_unavailable", &self.when_unavailable)
            .field("recovery", &self.recovery.len())
            .field("rules", &self.rules)
            .finish()
    }
}

/// The text and the permission bits, both of the open file.
fn read(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    let most = CONFIG_BYTES_MAX + 1;
    // Room for everything at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * most));
    file.take(most as u64).read_to_end(&mut text)?;
    Ok((text, mode))
}

/// How the sections of a file, in a folder, become a configuration.
type Resolve<C> = fn(Section, &Path, &mut Problems) -> C;

/// Reads and checks a file. One with keys in it is held to what a key file is held to.
fn load_with<C>(path: &Path, resolve: Resolve<C>, holds_keys: fn(&C) -> bool) -> Result<C, SealError> {
    let (text, mode) = read(path).map_err(|source| SealError::io("reading seal configuration", path, source))?;
    let base = path.parent().unwrap_or(Path::new(""));
    let config = parse_with(&text, base, resolve).and_then(|config| {
        if holds_keys(&config) && mode & MODE_OF_OTHERS != 0 {
            return Err(vec![format!("it holds keys and has mode {mode:04o}; make it 0600 or 0400")]);
        }
        Ok(config)
    });
    config.map_err(|problems| SealError::Config { path: path.to_owned(), problems })
}

#[cfg(test)]
fn parse(text: &[u8], base: &Path) -> Result<SealConfig, Vec<String>> {
    parse_with(text, base, resolve)
}

fn parse_with<C>(text: &[u8], base: &Path, resolve: Resolve<C>) -> Result<C, Vec<String>> {
    if text.len() > CONFIG_BYTES_MAX {
        return Err(vec![format!("it is longer than {CONFIG_BYTES_MAX} bytes")]);
    }
    let root = Node::parse(text).map_err(|problem| vec![problem])?;
    let mut problems = Problems::default();
    match Section::of(root, String::new(), &mut problems) {
        Some(file) => {
            let config = resolve(file, base, &mut problems);
            problems.unless_any(config)
        }
        None => Err(vec!["it must be a section of keys and values, and not empty".to_owned()]),
    }
}

fn resolve(file: Section, base: &Path, problems: &mut Problems) -> SealConfig {
    if file.holds("kind") || file.holds("apiVersion") {
        kubernetes::read(file, problems)
    } else {
        own::read(file, base, problems)
    }
}

#[cfg(test)]
mod secrecy_tests;
#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

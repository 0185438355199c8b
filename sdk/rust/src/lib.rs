//! Write an admission plugin for Strongroom in Rust: one type, one function.
//!
//! A plugin looks at a write before it enters the store and allows it, denies it, or changes it. It is compiled to a
//! WebAssembly component that can reach nothing: no files, no network, no clock. It has [`settings`], a [`log`] that
//! administrators read, and with [`get`] and [`list`] the keys that it was granted to read. [`kubernetes`] reads what
//! the API server stores. Every call runs in a fresh instance, so a `static` does not outlive the review,
//! unless the administrator has instances reused. A panic
//! counts as a failed review, which denies the write unless the administrator chose otherwise.
//!
//! This crate is *not* the contract (that is `sdk/wit/admission.wit`); it only spells it in Rust.
//!
//! # A complete plugin
//!
//! `Cargo.toml`; the package's name and version become the plugin's:
//!
//! ```toml
//! [package]
//! name = "no-latest-tag"
//! version = "0.1.0"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib", "lib"]
//!
//! [dependencies]
//! strongroom-plugin = { path = "../../sdk/rust" }
//! ```
//!
//! `src/lib.rs`:
//!
//! ```
//! use strongroom_plugin::{Operations, Policy, Request, Verdict};
//!
//! struct NoLatestTag;
//!
//! impl Policy for NoLatestTag {
//!     const PREFIXES: &'static [&'static [u8]] = &[b"/registry/pods/"];
//!     const OPERATIONS: Operations = Operations::PUT;
//!
//!     fn review(request: &Request) -> Verdict {
//!         let value = request.value.as_deref().unwrap_or_default();
//!         if value.windows(7).any(|part| part == b":latest") {
//!             return Verdict::deny("latest-tag", "name the version of the image instead of :latest");
//!         }
//!         Verdict::allow()
//!     }
//! }
//!
//! strongroom_plugin::export!(NoLatestTag);
//!
//! // The policy is plain Rust, so its tests run natively.
//! let mut request = Request::put(b"/registry/pods/default/web", b"image: web:latest");
//! assert_eq!(NoLatestTag::review(&request).denial().unwrap().code, "latest-tag");
//! request.value = Some(b"image: web:1.2".to_vec());
//! assert!(NoLatestTag::review(&request).is_allowed());
//! ```
//!
//! Then `rustup target add wasm32-unknown-unknown`, `cargo build --release --target wasm32-unknown-unknown`, and
//! `componentize` on what comes out; `plugins/build.sh` does the three for every folder under `plugins/`.

#![deny(unsafe_code)]
#![warn(missing_docs)]

#[doc(hidden)]
pub mod bindings;

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "an allocator is")]
mod heap;
mod host;
pub mod kubernetes;

pub use bindings::exports::strongroom::admission::policy::{
    Caller, Decision, Denial, Description, Mode, Operation, Operations, Request, Verdict,
};
pub use host::{Entry, Level, Listing, ReadError, get, list, log, set_settings, set_store, settings};

/// An admission policy.
pub trait Policy {
    /// Keys that begin with one of these are reviewed. The administrator may choose others at installation.
    const PREFIXES: &'static [&'static [u8]];

    /// The operations that are reviewed.
    const OPERATIONS: Operations;

    /// Whether the plugin can work with these settings, and if not, why. Without a word about it, a plugin has none.
    ///
    /// # Errors
    /// What is wrong with them, for the administrator who gave them.
    fn validate_settings(settings: &str) -> Result<(), String> {
        if settings.is_empty() { Ok(()) } else { Err("this plugin has no settings".to_owned()) }
    }

    /// Reviews one write.
    ///
    /// A transaction is reviewed write by write; see [`Request::in_txn`].
    fn review(request: &Request) -> Verdict;
}

impl Verdict {
    /// Lets the write pass.
    #[must_use]
    pub fn allow() -> Self {
        Self::of(Decision::Allow)
    }

    /// Refuses the write.
    ///
    /// `code` is for programs: lowercase letters, digits and hyphens, at most 64 bytes. `message` is for people: one
    /// line, cut off after 1 KiB. Neither may quote the value.
    #[must_use]
    pub fn deny(code: &str, message: impl Into<String>) -> Self {
        Self::of(Decision::Deny(Denial { code: code.to_owned(), message: message.into() }))
    }

    /// Lets the write pass with this value in the place of its own. The administrator must have granted that.
    #[must_use]
    pub fn mutate(value: impl Into<Vec<u8>>) -> Self {
        Self::of(Decision::Mutate(value.into()))
    }

    /// The same with a line for whoever wrote. It may not quote the value.
    #[must_use]
    pub fn with_warning(mut self, line: impl Into<String>) -> Self {
        self.warnings.push(line.into());
        self
    }

    /// The same with a line for the record. It may not quote the value.
    #[must_use]
    pub fn with_note(mut self, line: impl Into<String>) -> Self {
        self.notes.push(line.into());
        self
    }

    /// Whether the write passes as it is.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self.decision, Decision::Allow)
    }

    /// Why it is refused, if it is.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match &self.decision {
            Decision::Deny(denial) => Some(denial),
            Decision::Allow | Decision::Mutate(_) => None,
        }
    }

    fn of(decision: Decision) -> Self {
        Self { decision, warnings: Vec::new(), notes: Vec::new() }
    }
}

impl Request {
    /// A plain put by an unknown caller, for tests of policies.
    #[must_use]
    pub fn put(key: &[u8], value: &[u8]) -> Self {
        Self { operation: Operation::Put, value: Some(value.to_vec()), lease: Some(0), ..Self::delete(key) }
    }

    /// A delete of one key by an unknown caller, for tests of policies.
    #[must_use]
    pub fn delete(key: &[u8]) -> Self {
        Self {
            operation: Operation::Delete,
            key: key.to_vec(),
            range_end: None,
            value: None,
            value_withheld: false,
            lease: None,
            in_txn: false,
            caller: Caller { common_name: None, user: None, uris: Vec::new() },
            mode: Mode::Enforce,
        }
    }
}

/// Makes a type that implements [`Policy`] the plugin that this crate is. Once per crate.
///
/// It takes the plugin's name and version from the package. Outside WebAssembly it exports nothing, so that the
/// crate's tests link.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct StrongroomExport;

            #[global_allocator]
            static HEAP: $crate::Heap = $crate::Heap::new();

            impl $crate::Guest for StrongroomExport {
                fn describe() -> $crate::Description {
                    $crate::describe::<$policy>(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
                }

                fn validate_settings(settings: String) -> Result<(), String> {
                    <$policy as $crate::Policy>::validate_settings(&settings)
                }

                fn review(request: $crate::Request) -> $crate::Verdict {
                    <$policy as $crate::Policy>::review(&request)
                }
            }

    $crate::bindings::export_bindings!(StrongroomExport with_types_in $crate::bindings);
        };
    };
}

/// What the plugin `P` says of itself.
#[doc(hidden)]
#[must_use]
pub fn describe<P: Policy>(name: &str, version: &str) -> Description {
    Description {
        name: name.to_owned(),
        version: version.to_owned(),
        prefixes: P::PREFIXES.iter().map(|prefix| prefix.to_vec()).collect(),
        operations: P::OPERATIONS,
    }
}

#[doc(hidden)]
pub use bindings::exports::strongroom::admission::policy::Guest;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use heap::Heap;

//! What can be wrong with a module that is to become a plugin.

/// Why no component came out. Always the fault of the module or of the way it was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentizeError {
    /// The bytes do not begin as WebAssembly does.
    #[error("this is not a WebAssembly binary")]
    NotWasm,
    /// The bytes are a component, not a core module.
    #[error("this is a component already; install it as it is")]
    AlreadyComponent,
    /// The module lacks the section in which the bindings generator records the world.
    #[error("the module does not say which world it implements; was it built with the plugin SDK and exported?")]
    NoWorld,
    /// The module could not be encoded: an import nobody provides, a missing export, a wrong signature.
    #[error("the module cannot become a component: {reason}")]
    Unencodable {
        /// What the encoder said, causes included.
        reason: String,
    },
    /// The component would need something from its host that the contract does not give it.
    #[error("the component imports {}, but a plugin may import nothing but {}", .imports.join(", "), crate::contract::HOST)]
    Imports {
        /// Names of the imports.
        imports: Vec<String>,
    },
    /// The component does not export the contract.
    #[error("the component does not export {expected}")]
    MissingExport {
        /// Name of the interface with its version.
        expected: &'static str,
    },
    /// The adapter for WASI preview 1 is unusable: a fault of this program.
    #[error("the adapter for WASI is broken: {reason}")]
    Adapter {
        /// What the parser or the encoder said.
        reason: String,
    },
    /// The contract's own WIT text does not parse: a fault of this program.
    #[error("the plugin contract is unreadable: {reason}")]
    Contract {
        /// What the parser said.
        reason: String,
    },
}

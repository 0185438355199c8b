//! Turns a core WebAssembly module, as compilers emit it, into the component that Strongroom installs. Calls of WASI preview 1,
//! which some compilers leave in every module, are answered by an adapter within the component that denies everything.
//!
//! It is *not* the judge of a plugin: the server checks every upload itself. It only tells a plugin's author
//! early, in words, what the server would refuse.
//!
//! Invariants:
//! - What [`componentize`] returns validates, imports nothing but [`contract::HOST`] and exports [`contract::INTERFACE`].
//! - The same module gives the same bytes.
//!
//! ```
//! let mistake = componentize::componentize(b"\0asm\x01\0\0\0").unwrap_err();
//! assert!(matches!(mistake, componentize::ComponentizeError::NoWorld));
//! ```

mod adapter;
pub mod contract;
mod error;

use std::borrow::Cow;

pub use error::ComponentizeError;
use wit_component::{ComponentEncoder, DecodedWasm};

/// First bytes of everything WebAssembly.
const MAGIC: &[u8] = b"\0asm";
/// What follows in a core module: version 1, layer 0.
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];

/// Makes a component of what a compiler or a language's own tool wrote: of a core module as [`componentize`] does, of a component
/// by leaving it as it is. Either way it is checked against the contract.
///
/// # Errors
/// [`ComponentizeError`].
pub fn pack(built: Vec<u8>) -> Result<Vec<u8>, ComponentizeError> {
    match componentize(&built) {
        Err(ComponentizeError::AlreadyComponent) => check_contract(&built).map(|()| built),
        packed => packed,
    }
}

/// Encodes a core module as a component and checks it against the contract.
///
/// # Errors
/// [`ComponentizeError`], in terms of what the module's author can change.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    check_is_core(module)?;
    let component = encode(module)?;
    check_contract(&component)?;
    Ok(component)
}

fn check_is_core(module: &[u8]) -> Result<(), ComponentizeError> {
    let rest = module.strip_prefix(MAGIC).ok_or(ComponentizeError::NotWasm)?;
    match rest.get(..CORE_VERSION.len()) {
        Some(CORE_VERSION) => Ok(()),
        Some(_) => Err(ComponentizeError::AlreadyComponent),
        None => Err(ComponentizeError::NotWasm),
    }
}

fn encode(module: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    let unencodable = |error| ComponentizeError::Unencodable { reason: format!("{error:#}") };
    let mut module = Cow::Borrowed(module);
    if wit_component::metadata::decode(&module).map_err(unencodable)?.0.is_none() {
        if !contract::is_exported(&module) {
            return Err(ComponentizeError::NoWorld);
        }
        contract::declare(module.to_mut())?;
    }
    let encoder = ComponentEncoder::default().validate(true).module(&module).map_err(unencodable)?;
    adapter::add(encoder)?.encode().map_err(unencodable)
}

fn check_contract(component: &[u8]) -> Result<(), ComponentizeError> {
    let unencodable = |error| ComponentizeError::Unencodable { reason: format!("{error:#}") };
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component).map_err(unencodable)? else {
        return Err(ComponentizeError::MissingExport { expected: contract::INTERFACE });
    };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    let imports: Vec<String> = imports.filter(|name| name != contract::HOST).collect();
    if !imports.is_empty() {
        return Err(ComponentizeError::Imports { imports });
    }
    if !world.exports.keys().any(|key| resolve.name_world_key(key) == contract::INTERFACE) {
        return Err(ComponentizeError::MissingExport { expected: contract::INTERFACE });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        let mut module = wat::parse_str(text).unwrap();
        contract::declare(&mut module).unwrap();
        module
    }

    const BODY: &str = r#"
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
        (func (export "strongroom:admission/policy@0.1.0#describe") (result i32) i32.const 0)
        (func (export "strongroom:admission/policy@0.1.0#validate-settings") (param i32 i32) (result i32) i32.const 0)"#;
    const REVIEW: &str =
        r#"(func (export "strongroom:admission/policy@0.1.0#review") (param i32) (result i32) i32.const 0)"#;

    #[test]
    fn a_module_of_the_contract_becomes_a_component() {
        let component = componentize(&module(&format!("(module {BODY} {REVIEW})"))).unwrap();
        assert!(matches!(componentize(&component), Err(ComponentizeError::AlreadyComponent)));

        let logging = r#"(import "strongroom:admission/host@0.1.0" "log" (func (param i32 i32 i32)))"#;
        componentize(&module(&format!("(module {logging} {BODY} {REVIEW})"))).unwrap();
    }

    /// Compilers that know only WASI leave its calls in every module.
    #[test]
    fn calls_of_wasi_are_answered_within() {
        let wasi =
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
        // Without a world of its own, too: what it exports says which one it is.
        let bare = wat::parse_str(format!("{wasi} {BODY} {REVIEW})")).unwrap();
        let component = pack(bare).unwrap();
        assert_eq!(pack(component.clone()).unwrap(), component, "a component stays as it is");
    }

    #[test]
    fn the_mistake_is_named() {
        let missing = componentize(&module(&format!("(module {BODY})"))).unwrap_err().to_string();
        assert!(missing.contains("review"), "{missing}");

        let foreign = r#"(module (import "env" "system" (func (param i32) (result i32)))"#;
        let foreign = componentize(&module(&format!("{foreign} {BODY} {REVIEW})"))).unwrap_err().to_string();
        assert!(foreign.contains("env"), "{foreign}");

        assert!(matches!(componentize(b"#!/bin/sh"), Err(ComponentizeError::NotWasm)));
        assert!(matches!(pack(b"#!/bin/sh".to_vec()), Err(ComponentizeError::NotWasm)));
        assert!(matches!(componentize(&wat::parse_str("(module)").unwrap()), Err(ComponentizeError::NoWorld)));
    }
}

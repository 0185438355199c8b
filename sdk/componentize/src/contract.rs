//! The plugin contract, for modules that were not built with a bindings generator.

use wasmparser::{Parser, Payload};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::ComponentizeError;

/// The WIT text of the contract.
pub const WIT: &str = include_str!("../../wit/admission.wit");

/// The interface that a plugin exports.
pub const INTERFACE: &str = "strongroom:admission/policy@0.1.0";

/// The only interface that a plugin may import.
pub const HOST: &str = "strongroom:admission/host@0.1.0";

const WORLD: &str = "plugin";

/// Records in `module` that it implements the contract's world, as a bindings generator would have done.
///
/// # Errors
/// [`ComponentizeError::Contract`] when the WIT text is broken.
pub fn declare(module: &mut Vec<u8>) -> Result<(), ComponentizeError> {
    let (resolve, world) = parse()?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).map_err(unreadable)
}

/// Whether `module` exports a function of the contract, under the name that the component model gives it.
pub(crate) fn is_exported(module: &[u8]) -> bool {
    let function = |name: &str| name.strip_prefix(INTERFACE).is_some_and(|rest| rest.starts_with('#'));
    let sections = Parser::new(0).parse_all(module).map_while(Result::ok);
    sections
        .filter_map(|section| if let Payload::ExportSection(exports) = section { Some(exports) } else { None })
        .any(|exports| exports.into_iter().map_while(Result::ok).any(|export| function(export.name)))
}

fn parse() -> Result<(Resolve, WorldId), ComponentizeError> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("admission.wit", WIT).map_err(unreadable)?;
    let world = resolve.select_world(&[package], Some(WORLD)).map_err(unreadable)?;
    Ok((resolve, world))
}

fn unreadable(error: impl std::fmt::Display) -> ComponentizeError {
    ComponentizeError::Contract { reason: format!("{error:#}") }
}

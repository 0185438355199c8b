//! The plugin contract, for modules that were not built with a bindings generator.

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

fn parse() -> Result<(Resolve, WorldId), ComponentizeError> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("admission.wit", WIT).map_err(unreadable)?;
    let world = resolve.select_world(&[package], Some(WORLD)).map_err(unreadable)?;
    Ok((resolve, world))
}

fn unreadable(error: impl std::fmt::Display) -> ComponentizeError {
    ComponentizeError::Contract { reason: format!("{error:#}") }
}

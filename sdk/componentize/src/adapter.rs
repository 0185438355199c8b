//! What answers the calls of WASI preview 1, for modules whose compilers know no other system.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::ComponentizeError;

/// The module that the adapter stands for.
pub(crate) const NAME: &str = "wasi_snapshot_preview1";

const TEXT: &str = include_str!("adapter.wat");

/// The encoder links only adapters that say which world they bring in: none.
const WORLD: &str = "package strongroom:adapter; world nothing {}";

/// Has `encoder` answer the calls by the adapter. Where a module makes none, it leaves the adapter away.
///
/// # Errors
/// [`ComponentizeError::Adapter`] when the adapter is broken.
pub(crate) fn add(encoder: ComponentEncoder) -> Result<ComponentEncoder, ComponentizeError> {
    let mut module = wat::parse_str(TEXT).map_err(broken)?;
    let mut resolve = Resolve::default();
    let package = resolve.push_str("adapter.wit", WORLD).map_err(broken)?;
    let world = resolve.select_world(&[package], None).map_err(broken)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(broken)?;
    encoder.adapter(NAME, &module).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> ComponentizeError {
    ComponentizeError::Adapter { reason: format!("{error:#}") }
}

//! From WebAssembly text to a component.

use componentize::contract;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text of a guest is fixed")
}

/// A component of the contract's world.
pub(crate) fn component(mut module: Vec<u8>) -> Vec<u8> {
    contract::declare(&mut module).expect("the contract parses");
    componentize::componentize(&module).expect("a guest implements the contract")
}

/// A component of a world that is the contract's and a clock.
pub(crate) fn component_with_clock(module: Vec<u8>) -> Vec<u8> {
    let world = contract::WIT.replace("export policy;", "import now: func() -> u64;\n export policy;");
    of_world(module, &[&world])
}

/// The same with a clock of WASI.
pub(crate) fn component_with_wasi(module: Vec<u8>) -> Vec<u8> {
    let clocks = "package wasi:clocks@0.2.0; interface monotonic-clock { now: func() -> u64; }";
    let import = "import wasi:clocks/monotonic-clock@0.2.0;\n export policy;";
    of_world(module, &[clocks, &contract::WIT.replace("export policy;", import)])
}

/// A component of a world without content.
pub(crate) fn empty_component() -> Vec<u8> {
    of_world(assemble("(module)"), &["package test:empty; world plugin {}"])
}

/// Past `componentize`, which would refuse these as the host does. The last of the packages has the world.
fn of_world(mut module: Vec<u8>, packages: &[&str]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut ids = Vec::new();
    for wit in packages {
        ids.push(resolve.push_str("guest.wit", wit).expect("the world of a guest is fixed"));
    }
    let package = *ids.last().expect("there is a package");
    let world = resolve.select_world(&[package], Some("plugin")).expect("it has one world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the world can be recorded");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("the module is well-formed");
    encoder.encode().expect("a guest implements its world")
}

//! The contract as the host sees it; generated from `sdk/wit`.

#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated code")]

// Borrowed parameters: a value goes from the request's own buffer into the guest, without a copy on the host that
// nobody would overwrite.
wasmtime::component::bindgen!({
    path: "../../sdk/wit",
    world: "plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
    // A read that fails ends the guest.
    imports: { default: trappable },
});

pub(crate) use exports::strongroom::admission::policy;
pub(crate) use strongroom::admission::host;

/// The interface that a plugin exports.
pub(crate) const INTERFACE: &str = "strongroom:admission/policy@0.1.0";

/// The only interface that it may import.
pub(crate) const HOST: &str = "strongroom:admission/host@0.1.0";

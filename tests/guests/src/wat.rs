//! The frame around a guest: memory, allocator, and the two functions of the contract by their canonical ABI.

use crate::{PREFIX, encode};

/// Which lie the description tells.
#[derive(Clone, Copy)]
pub(crate) enum Describe {
    /// None.
    Honestly,
    /// This name, in WebAssembly text's escapes, of that many bytes.
    Name(&'static str, usize),
    /// That many prefixes.
    PrefixCount(u32),
    /// These operations: 1 put, 2 delete.
    Operations(u8),
    /// It does not answer.
    Never,
}

/// What a guest imports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Imports {
    Nothing,
    /// What the contract gives.
    Host,
    /// A clock, which it does not.
    Clock,
    /// A clock by the name that it has in WASI.
    Wasi,
}

/// A guest under construction. It allows every write until told otherwise.
pub(crate) struct Guest {
    name: String,
    pages: u32,
    describe: Describe,
    review: String,
    items: String,
    imports: Imports,
    validate: String,
    realloc: String,
}

impl Guest {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            pages: 2,
            describe: Describe::Honestly,
            review: "(i32.const 1024)".to_owned(),
            items: String::new(),
            imports: Imports::Nothing,
            validate: "(i32.const 1024)".to_owned(),
            realloc: String::new(),
        }
    }

    /// Its memory at the start, in pages of 64 KiB.
    pub(crate) fn pages(self, pages: u32) -> Self {
        Self { pages, ..self }
    }

    pub(crate) fn describe(self, describe: Describe) -> Self {
        Self { describe, ..self }
    }

    /// Body of `review`: `$request` is the address of the request, the result that of the verdict. 1024 to 1060 is
    /// free for the verdict, and zero there means allow without a word.
    pub(crate) fn review(self, body: impl Into<String>) -> Self {
        Self { review: body.into(), ..self }
    }

    /// More functions, tables and data of the module.
    pub(crate) fn items(self, items: impl Into<String>) -> Self {
        Self { items: items.into(), ..self }
    }

    pub(crate) fn importing(self, imports: Imports) -> Self {
        Self { imports, ..self }
    }

    /// It may call `$log` (level, address, length), `$settings` (address of address and length), `$get` (address and length of
    /// the key, address of the answer) and `$list` (the same of prefix and start, limit, address of the answer).
    pub(crate) fn importing_the_host(self) -> Self {
        self.importing(Imports::Host)
    }

    /// Body of `validate-settings`: `$at` and `$len` are the text, the result is the address of the answer. Zero there says
    /// that they will do.
    pub(crate) fn validate(self, body: impl Into<String>) -> Self {
        Self { validate: body.into(), ..self }
    }

    /// What its allocator does before anything else.
    pub(crate) fn realloc(self, instructions: &str) -> Self {
        Self { realloc: instructions.to_owned(), ..self }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let module = encode::assemble(&self.text());
        match self.imports {
            Imports::Nothing | Imports::Host => encode::component(module),
            Imports::Clock => encode::component_with_clock(module),
            Imports::Wasi => encode::component_with_wasi(module),
        }
    }

    fn text(&self) -> String {
        let import = match self.imports {
            Imports::Nothing => "",
            Imports::Clock => r#"(import "$root" "now" (func $now (result i64)))"#,
            Imports::Wasi => r#"(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))"#,
            Imports::Host => {
                r#"(import "strongroom:admission/host@0.1.0" "log" (func $log (param i32 i32 i32)))
                   (import "strongroom:admission/host@0.1.0" "settings" (func $settings (param i32)))
                   (import "strongroom:admission/host@0.1.0" "get" (func $get (param i32 i32 i32)))
                   (import "strongroom:admission/host@0.1.0" "list" (func $list (param i32 i32 i32 i32 i32 i32)))"#
            }
        };
        let (name, name_len) = match self.describe {
            Describe::Name(name, len) => (name, len),
            _ => (self.name.as_str(), self.name.len()),
        };
        let prefixes = if let Describe::PrefixCount(count) = self.describe { count } else { 1 };
        let operations = if let Describe::Operations(set) = self.describe { set } else { 3 };
        let describe = if matches!(self.describe, Describe::Never) { "(loop $again (br $again))" } else { "" };
        let (pages, review, items, prefix_len) = (self.pages, &self.review, &self.items, PREFIX.len());
        let (validate, realloc) = (&self.validate, &self.realloc);
        // Description at 0: name, version, prefixes, operations. Everything from 16384 on belongs to the allocator.
        format!(
            r#"(module
                {import}
                (memory (export "memory") {pages})
                (global $free (mut i32) (i32.const 16384))
                {items}
                (data (i32.const 64) "{name}")
                (data (i32.const 192) "0.1.0")
                (data (i32.const 208) "{PREFIX}")
                (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                    (local $at i32)
                    {realloc}
                    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                    (global.set $free (i32.add (local.get $at) (local.get $size)))
                    (block $fits (loop $grow
                        (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
                        (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
                        unreachable))
                    (local.get $at))
                (func (export "strongroom:admission/policy@0.1.0#describe") (result i32)
                    {describe}
                    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const {name_len}))
                    (i32.store (i32.const 8) (i32.const 192)) (i32.store (i32.const 12) (i32.const 5))
                    (i32.store (i32.const 240) (i32.const 208)) (i32.store (i32.const 244) (i32.const {prefix_len}))
                    (i32.store (i32.const 16) (i32.const 240)) (i32.store (i32.const 20) (i32.const {prefixes}))
                    (i32.store8 (i32.const 24) (i32.const {operations}))
                    (i32.const 0))
                (func (export "strongroom:admission/policy@0.1.0#validate-settings") (param $at i32) (param $len i32) (result i32)
                    {validate})
                (func (export "strongroom:admission/policy@0.1.0#review") (param $request i32) (result i32)
                    {review}))"#
        )
    }
}

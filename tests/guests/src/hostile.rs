//! Guests that come to no honest verdict.

use crate::wat::{Guest, Imports};

/// Gives each guest a name of its type, so that whoever matches on it says of every one what becomes of it, or does not compile.
macro_rules! hostile {
    ($($name:ident => $component:ident,)*) => {
        /// Guests that review and come to no honest verdict.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Hostile {
            $(
                #[doc = concat!("See [`", stringify!($component), "()`].")]
                $name,
            )*
        }

        impl Hostile {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its bytes.
            #[must_use]
            pub fn component(self) -> Vec<u8> {
                match self {
                    $(Self::$name => $component(),)*
                }
            }
        }
    };
}

hostile! {
    DeepRecursion => deep_recursion,
    EndlessLoop => endless_loop,
    EndlessRealloc => endless_realloc,
    EndlessStart => endless_start,
    ForeignImport => foreign_import,
    HugeMemory => huge_memory,
    HugeOutput => huge_output,
    InvalidText => invalid_text,
    LogFlood => log_flood,
    MemoryBomb => memory_bomb,
    TableBomb => table_bomb,
    Trap => trap,
    UnknownVerdict => unknown_verdict,
    WasiImport => wasi_import,
    WildPointer => wild_pointer,
    WildRealloc => wild_realloc,
    WildText => wild_text,
}

/// Never answers.
#[must_use]
pub fn endless_loop() -> Vec<u8> {
    Guest::named("endless-loop").review("(loop $again (br $again)) unreachable").encode()
}

/// Takes a megabyte at a time and touches it, for ever; when it gets no more it keeps trying.
#[must_use]
pub fn memory_bomb() -> Vec<u8> {
    let review = "
        (local $pages i32)
        (loop $more
            (local.set $pages (memory.grow (i32.const 16)))
            (if (i32.ne (local.get $pages) (i32.const -1))
                (then (i32.store8 (i32.mul (local.get $pages) (i32.const 65536)) (i32.const 1))))
            (br $more))
        unreachable";
    Guest::named("memory-bomb").review(review).encode()
}

/// Grows a table for ever.
#[must_use]
pub fn table_bomb() -> Vec<u8> {
    let review = "
        (loop $more (drop (table.grow $elements (ref.null func) (i32.const 4096))) (br $more))
        unreachable";
    Guest::named("table-bomb").review(review).items("(table $elements 1 funcref)").encode()
}

/// Traps.
#[must_use]
pub fn trap() -> Vec<u8> {
    Guest::named("trap").review("unreachable").encode()
}

/// Calls itself for ever.
#[must_use]
pub fn deep_recursion() -> Vec<u8> {
    let function = "(func $deeper (param i32) (result i32)
        (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))";
    Guest::named("deep-recursion").review("(call $deeper (i32.const 0))").items(function).encode()
}

/// Denies with a message of eight megabytes.
#[must_use]
pub fn huge_output() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 1))
        (i32.store (i32.const 1036) (i32.const 4096)) (i32.store (i32.const 1040) (i32.const 8388608))
        (i32.const 1024)";
    Guest::named("huge-output").pages(144).review(review).encode()
}

/// Answers with an address outside its memory.
#[must_use]
pub fn wild_pointer() -> Vec<u8> {
    Guest::named("wild-pointer").review("(i32.const 0x7ffffff0)").encode()
}

/// Answers with a verdict that the contract does not know.
#[must_use]
pub fn unknown_verdict() -> Vec<u8> {
    Guest::named("unknown-verdict").review("(i32.store8 (i32.const 1024) (i32.const 7)) (i32.const 1024)").encode()
}

/// Logs a megabyte at a time, for ever.
#[must_use]
pub fn log_flood() -> Vec<u8> {
    let review = "
        (loop $again (call $log (i32.const 1) (i32.const 65536) (i32.const 32768)) (br $again))
        unreachable";
    Guest::named("log-flood").importing_the_host().pages(3).review(review).encode()
}

/// Asks for 128 MiB before its first instruction.
#[must_use]
pub fn huge_memory() -> Vec<u8> {
    Guest::named("huge-memory").pages(2048).encode()
}

/// Imports a clock, which the contract does not give.
#[must_use]
pub fn foreign_import() -> Vec<u8> {
    Guest::named("foreign-import").importing(Imports::Clock).encode()
}

/// Never gets as far as being asked.
#[must_use]
pub fn endless_start() -> Vec<u8> {
    let start = "(func $forever (loop $again (br $again))) (start $forever)";
    Guest::named("endless-start").items(start).encode()
}

/// Never says where the request is to be put.
#[must_use]
pub fn endless_realloc() -> Vec<u8> {
    Guest::named("endless-realloc").realloc("(loop $again (br $again))").encode()
}

/// Has the request put outside its memory.
#[must_use]
pub fn wild_realloc() -> Vec<u8> {
    Guest::named("wild-realloc").realloc("(return (i32.const 0x7ffffff0))").encode()
}

/// Denies with a message that is not UTF-8.
#[must_use]
pub fn invalid_text() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 1))
        (i32.store (i32.const 1036) (i32.const 2048)) (i32.store (i32.const 1040) (i32.const 4))
        (i32.const 1024)";
    Guest::named("invalid-text").review(review).items(r#"(data (i32.const 2048) "a\ff\fe\80")"#).encode()
}

/// Denies with a message that lies outside its memory.
#[must_use]
pub fn wild_text() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 1))
        (i32.store (i32.const 1036) (i32.const 0x7ffffff0)) (i32.store (i32.const 1040) (i32.const 9))
        (i32.const 1024)";
    Guest::named("wild-text").review(review).encode()
}

/// Imports a clock of WASI, as what a usual toolchain makes does.
#[must_use]
pub fn wasi_import() -> Vec<u8> {
    Guest::named("wasi-import").importing(Imports::Wasi).encode()
}

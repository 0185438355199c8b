//! Plugins for tests, as component bytes: hostile guests, and the two simplest honest ones.
//!
//! They are written as WebAssembly text and encoded when a test asks for them, so no WebAssembly toolchain is needed.
//! Every guest describes itself by the name of its function with hyphens (`endless-loop`), version `0.1.0`, and wants
//! to review puts and deletes of every key under [`PREFIX`], unless it says otherwise.
//!
//! This crate is *not* an example of how to write a plugin: see `sdk/rust`.
//!
//! ```
//! assert!(guests::deny_all().starts_with(b"\0asm"));
//! ```

mod bomb;
mod encode;
mod hostile;
mod memory;
mod reading;
mod remarks;
mod wat;

pub use hostile::{
    Hostile, deep_recursion, endless_loop, endless_realloc, endless_start, foreign_import, huge_memory, huge_output,
    invalid_text, log_flood, memory_bomb, table_bomb, trap, unknown_verdict, wasi_import, wild_pointer, wild_realloc,
    wild_text,
};
pub use memory::{grown, once, remembering};
pub use reading::{LOCK, at_most_two, change_having_read, reading_flood, unless_shown, while_free};
pub use remarks::deny_with_remarks;
use wat::{Describe, Guest};

/// The prefix that every guest describes.
pub const PREFIX: &str = "/guarded/";

/// The message with which [`deny_all`] denies.
pub const DENY_ALL_MESSAGE: &str = "nothing may be written here";

/// Allows every write.
#[must_use]
pub fn allow_all() -> Vec<u8> {
    Guest::named("allow-all").encode()
}

/// Denies every write with code `denied` and [`DENY_ALL_MESSAGE`].
#[must_use]
pub fn deny_all() -> Vec<u8> {
    deny("deny-all", DENY_ALL_MESSAGE)
}

/// Denies every write with a message of several lines, terminal escapes and more than a kilobyte.
#[must_use]
pub fn deny_untidily() -> Vec<u8> {
    deny("deny-untidily", &format!("first\\nsecond\\1b[31m red {}", "x".repeat(4096)))
}

fn deny(name: &str, message: &str) -> Vec<u8> {
    // Verdict at 1024: case 1, code, message.
    let len = message.replace("\\n", "n").replace("\\1b", "e").len();
    let review = format!(
        "(i32.store8 (i32.const 1024) (i32.const 1))
         (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 6))
         (i32.store (i32.const 1036) (i32.const 2056)) (i32.store (i32.const 1040) (i32.const {len}))
         (i32.const 1024)"
    );
    let data = format!(r#"(data (i32.const 2048) "denied") (data (i32.const 2056) "{message}")"#);
    Guest::named(name).review(review).items(data).encode()
}

/// Denies a write whose value begins with `!`, allows the others, and fails on a write without a value.
#[must_use]
pub fn deny_exclamation() -> Vec<u8> {
    // In the request, the value's option stands at 24: case, address, length.
    let review = "
        (if (i32.eqz (i32.load8_u offset=24 (local.get $request))) (then unreachable))
        (if (i32.and (i32.ne (i32.load offset=32 (local.get $request)) (i32.const 0))
                     (i32.eq (i32.load8_u (i32.load offset=28 (local.get $request))) (i32.const 33)))
            (then (i32.store8 (i32.const 1024) (i32.const 1))))
        (i32.const 1024)";
    Guest::named("deny-exclamation").review(review).encode()
}

/// Logs each review, never comes to an end where the value begins with `!`, and allows the others.
#[must_use]
pub fn loop_at_exclamation() -> Vec<u8> {
    let review = "
        (call $log (i32.const 1) (i32.const 2048) (i32.const 8))
        (if (i32.eq (i32.load8_u (i32.load offset=28 (local.get $request))) (i32.const 33))
            (then (loop $again (br $again))))
        (i32.const 1024)";
    let data = r#"(data (i32.const 2048) "reviewed")"#;
    Guest::named("loop-at-exclamation").importing_the_host().review(review).items(data).encode()
}

/// Denies every write with its value as the message, and allows one without.
#[must_use]
pub fn deny_quoting() -> Vec<u8> {
    let review = "
        (if (i32.load8_u offset=24 (local.get $request))
            (then (i32.store8 (i32.const 1024) (i32.const 1))
                  (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 6))
                  (i32.store (i32.const 1036) (i32.load offset=28 (local.get $request)))
                  (i32.store (i32.const 1040) (i32.load offset=32 (local.get $request)))))
        (i32.const 1024)";
    Guest::named("deny-quoting").review(review).items(r#"(data (i32.const 2048) "denied")"#).encode()
}

/// Puts `!` in the place of every value, warns `changed` and notes `seen`.
#[must_use]
pub fn change_to_exclamation() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 2))
        (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
        (i32.store (i32.const 1044) (i32.const 2112)) (i32.store (i32.const 1048) (i32.const 1))
        (i32.store (i32.const 1052) (i32.const 2120)) (i32.store (i32.const 1056) (i32.const 1))
        (i32.store (i32.const 2112) (i32.const 2056)) (i32.store (i32.const 2116) (i32.const 7))
        (i32.store (i32.const 2120) (i32.const 2064)) (i32.store (i32.const 2124) (i32.const 4))
        (i32.const 1024)";
    let data = r#"(data (i32.const 2048) "!") (data (i32.const 2056) "changed") (data (i32.const 2064) "seen")"#;
    Guest::named("change-to-exclamation").review(review).items(data).encode()
}

/// Turns every value round, and logs what has become of it.
#[must_use]
pub fn change_to_reversed() -> Vec<u8> {
    let review = "
        (global.set $left (i32.load offset=28 (local.get $request)))
        (global.set $right (i32.sub (i32.add (global.get $left) (i32.load offset=32 (local.get $request))) (i32.const 1)))
        (block $done (loop $swap
            (br_if $done (i32.ge_u (global.get $left) (global.get $right)))
            (global.set $byte (i32.load8_u (global.get $left)))
            (i32.store8 (global.get $left) (i32.load8_u (global.get $right)))
            (i32.store8 (global.get $right) (global.get $byte))
            (global.set $left (i32.add (global.get $left) (i32.const 1)))
            (global.set $right (i32.sub (global.get $right) (i32.const 1)))
            (br $swap)))
        (call $log (i32.const 1) (i32.load offset=28 (local.get $request)) (i32.load offset=32 (local.get $request)))
        (i32.store8 (i32.const 1024) (i32.const 2))
        (i32.store (i32.const 1028) (i32.load offset=28 (local.get $request)))
        (i32.store (i32.const 1032) (i32.load offset=32 (local.get $request)))
        (i32.const 1024)";
    let globals = "(global $left (mut i32) (i32.const 0)) (global $right (mut i32) (i32.const 0))
        (global $byte (mut i32) (i32.const 0))";
    Guest::named("change-to-reversed").importing_the_host().review(review).items(globals).encode()
}

/// Puts every value in its own place.
#[must_use]
pub fn change_to_itself() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 2))
        (i32.store (i32.const 1028) (i32.load offset=28 (local.get $request)))
        (i32.store (i32.const 1032) (i32.load offset=32 (local.get $request)))
        (i32.const 1024)";
    Guest::named("change-to-itself").review(review).encode()
}

/// Puts a value of two megabytes in the place of every value.
#[must_use]
pub fn change_to_huge() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 2))
        (i32.store (i32.const 1028) (i32.const 4096)) (i32.store (i32.const 1032) (i32.const 2097152))
        (i32.const 1024)";
    Guest::named("change-to-huge").pages(40).review(review).encode()
}

/// Denies where its settings begin with `d`, and takes no settings that begin with another letter; logs each review.
#[must_use]
pub fn as_set() -> Vec<u8> {
    let review = "
        (call $log (i32.const 1) (i32.const 2048) (i32.const 8))
        (call $settings (i32.const 2072))
        (if (i32.ne (i32.load (i32.const 2076)) (i32.const 0))
            (then (if (i32.eq (i32.load8_u (i32.load (i32.const 2072))) (i32.const 100))
                (then (i32.store8 (i32.const 1024) (i32.const 1))))))
        (i32.const 1024)";
    let validate = "
        (if (i32.ne (local.get $len) (i32.const 0))
            (then (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 100))
                (then
                    (i32.store8 (i32.const 1024) (i32.const 1))
                    (i32.store (i32.const 1028) (i32.const 2056)) (i32.store (i32.const 1032) (i32.const 14))))))
        (i32.const 1024)";
    let data = r#"(data (i32.const 2048) "reviewed") (data (i32.const 2056) "begin with a d")"#;
    Guest::named("as-set").importing_the_host().review(review).validate(validate).items(data).encode()
}

/// Takes any settings but empty ones.
#[must_use]
pub fn needing_settings() -> Vec<u8> {
    let validate = "
        (i32.store8 (i32.const 1024) (i32.eqz (local.get $len)))
        (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 12))
        (i32.const 1024)";
    let data = r#"(data (i32.const 2048) "give me some")"#;
    Guest::named("needing-settings").validate(validate).items(data).encode()
}

/// Never answers when asked about settings.
#[must_use]
pub fn endless_validation() -> Vec<u8> {
    Guest::named("endless-validation").validate("(loop $again (br $again)) unreachable").encode()
}

/// Takes gigabytes to compile.
#[must_use]
pub fn compile_bomb() -> Vec<u8> {
    bomb::compile_bomb()
}

/// Describes itself by a name with a line break and a terminal escape.
#[must_use]
pub fn lying_name() -> Vec<u8> {
    Guest::named("lying-name").describe(Describe::Name("ok\\n\\1b[31m", 8)).encode()
}

/// Says that it has two thousand million prefixes.
#[must_use]
pub fn lying_prefix_count() -> Vec<u8> {
    Guest::named("lying-prefix-count").describe(Describe::PrefixCount(0x7fff_ffff)).encode()
}

/// Describes no operation at all.
#[must_use]
pub fn lying_operations() -> Vec<u8> {
    Guest::named("lying-operations").describe(Describe::Operations(0)).encode()
}

/// Never answers when asked to describe itself.
#[must_use]
pub fn endless_describe() -> Vec<u8> {
    Guest::named("endless-describe").describe(Describe::Never).encode()
}

/// A component that exports nothing.
#[must_use]
pub fn empty_component() -> Vec<u8> {
    encode::empty_component()
}

/// A core module, not a component.
#[must_use]
pub fn core_module() -> Vec<u8> {
    encode::assemble("(module)")
}

#[cfg(test)]
mod tests {
    /// A guest that does not encode would make a test of the host pass for the wrong reason.
    #[test]
    fn every_guest_encodes() {
        let guests = [
            super::allow_all,
            super::deny_all,
            super::deny_untidily,
            super::deny_exclamation,
            super::loop_at_exclamation,
            super::change_to_exclamation,
            super::change_to_reversed,
            super::change_to_itself,
            super::change_to_huge,
            super::deny_with_remarks,
            super::as_set,
            super::needing_settings,
            super::while_free,
            super::unless_shown,
            super::change_having_read,
            super::at_most_two,
            super::reading_flood,
            super::endless_validation,
            super::compile_bomb,
            super::remembering,
            super::grown,
            super::once,
            super::deny_quoting,
            super::lying_name,
            super::lying_prefix_count,
            super::lying_operations,
            super::endless_describe,
            super::empty_component,
        ];
        let hostile = super::Hostile::ALL.iter().map(|guest| guest.component());
        for component in guests.iter().map(|guest| guest()).chain(hostile) {
            assert!(component.starts_with(b"\0asm\x0d\0\x01\0"));
        }
    }
}

//! Guests that read what is stored.

use crate::wat::Guest;

/// The key that [`while_free`] reads.
pub const LOCK: &str = "/guarded/lock";

/// Denies while there is a key [`LOCK`], and fails when it may not look.
#[must_use]
pub fn while_free() -> Vec<u8> {
    // The answer at 3072: case, and from 3080 the option of an entry.
    let review = "
        (call $get (i32.const 2048) (i32.const 13) (i32.const 3072))
        (if (i32.load8_u (i32.const 3072)) (then unreachable))
        (i32.store8 (i32.const 1024) (i32.load8_u (i32.const 3080)))
        (i32.const 1024)";
    reading("while-free", review)
}

/// Denies when it is shown the value of [`LOCK`], and otherwise puts `!` in the place of every value.
#[must_use]
pub fn unless_shown() -> Vec<u8> {
    // In the entry at 3088, the option of its value stands at 8.
    let review = "
        (call $get (i32.const 2048) (i32.const 13) (i32.const 3072))
        (if (i32.load8_u (i32.const 3072)) (then unreachable))
        (i32.store8 (i32.const 1024) (i32.const 2))
        (i32.store (i32.const 1028) (i32.const 2080)) (i32.store (i32.const 1032) (i32.const 1))
        (if (i32.and (i32.load8_u (i32.const 3080)) (i32.load8_u (i32.const 3096)))
            (then (i32.store8 (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const 0))
                  (i32.store (i32.const 1032) (i32.const 0))))
        (i32.const 1024)";
    reading("unless-shown", review)
}

/// Reads [`LOCK`], then puts `!` in the place of every value.
#[must_use]
pub fn change_having_read() -> Vec<u8> {
    let review = "
        (call $get (i32.const 2048) (i32.const 13) (i32.const 3072))
        (i32.store8 (i32.const 1024) (i32.const 2))
        (i32.store (i32.const 1028) (i32.const 2080)) (i32.store (i32.const 1032) (i32.const 1))
        (i32.const 1024)";
    reading("change-having-read", review)
}

/// Denies when there are two keys or more under [`crate::PREFIX`].
#[must_use]
pub fn at_most_two() -> Vec<u8> {
    // The answer at 3072: case, and from 3076 address and number of the entries.
    let review = "
        (call $list (i32.const 2048) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 3072))
        (if (i32.load8_u (i32.const 3072)) (then unreachable))
        (i32.store8 (i32.const 1024) (i32.ge_u (i32.load (i32.const 3080)) (i32.const 2)))
        (i32.const 1024)";
    reading("at-most-two", review)
}

/// Reads as often as it is let, and fails if that is for ever.
#[must_use]
pub fn reading_flood() -> Vec<u8> {
    let review = "
        (loop $again
            (call $get (i32.const 2048) (i32.const 13) (i32.const 3072))
            (br_if $again (i32.eqz (i32.load8_u (i32.const 3072)))))
        (i32.const 1024)";
    reading("reading-flood", review)
}

fn reading(name: &str, review: &str) -> Vec<u8> {
    let data = format!(r#"(data (i32.const 2048) "{LOCK}") (data (i32.const 2080) "!")"#);
    Guest::named(name).importing_the_host().review(review).items(data).encode()
}

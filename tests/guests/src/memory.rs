//! Guests that remember, if they are let.

use crate::wat::Guest;

/// Remembers in its memory that it ran, and denies when it finds that it has run before.
#[must_use]
pub fn remembering() -> Vec<u8> {
    remember(Guest::named("remembering"))
}

/// The same, with ten pages of memory: 640 KiB.
#[must_use]
pub fn grown() -> Vec<u8> {
    remember(Guest::named("grown").pages(10))
}

fn remember(guest: Guest) -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.load8_u (i32.const 3000)))
        (i32.store8 (i32.const 3000) (i32.const 1))
        (i32.const 1024)";
    guest.review(review).encode()
}

/// Traps when it has run before.
#[must_use]
pub fn once() -> Vec<u8> {
    let review = "
        (if (i32.load8_u (i32.const 3000)) (then unreachable))
        (i32.store8 (i32.const 3000) (i32.const 1))
        (i32.const 1024)";
    Guest::named("once").review(review).encode()
}

//! A guest that has more to say than its verdict.

use crate::wat::Guest;

/// Denies every write with code `denied` and message `no`, warns `look out` and notes `noted`.
#[must_use]
pub fn deny_with_remarks() -> Vec<u8> {
    let review = "
        (i32.store8 (i32.const 1024) (i32.const 1))
        (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 6))
        (i32.store (i32.const 1036) (i32.const 2056)) (i32.store (i32.const 1040) (i32.const 2))
        (i32.store (i32.const 1044) (i32.const 2112)) (i32.store (i32.const 1048) (i32.const 1))
        (i32.store (i32.const 1052) (i32.const 2120)) (i32.store (i32.const 1056) (i32.const 1))
        (i32.store (i32.const 2112) (i32.const 2064)) (i32.store (i32.const 2116) (i32.const 8))
        (i32.store (i32.const 2120) (i32.const 2080)) (i32.store (i32.const 2124) (i32.const 5))
        (i32.const 1024)";
    let data = r#"(data (i32.const 2048) "denied") (data (i32.const 2056) "no")
        (data (i32.const 2064) "look out") (data (i32.const 2080) "noted")"#;
    Guest::named("deny-with-remarks").review(review).items(data).encode()
}

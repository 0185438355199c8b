//! A function that is small to send and large to compile.

use std::fmt::Write as _;

use crate::wat::Guest;

/// Variables, each of which depends on others in every step.
const VARIABLES: usize = 400;
const STEPS: usize = 24_000;

/// Half a megabyte that takes gigabytes to compile: a long chain of products, sums and branches that an optimiser keeps in mind
/// all at once.
pub(crate) fn compile_bomb() -> Vec<u8> {
    let mut body = String::new();
    (0..VARIABLES).for_each(|_| body.push_str("(local i32)"));
    // A generator with a full period: the same bomb each time.
    let mut state = 1_u64;
    let mut variable = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1 + usize::try_from(state >> 33).expect("31 bits fit") % VARIABLES
    };
    for step in 0..STEPS {
        let (a, b, c) = (variable(), variable(), variable());
        let product = format!("local.get {a} local.get {b} i32.mul local.get {c} i32.add local.tee {a}");
        let branch = format!("if local.get {b} i32.const {step} i32.xor local.set {c} end");
        writeln!(body, "{product} {branch}").expect("a string takes everything");
    }
    Guest::named("compile-bomb").review(format!("{body} (i32.const 1024)")).encode()
}

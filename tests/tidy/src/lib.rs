//! The house rules of the repository, as a test.
//!
//! Each rule is a function over names and texts that gives its complaints, so each has a test on made-up input that it must
//! complain about: a rule that cannot fail is no rule. `repository` runs them all over what is in the working tree.
//!
//! It is *not* a formatter or a linter: those are `rustfmt` and `clippy`.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod names;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod served;
#[cfg(test)]
mod sources;

//! Whole files: written and read again, written by others, damaged.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod roundtrip;
#[cfg(test)]
mod structure;

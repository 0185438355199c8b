//! Plugins reviewed from outside. One program for all of it: each would link RocksDB and wasmtime anew.

mod bundled;
mod fixture;
mod hostile;
mod inspect;
mod reading;
mod reuse;
mod review;
mod sealing;
mod verdicts;

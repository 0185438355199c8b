//! The stories from outside, without the doors. One program for all of them: each would link RocksDB and wasmtime anew.

mod backups;
mod fixture;
mod member;
mod offline;
mod plugins;
mod recovery;
mod residue;
mod sealing;
mod turns;
mod upkeep;

//! The store from outside. One program for all of it: each would link RocksDB anew.

mod cluster;
mod commands;
mod model;
mod plugins;
mod rewind;
mod sealing;
mod users;

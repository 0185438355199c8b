//! The command line: what may be asked for.

mod arguments;
mod audit;
mod author;
mod cert;
mod check;
mod client;
mod dev;
mod export;
mod founding;
mod import;
mod key;
mod key_status;
mod new_file;
mod personality;
mod plugin;
mod recovery;
mod seal;
mod serve;
mod snapshot;
mod table;

use clap::{Parser, Subcommand};

pub(crate) use self::audit::Audit;
pub(crate) use arguments::{Request, UsageError, read};
pub(crate) use cert::Cert;
pub(crate) use check::Check;
pub(crate) use client::ClientError;
pub(crate) use dev::Dev;
pub(crate) use export::Export;
pub(crate) use import::Import;
pub(crate) use key::Key;
pub(crate) use personality::{Personality, architecture};
pub(crate) use plugin::Plugin;
pub(crate) use seal::Seal;
pub(crate) use serve::Serve;
pub(crate) use snapshot::Snapshot;

/// Strongroom: a replicated key-value store that speaks the etcd v3 API, with sealed prefixes and admission plugins.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, disable_help_subcommand = true, max_term_width = 120)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one member or several on this machine, with certificates, a root key and a plugin of their own making
    Dev(Dev),
    /// Run one member with etcd's own flags
    Serve(Serve),
    /// Admission plugins: try one out, install, list and remove them
    #[command(subcommand)]
    Plugin(Plugin),
    /// Say which prefixes are sealed
    #[command(subcommand)]
    Seal(Seal),
    /// Make root keys; show, rotate and destroy the data keys of sealed prefixes
    #[command(subcommand)]
    Key(Key),
    /// Show who did what, and check that the record of it is whole
    #[command(subcommand)]
    Audit(Audit),
    /// Save and restore backups, and look into them
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Bring in what another store holds
    #[command(subcommand)]
    Import(Import),
    /// Take out what another store is to hold
    #[command(subcommand)]
    Export(Export),
    /// Check the data directory of a member that does not run: every byte, and whether it fits together
    Check(Check),
    /// Make certificates for a cluster and its clients, and show what is in one
    #[command(subcommand)]
    Cert(Cert),
    /// Measure how much an endpoint answers in a second and how long each answer takes, Strongroom's or etcd's
    Bench(load::Bench),
    /// What a member starts to compile a plugin: a component on standard input, machine code on standard output
    #[command(name = admission::COMPILE_COMMAND, hide = true)]
    CompileComponent,
    /// Print the version
    Version,
}

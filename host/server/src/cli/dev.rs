//! `strongroom dev`.

use std::path::PathBuf;

use crate::config::{LogConfig, LogFormat, LogOutput};

/// More members than etcd advises make writes slower and nothing safer.
const MEMBERS_MAX: i64 = 9;

/// From one member's ports to those of the next.
const PORT_STEP: u16 = 10;

/// Loopback only: what `dev` makes is for one machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Directory for certificates, keys and data; made at the first start
    #[arg(long, value_name = "DIR", default_value = "./strongroom-dev")]
    pub(crate) dir: PathBuf,
    /// How many members to run, each with ports ten above those of the one before; as at the first start when not given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=MEMBERS_MAX))]
    pub(crate) members: Option<u8>,
    /// Port for etcd clients; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 2379)]
    pub(crate) client_port: u16,
    /// Port for members; 0 picks a free one, for a member alone
    #[arg(long, value_name = "PORT", default_value_t = 2380)]
    pub(crate) peer_port: u16,
    /// Port for administrators; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 2381)]
    pub(crate) admin_port: u16,
    /// Port for metrics and health; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 2382)]
    pub(crate) metrics_port: u16,
    /// Least severe level of the log on stderr
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log_level: tracing::Level,
}

impl Dev {
    /// A port of a member, counted from one; 0 stays 0.
    pub(crate) fn port(first: u16, member: usize) -> u16 {
        let steps = u16::try_from(member.saturating_sub(1)).unwrap_or(u16::MAX);
        if first == 0 { 0 } else { first.saturating_add(PORT_STEP.saturating_mul(steps)) }
    }

    /// Lines for people, as the one who started it reads them.
    pub(crate) fn log(&self) -> LogConfig {
        let outputs = vec![LogOutput::Stderr];
        LogConfig { level: self.log_level, format: LogFormat::Console, outputs, rotation: None }
    }
}

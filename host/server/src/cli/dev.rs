//! `strongroom dev`.

use std::path::PathBuf;

use crate::config::{LogConfig, LogFormat, LogOutput};

/// Loopback only: what `dev` makes is for one machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Directory for certificates, keys and data; made at the first start
    #[arg(long, value_name = "DIR", default_value = "./strongroom-dev")]
    pub(crate) dir: PathBuf,
    /// Port for etcd clients; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 2379)]
    pub(crate) client_port: u16,
    /// Port for members; 0 picks a free one
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
    /// Lines for people, as the one who started it reads them.
    pub(crate) fn log(&self) -> LogConfig {
        let outputs = vec![LogOutput::Stderr];
        LogConfig { level: self.log_level, format: LogFormat::Console, outputs, rotation: None }
    }
}

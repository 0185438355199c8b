//! The program `bench`: puts on Strongroom and on etcd with the same client, in one run, one member each, both over mutual TLS,
//! both syncing every acknowledged put to disk.
//!
//! The two take turns (A B A B ...), so that what the machine does besides falls on both. Every round has its own numbers; the
//! table gives the median round of each server and the ratio of the two.
//!
//! ```text
//! bench --connections 1 --clients 1
//! bench --connections 64 --clients 64 --seconds 10
//! ```
//!
//! It is *not* a test: nothing fails when a server is slow.

mod load;
mod report;

use std::{io::Write as _, time::Duration};

use clap::Parser;
use harness::{Certificates, EtcdTls, Kind, Server};
use load::Plan;
use report::Report;

/// Compares the put throughput and latency of Strongroom with those of etcd.
#[derive(Debug, Parser)]
struct Arguments {
    /// gRPC connections; without it, two runs are made: 1 connection with 1 client, and 64 with 64
    #[arg(long)]
    connections: Option<usize>,
    /// Clients that put one key after the other, spread over the connections
    #[arg(long, default_value_t = 1)]
    clients: usize,
    /// Length of a round in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Puts of a round; it ends when they are done or its time is up
    #[arg(long)]
    total: Option<u64>,
    /// Bytes of a value
    #[arg(long, default_value_t = 256)]
    value_bytes: usize,
    /// Rounds of each server
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Prefix of the keys; one that is sealed measures sealing too
    #[arg(long, default_value = "/bench/")]
    prefix: String,
}

impl Arguments {
    fn plans(&self) -> Vec<Plan> {
        let sizes = self
            .connections
            .map_or_else(|| vec![(1, 1), (64, 64)], |connections| vec![(connections, self.clients.max(connections))]);
        let plan = |(connections, clients)| Plan {
            connections,
            clients,
            duration: Duration::from_secs(self.seconds),
            total: self.total.unwrap_or(u64::MAX),
            value_bytes: self.value_bytes,
            prefix: self.prefix.clone(),
        };
        sizes.into_iter().map(plan).collect()
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let strongroom = Server::strongroom_logging("warn").await;
    let etcd = Server::new(Kind::etcd(Some(certificates_of(&strongroom)))).await;
    let mut reports = Vec::new();
    for plan in arguments.plans() {
        let mut report = Report::new(&plan);
        for _ in 0..arguments.rounds {
            report.strongroom.push(load::round(&strongroom, &plan).await);
            report.etcd.push(load::round(&etcd, &plan).await);
        }
        reports.push(report);
    }
    std::io::stdout().write_all(report::table(&reports).as_bytes())
}

/// etcd is given the certificates that `strongroom dev` made, so that both do the same TLS.
fn certificates_of(strongroom: &Server) -> EtcdTls {
    let certs = strongroom.dir().join("certs");
    let client = strongroom.environment().client_certificates().expect("strongroom dev serves over TLS");
    let server = Certificates {
        authority: client.authority.clone(),
        certificate: certs.join("server.crt"),
        key: certs.join("server.key"),
    };
    EtcdTls { server, client }
}

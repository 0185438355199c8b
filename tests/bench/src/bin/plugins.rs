//! The program `plugins`: what plugins cost a put. Puts that no plugin reviews, with none bound and with sixty-four bound on a
//! thousand other prefixes; and puts that one in Rust reviews, in fresh instances and in reused ones. On one member that syncs every
//! put.
//!
//! ```text
//! plugins --clients 64 --rounds 9 --seconds 3
//! ```
//!
//! Each round does the same in every state, each time from another one on, so that what drifts falls on all. A ratio is taken within
//! each round; the table gives the median of those.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Parser;
use harness::{Client, Random, Server};
use proto::{
    admin::{BindRequest, Binding, InstallRequest, ListRequest, RemoveRequest, plugins_client::PluginsClient},
    etcdserverpb::PutRequest,
};
use tokio::task::JoinSet;
use tonic::transport::Channel;

/// What the plugin that `strongroom dev` installs reviews, and a prefix that is equally long and nobody's.
const REVIEWED: &str = "/registry/configmaps/";
const FREE: &str = "/registry/something_/";

/// The plugin that `strongroom dev` installs.
const BUNDLED: &str = "no-secrets-in-configmaps";

const PLUGINS: usize = 64;
const PREFIXES: usize = 1000;

/// Compares puts with plugins and without.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// Clients that put, each on a connection of its own
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Bytes of each value
    #[arg(long, default_value_t = 256)]
    value_bytes: usize,
    /// Rounds
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Length of each part of a round in seconds
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let server = Server::strongroom_logging("warn").await;
    let mut clients = Vec::new();
    for _ in 0..arguments.clients {
        clients.push(server.client().await);
    }
    let channel = server.admin(&server.environment().administrator_certificates()).await;
    let mut bound = Bound { plugins: PluginsClient::new(channel.expect("the member serves administrators")) };
    let states = ["no plugin", "64 plugins elsewhere", "reviewed", "reviewed, reused"];
    let (mut rates, mut ratios) = (vec![Vec::new(); states.len()], vec![Vec::new(); states.len()]);
    for round in 0..=arguments.rounds {
        let mut found = vec![0.0; states.len()];
        for turn in 0..states.len() {
            let state = (round + turn) % states.len();
            found[state] = match state {
                0 => rate(&clients, FREE, &arguments).await,
                1 => {
                    bound.bind_elsewhere().await;
                    let found = rate(&clients, FREE, &arguments).await;
                    bound.unbind_elsewhere().await;
                    found
                }
                2 => rate(&clients, REVIEWED, &arguments).await,
                _ => {
                    bound.reuse(true).await;
                    let found = rate(&clients, REVIEWED, &arguments).await;
                    bound.reuse(false).await;
                    found
                }
            };
        }
        // The first one warms up.
        if round > 0 {
            for (state, rate) in found.iter().enumerate() {
                rates[state].push(*rate);
                ratios[state].push(rate / found[0]);
            }
        }
    }
    let mut out = std::io::stdout();
    writeln!(out, "{:<22} {:>10} {:>22}", "puts", "per second", "to no plugin")?;
    for (state, name) in states.iter().enumerate() {
        let ([_, rate, _], [least, middle, most]) = (spread(&mut rates[state]), spread(&mut ratios[state]));
        writeln!(out, "{name:<22} {rate:>10.1} {middle:>8.3} ({least:.3}-{most:.3})")?;
    }
    Ok(())
}

/// The administrator, with plugins.
struct Bound {
    plugins: PluginsClient<Channel>,
}

impl Bound {
    /// As many plugins as there can be, besides the one that is there, on prefixes that nobody writes to.
    async fn bind_elsewhere(&mut self) {
        for plugin in 1..PLUGINS {
            let own = (0..PREFIXES).filter(|prefix| prefix % (PLUGINS - 1) == plugin - 1);
            let prefixes = own.map(|prefix| format!("/registry/kind-{prefix:04}/").into()).collect();
            let request = InstallRequest {
                name: format!("elsewhere-{plugin}"),
                component: guests::deny_all().into(),
                binding: Some(Binding { prefixes, ..Binding::default() }),
                ..InstallRequest::default()
            };
            self.plugins.install(request).await.expect("a plugin can be installed");
        }
    }

    async fn unbind_elsewhere(&mut self) {
        for plugin in 1..PLUGINS {
            let name = format!("elsewhere-{plugin}");
            self.plugins.remove(RemoveRequest { name }).await.expect("a plugin can be removed");
        }
    }

    async fn reuse(&mut self, reuse_instances: bool) {
        let listed = self.plugins.list(ListRequest {}).await.expect("plugins can be listed").into_inner();
        let bundled = listed.plugins.into_iter().find(|plugin| plugin.name == BUNDLED).expect("it is installed");
        let binding = Binding { reuse_instances, ..bundled.binding.unwrap_or_default() };
        let (name, policy_epoch) = (BUNDLED.to_owned(), bundled.policy_epoch);
        let request = BindRequest { name, binding: Some(binding), policy_epoch };
        self.plugins.bind(request).await.expect("a plugin can be bound otherwise");
    }
}

/// Least, median and most.
fn spread(numbers: &mut [f64]) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [numbers[0], numbers[numbers.len() / 2], numbers[numbers.len() - 1]]
}

/// Puts in a second, of all clients together.
async fn rate(clients: &[Client], prefix: &'static str, arguments: &Arguments) -> f64 {
    let begun = Instant::now();
    let end = begun + Duration::from_secs(arguments.seconds);
    let mut done = JoinSet::new();
    for (number, client) in clients.iter().enumerate() {
        done.spawn(puts(client.clone(), prefix, arguments.value_bytes, number as u64, end));
    }
    let count: u64 = done.join_all().await.into_iter().sum();
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn puts(mut client: Client, prefix: &str, value_bytes: usize, number: u64, end: Instant) -> u64 {
    let (mut random, mut count) = (Random::new(number), 0);
    // Making values is not what is measured.
    let value = Bytes::from(random.word(value_bytes));
    while Instant::now() < end {
        let key = format!("{prefix}{:08}", random.below(100_000));
        let request = PutRequest { key: key.into(), value: value.clone(), ..PutRequest::default() };
        client.kv.put(request).await.expect("a put succeeds");
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_equally_long() {
        assert_eq!(REVIEWED.len(), FREE.len());
    }
}

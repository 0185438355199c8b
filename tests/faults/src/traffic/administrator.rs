//! The administrator: installs and removes a plugin that forbids, rotates keys, seals and unseals what is written to, gives up
//! history, asks for what costs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use harness::{Random, connect};
use proto::{
    admin::{
        Binding, InstallRequest, RemoveRequest, RotateRequest, Rule, SetRuleRequest, keys_client::KeysClient,
        plugins_client::PluginsClient, seal_client::SealClient,
    },
    etcdserverpb::{CompactionRequest, DefragmentRequest},
};
use tokio::time::{sleep, timeout};
use tonic::{Code, transport::Channel};

use super::field::{Field, PATIENCE, REGISTERS, below};
use crate::verdict::{call::Span, policy::InForce};

/// Longest time between two changes.
const PAUSE_MS_MAX: u64 = 900;

/// Longest time in which a plugin can be removed, faults and all.
const REMOVAL: Duration = Duration::from_secs(60);

/// The plugin's name.
const NAME: &str = "deny-all";

/// Works until told to stop. `start` is where this round's history begins: what is older may be given up.
pub(super) async fn work(field: Arc<Field>, start: i64, random: Random) -> Vec<InForce> {
    let mut administrator = Administrator { field, random };
    let mut in_force = Vec::new();
    while !administrator.field.is_stopped() {
        in_force.extend(administrator.forbid().await);
        administrator.upkeep(start).await;
    }
    in_force
}

struct Administrator {
    field: Arc<Field>,
    random: Random,
}

impl Administrator {
    /// Forbids writes for a while. What is known of it for certain, if anything.
    async fn forbid(&mut self) -> Option<InForce> {
        let span = Span::prefix(&self.field.guarded());
        let installed = self.install().await;
        let after = if installed { self.field.revision(&mut self.random).await } else { None };
        self.pause().await;
        let until = match after {
            Some(_) => self.field.revision(&mut self.random).await,
            None => None,
        };
        // Whether the answer of the installation came or not: it must not stay, not even behind the end of the round.
        let begun = Instant::now();
        while !self.remove().await && begun.elapsed() < REMOVAL {
            sleep(Duration::from_millis(50)).await;
        }
        self.pause().await;
        Some(InForce { span, after: after?, until: until? })
    }

    async fn install(&mut self) -> bool {
        let Some(mut plugins) = self.plugins().await else { return false };
        let prefixes = vec![self.field.guarded().into()];
        let component = guests::deny_all().into();
        let binding = Some(Binding { prefixes, ..Binding::default() });
        let request = InstallRequest { name: NAME.to_owned(), component, binding, ..InstallRequest::default() };
        matches!(timeout(PATIENCE, plugins.install(request)).await, Ok(Ok(_)))
    }

    /// Whether it is known to be gone.
    async fn remove(&mut self) -> bool {
        let Some(mut plugins) = self.plugins().await else { return false };
        match timeout(PATIENCE, plugins.remove(RemoveRequest { name: NAME.to_owned() })).await {
            Ok(Ok(_)) => true,
            Ok(Err(status)) => status.code() == Code::NotFound,
            Err(_) => false,
        }
    }

    async fn plugins(&mut self) -> Option<PluginsClient<Channel>> {
        Some(PluginsClient::new(self.admin_door().await?))
    }

    async fn admin_door(&mut self) -> Option<Channel> {
        let member = below(&mut self.random, self.field.members());
        let doors = &self.field.doors;
        let channel = timeout(PATIENCE, connect(doors.admin_ports[member], Some(&doors.administrator))).await;
        channel.ok()?.ok()
    }

    /// Gives sealed prefixes new data keys. It may fail, and it may be done without an answer.
    async fn rotate(&mut self) {
        let Some(channel) = self.admin_door().await else { return };
        drop(timeout(PATIENCE, KeysClient::new(channel).rotate(RotateRequest::default())).await);
    }

    /// Seals what writers share, or writes it back in plain text.
    async fn reseal(&mut self, sealed: bool) {
        let Some(channel) = self.admin_door().await else { return };
        let rule = Rule { prefix: REGISTERS.into(), sealed, ..Rule::default() };
        let request = SetRuleRequest { rule: Some(rule), yes_store_plaintext: true };
        drop(timeout(PATIENCE, SealClient::new(channel).set(request)).await);
    }

    /// What an operator does now and then. It may fail; that it harms nothing is what counts.
    async fn upkeep(&mut self, start: i64) {
        let member = below(&mut self.random, self.field.members());
        let mut client = self.field.doors.clients[member].clone();
        match self.random.below(8) {
            0 => {
                let request = CompactionRequest { revision: start, physical: self.random.below(2) == 0 };
                drop(timeout(PATIENCE, client.kv.compact(request)).await);
            }
            1 => drop(timeout(PATIENCE, client.maintenance.defragment(DefragmentRequest {})).await),
            2 | 3 => self.rotate().await,
            4 => self.reseal(true).await,
            5 => self.reseal(false).await,
            _ => {}
        }
    }

    async fn pause(&mut self) {
        let pause = Duration::from_millis(50 + self.random.below(PAUSE_MS_MAX));
        self.field.pause(pause).await;
    }
}

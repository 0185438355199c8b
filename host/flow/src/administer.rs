//! What an administrator does with plugins.

use admission::{
    Description, Line, is_name,
    limits::{MEMORY_BYTES_MAX, PLUGINS_MAX, PREFIX_BYTES_MAX, PREFIXES_MAX},
};
use auth::Administrator;
use bytes::Bytes;
use consensus::Proposal;
use ring::digest;
use store::{Outcome, PluginMode, PluginRecord, Refusal};

use crate::{FlowError, Member};

/// A plugin to install, or to put in the place of the one with the same name.
#[derive(Clone, Default)]
pub struct InstallPlugin {
    /// Its name.
    pub name: String,
    /// The WebAssembly component.
    pub component: Bytes,
    /// Prefixes it reviews; empty for those it asks for itself.
    pub prefixes: Vec<Bytes>,
    /// Whether it may see the values of sealed prefixes.
    pub sees_sealed: bool,
    /// Whether a write passes when the plugin fails.
    pub fail_open: bool,
    /// Time limit in milliseconds of all its reviews of one client request, zero for the default.
    pub timeout_ms: u32,
    /// What it is told of its task, in a form of its own.
    pub settings: String,
    /// What becomes of its verdicts.
    pub mode: PluginMode,
    /// Those with a smaller number review first.
    pub order: i32,
    /// Whether it may change what is written.
    pub may_mutate: bool,
    /// Bound on the memory of one review in MiB, zero for the default.
    pub memory_mib: u32,
}

/// An installed plugin.
pub type PluginInfo = PluginRecord;

impl Member {
    /// Checks a component and puts it in force. Once this returns, no write gets past it.
    ///
    /// # Errors
    /// What is wrong with the component or its name: nothing has changed then.
    pub async fn plugin_install(
        &self,
        admin: &Administrator,
        request: InstallPlugin,
    ) -> Result<(PluginInfo, u64), FlowError> {
        self.check_install(&request)?;
        let engine = self.shared.policy.engine();
        let (component, settings) = (request.component.clone(), request.settings.clone());
        let inspected = tokio::task::spawn_blocking(move || engine.inspect(&component, &settings)).await?;
        let description = inspected?;
        let mut record = record_of(request, description);
        let epoch = self.change_policy(Proposal::put_plugin(record.clone()), &record.name).await?;
        record.policy_epoch = epoch;
        tracing::info!(plugin = record.name, administrator = admin.name(), policy_epoch = epoch, "plugin installed");
        Ok((record, epoch))
    }

    fn check_install(&self, request: &InstallPlugin) -> Result<(), FlowError> {
        let refuse = |reason: String| Err(FlowError::Plugin { reason });
        if !is_name(&request.name) {
            return refuse(format!("{:?} is not a plugin name: use small letters, digits and hyphens", request.name));
        }
        let fits = |prefix: &Bytes| !prefix.is_empty() && prefix.len() <= PREFIX_BYTES_MAX;
        if request.prefixes.len() > PREFIXES_MAX || !request.prefixes.iter().all(fits) {
            return refuse(format!("give at most {PREFIXES_MAX} prefixes of 1 to {PREFIX_BYTES_MAX} bytes each"));
        }
        if request.memory_mib as usize > MEMORY_BYTES_MAX >> 20 {
            return refuse(format!("a plugin may be given at most {} MiB of memory", MEMORY_BYTES_MAX >> 20));
        }
        let installed = self.shared.store.view(|view| view.plugins())?;
        let replaces = installed.iter().any(|plugin| plugin.name == request.name);
        if !replaces && installed.len() >= PLUGINS_MAX {
            return refuse(format!("{PLUGINS_MAX} plugins are installed already; remove one first"));
        }
        Ok(())
    }

    /// Installed plugins, and the policy epoch.
    ///
    /// # Errors
    /// When the disk does.
    pub fn plugins(&self, _admin: &Administrator) -> Result<(Vec<PluginInfo>, u64), FlowError> {
        Ok(self.shared.store.view(|view| Ok::<_, store::StoreError>((view.plugins()?, view.policy_epoch()?)))?)
    }

    /// What a plugin has logged on this member since it started, oldest first.
    ///
    /// # Errors
    /// No such plugin.
    pub fn plugin_log(&self, _admin: &Administrator, name: &str) -> Result<Vec<Line>, FlowError> {
        let installed = self.shared.store.view(|view| view.plugins())?;
        if !installed.iter().any(|plugin| plugin.name == name) {
            return Err(FlowError::NoSuchPlugin { name: name.to_owned() });
        }
        Ok(self.shared.policy.engine().log(name))
    }

    /// Takes a plugin out of force.
    ///
    /// # Errors
    /// No such plugin; otherwise as for a write.
    pub async fn plugin_remove(&self, admin: &Administrator, name: &str) -> Result<u64, FlowError> {
        let epoch = self.change_policy(Proposal::remove_plugin(name), name).await?;
        tracing::info!(plugin = name, administrator = admin.name(), policy_epoch = epoch, "plugin removed");
        Ok(epoch)
    }

    async fn change_policy(&self, proposal: Proposal, plugin: &str) -> Result<u64, FlowError> {
        match self.shared.consensus.propose(proposal).await?.result {
            Ok(Outcome::PolicyChanged { epoch }) => {
                self.shared.policy.reach(epoch).await?;
                Ok(epoch)
            }
            Err(Refusal::NoSuchPlugin) => Err(FlowError::NoSuchPlugin { name: plugin.to_owned() }),
            Err(refusal) => Err(refusal.into()),
            Ok(other) => Err(FlowError::Corrupt(format!("a policy change came out as {other:?}"))),
        }
    }
}

fn record_of(request: InstallPlugin, description: Description) -> PluginRecord {
    let prefixes = if request.prefixes.is_empty() {
        description.prefixes.into_iter().map(Bytes::from).collect()
    } else {
        request.prefixes
    };
    let digest = digest::digest(&digest::SHA256, &request.component);
    PluginRecord {
        name: request.name,
        version: description.version,
        digest: Bytes::copy_from_slice(digest.as_ref()),
        component: request.component,
        prefixes,
        on_put: description.operations.put,
        on_delete: description.operations.delete,
        sees_sealed: request.sees_sealed,
        fail_open: request.fail_open,
        timeout_ms: request.timeout_ms,
        policy_epoch: 0,
        settings: request.settings,
        mode: request.mode.into(),
        order: request.order,
        may_mutate: request.may_mutate,
        memory_mib: request.memory_mib,
    }
}

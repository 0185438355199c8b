//! What an administrator does with plugins.

mod binding;
mod denial;
mod replay;

use admission::{Line, is_name, limits::PLUGINS_MAX};
use auth::{Administrator, Auditor};
use bytes::Bytes;
use consensus::{Proposal, Unprepared};
use store::command::PluginChange;
use store::{Outcome, PluginRecord, Refusal};

use crate::{FlowError, Member};

pub use binding::Binding;
pub(crate) use replay::REPLAYS_MAX;
pub use replay::{Objection, Replay, ReplayPiece};

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// A component, as an administrator brings it.
#[derive(Clone, Default)]
pub struct Upload {
    /// The WebAssembly component.
    pub component: Bytes,
    /// Its Ed25519 signature, which members with trusted keys ask for; empty for none.
    pub signature: Bytes,
}

/// A plugin to install, or to put in the place of the one with the same name.
#[derive(Clone, Default)]
pub struct InstallPlugin {
    /// Its name.
    pub name: String,
    /// Its code.
    pub code: Upload,
    /// How it is bound.
    pub binding: Binding,
    /// Put in force although a member with a vote does not answer. One that answers that it cannot run it is never overruled.
    pub force: bool,
}

/// An installed plugin.
pub type PluginInfo = PluginRecord;

impl Member {
    /// Checks a component and puts it in force. Once this returns, no write gets past it.
    ///
    /// # Errors
    /// What is wrong with the component, its name or its binding: nothing has changed then.
    pub async fn plugin_install(
        &self,
        admin: &Administrator,
        request: InstallPlugin,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let InstallPlugin { name, code, binding, force } = request;
        if !is_name(&name) {
            return refuse(format!("{name:?} is not a plugin name: use small letters, digits and hyphens"));
        }
        // Asked again when it is applied; before that, what does not fit need not be compiled.
        let installed = self.shared.store.view(|view| view.plugins())?;
        if !installed.iter().any(|plugin| plugin.name == name) && installed.len() >= PLUGINS_MAX {
            return Err(Refusal::TooManyPlugins.into());
        }
        let record = PluginRecord { name, ..PluginRecord::default() };
        self.put_plugin(admin, "plugin installed", record, Some((code, force)), binding).await
    }

    /// Puts another component in the place of an installed one, which is bound as before.
    ///
    /// # Errors
    /// No such plugin, or what is wrong with the component.
    pub async fn plugin_upgrade(
        &self,
        admin: &Administrator,
        name: &str,
        code: Upload,
        force: bool,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let record = self.plugin(name)?;
        let binding = Binding::of(&record);
        self.put_plugin(admin, "plugin upgraded", record, Some((code, force)), binding).await
    }

    /// Binds an installed plugin otherwise, unless it was changed since `base_epoch`, the policy epoch that it came with.
    ///
    /// # Errors
    /// No such plugin, or what is wrong with the binding.
    pub async fn plugin_bind(
        &self,
        admin: &Administrator,
        name: &str,
        base_epoch: u64,
        binding: Binding,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let record = self.plugin(name)?;
        if record.policy_epoch != base_epoch {
            return Err(Refusal::PluginChanged.into());
        }
        self.put_plugin(admin, "plugin bound", record, None, binding).await
    }

    /// Turns a plugin off or on, or puts back what it replaced.
    ///
    /// # Errors
    /// No such plugin, nothing to go back to, or why what is to be in force cannot be run.
    pub async fn plugin_change(
        &self,
        admin: &Administrator,
        name: &str,
        change: PluginChange,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let record = self.plugin(name)?;
        let wanted = match change {
            PluginChange::Disable => None,
            PluginChange::Enable => Some(&record),
            PluginChange::RollBack => Some(record.previous.as_deref().ok_or(Refusal::NothingReplaced)?),
        };
        if let Some(wanted) = wanted {
            self.make_ready(wanted).await?;
            // Those that do not answer have compiled it before.
            self.prepare_voters(wanted.digest.clone(), wanted.signature.clone(), true).await?;
        }
        let epoch = self.change_policy(Proposal::change_plugin(name, change, record.policy_epoch), name).await?;
        tracing::info!(plugin = name, administrator = admin.name(), policy_epoch = epoch, ?change, "plugin changed");
        Ok((self.plugin(name)?, epoch))
    }

    /// Makes the component of a record ready here, if it may still be run, going by its signature.
    async fn make_ready(&self, record: &PluginRecord) -> Result<(), FlowError> {
        let (engine, code) = (self.shared.policy.engine(), self.code_of(record)?);
        let prepare = move || {
            engine.admit(&code.component, &code.signature)?;
            engine.prepare(&code.component)
        };
        Ok(tokio::task::spawn_blocking(prepare).await??)
    }

    fn code_of(&self, record: &PluginRecord) -> Result<Upload, FlowError> {
        let component = self.shared.store.view(|view| view.component(&record.digest))?.ok_or(Refusal::PluginChanged)?;
        Ok(Upload { component, signature: record.signature.clone() })
    }

    /// Puts `record` with another binding, and with another component unless it keeps its own; by force also past members that do
    /// not answer.
    async fn put_plugin(
        &self,
        admin: &Administrator,
        action: &'static str,
        record: PluginRecord,
        other: Option<(Upload, bool)>,
        binding: Binding,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let (code, force) = match other {
            Some((code, force)) => (code, Some(force)),
            None => (self.code_of(&record)?, None),
        };
        let record = self.described(record, &code, binding).await?;
        if let Some(force) = force {
            self.prepare(record.digest.clone(), code, force).await?;
        }
        let epoch = self.change_policy(Proposal::put_plugin(record.clone()), &record.name).await?;
        tracing::info!(plugin = record.name, administrator = admin.name(), policy_epoch = epoch, "{action}");
        Ok((self.plugin(&record.name)?, epoch))
    }

    /// What `record` becomes with this code, bound like this, if this member can run it.
    async fn described(
        &self,
        record: PluginRecord,
        code: &Upload,
        binding: Binding,
    ) -> Result<PluginRecord, FlowError> {
        binding.check()?;
        if !matches!(code.signature.len(), 0 | SIGNATURE_BYTES) {
            return refuse(format!(
                "a signature has {SIGNATURE_BYTES} bytes: give what `strongroom plugin sign` writes"
            ));
        }
        let (engine, inspected, settings) = (self.shared.policy.engine(), code.clone(), binding.settings.clone());
        let inspect = move || {
            engine.admit(&inspected.component, &inspected.signature)?;
            engine.inspect(&inspected.component, &settings)
        };
        let described = tokio::task::spawn_blocking(inspect).await??;
        Ok(binding.record(record, described, code))
    }

    /// Brings a component to every member, and has those with a vote compile it: none of them is to find out that it cannot run it
    /// when it has to.
    async fn prepare(&self, digest: Bytes, code: Upload, force: bool) -> Result<(), FlowError> {
        let Upload { component, signature } = code;
        self.shared.consensus.propose(Proposal::put_component(digest.clone(), component)).await?.result?;
        self.prepare_voters(digest, signature, force).await
    }

    async fn prepare_voters(&self, digest: Bytes, signature: Bytes, force: bool) -> Result<(), FlowError> {
        for Unprepared { member, reason, refuses } in self.shared.consensus.prepare_voters(digest, signature).await {
            if force && !refuses {
                tracing::warn!(
                    member = format!("{member:x}"),
                    reason,
                    "a plugin is put in force that a member has not compiled"
                );
                continue;
            }
            let remedy = if refuses { "" } else { "; start it, remove it, or do without it by force" };
            return refuse(format!(
                "nothing was changed: member {member:x} has not compiled the plugin: {reason}{remedy}"
            ));
        }
        Ok(())
    }

    fn plugin(&self, name: &str) -> Result<PluginRecord, FlowError> {
        let installed = self.shared.store.view(|view| view.plugins())?;
        let found = installed.into_iter().find(|plugin| plugin.name == name);
        found.ok_or_else(|| FlowError::NoSuchPlugin { name: name.to_owned() })
    }

    /// Installed plugins, and the policy epoch.
    ///
    /// # Errors
    /// When the disk does.
    pub fn plugins(&self, _auditor: &Auditor) -> Result<(Vec<PluginInfo>, u64), FlowError> {
        Ok(self.shared.store.view(|view| Ok::<_, store::StoreError>((view.plugins()?, view.policy_epoch()?)))?)
    }

    /// What a plugin has logged on this member since it started, oldest first.
    ///
    /// # Errors
    /// No such plugin.
    pub fn plugin_log(&self, _auditor: &Auditor, name: &str) -> Result<Vec<Line>, FlowError> {
        self.plugin(name)?;
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

fn refuse<T>(reason: String) -> Result<T, FlowError> {
    Err(FlowError::Plugin { reason })
}

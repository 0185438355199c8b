//! What an administrator does with plugins.

use admission::{
    Description, Line, Operations, is_name,
    limits::{MEMORY_BYTES_MAX, PLUGINS_MAX, PREFIX_BYTES_MAX, PREFIXES_MAX, WRITERS_MAX},
};
use auth::{Administrator, WriterRule};
use bytes::Bytes;
use consensus::{Proposal, Unprepared};
use ring::digest;
use store::command::PluginChange;
use store::{Outcome, PluginMode, PluginRecord, Refusal};

use crate::{FlowError, Member};

/// How a plugin is bound to writes.
#[derive(Clone, Default)]
pub struct Binding {
    /// Prefixes it reviews; empty for those it asks for itself.
    pub prefixes: Vec<Bytes>,
    /// Which operations it reviews; `None` for those it asks for itself.
    pub operations: Option<Operations>,
    /// Whose writes it reviews, as rules of [`WriterRule`]; empty for everybody's.
    pub users: Vec<String>,
    /// Whose writes it does not review.
    pub exempt: Vec<String>,
    /// Prefixes of the keys that it may read.
    pub reads: Vec<Bytes>,
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

/// A plugin to install, or to put in the place of the one with the same name.
#[derive(Clone, Default)]
pub struct InstallPlugin {
    /// Its name.
    pub name: String,
    /// The WebAssembly component.
    pub component: Bytes,
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
        let InstallPlugin { name, component, binding, force } = request;
        if !is_name(&name) {
            return refuse(format!("{name:?} is not a plugin name: use small letters, digits and hyphens"));
        }
        let installed = self.shared.store.view(|view| view.plugins())?;
        if !installed.iter().any(|plugin| plugin.name == name) && installed.len() >= PLUGINS_MAX {
            return refuse(format!("{PLUGINS_MAX} plugins are installed already; remove one first"));
        }
        let record = PluginRecord { name, ..PluginRecord::default() };
        self.put_plugin(admin, "plugin installed", record, Some((component, force)), binding).await
    }

    /// Puts another component in the place of an installed one, which is bound as before.
    ///
    /// # Errors
    /// No such plugin, or what is wrong with the component.
    pub async fn plugin_upgrade(
        &self,
        admin: &Administrator,
        name: &str,
        component: Bytes,
        force: bool,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let record = self.plugin(name)?;
        let binding = Binding::of(&record);
        self.put_plugin(admin, "plugin upgraded", record, Some((component, force)), binding).await
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
    /// No such plugin, or nothing to go back to.
    pub async fn plugin_change(
        &self,
        admin: &Administrator,
        name: &str,
        change: PluginChange,
    ) -> Result<(PluginInfo, u64), FlowError> {
        let epoch = self.change_policy(Proposal::change_plugin(name, change), name).await?;
        tracing::info!(plugin = name, administrator = admin.name(), policy_epoch = epoch, ?change, "plugin changed");
        Ok((self.plugin(name)?, epoch))
    }

    /// Puts `record` with another binding, and with another component unless it keeps its own; by force also past members that do
    /// not answer.
    async fn put_plugin(
        &self,
        admin: &Administrator,
        action: &'static str,
        record: PluginRecord,
        component: Option<(Bytes, bool)>,
        binding: Binding,
    ) -> Result<(PluginInfo, u64), FlowError> {
        binding.check()?;
        let code = match &component {
            Some((component, _)) => component.clone(),
            None => self.shared.store.view(|view| view.component(&record.digest))?.ok_or(Refusal::PluginChanged)?,
        };
        let (engine, inspected, settings) = (self.shared.policy.engine(), code.clone(), binding.settings.clone());
        let described = tokio::task::spawn_blocking(move || engine.inspect(&inspected, &settings)).await?;
        let record = binding.record(record, described?, &code);
        if let Some((component, force)) = component {
            self.prepare(record.digest.clone(), component, force).await?;
        }
        let epoch = self.change_policy(Proposal::put_plugin(record.clone()), &record.name).await?;
        tracing::info!(plugin = record.name, administrator = admin.name(), policy_epoch = epoch, "{action}");
        Ok((self.plugin(&record.name)?, epoch))
    }

    /// Brings a component to every member, and has those with a vote compile it: none of them is to find out that it cannot run it
    /// when it has to.
    async fn prepare(&self, digest: Bytes, component: Bytes, force: bool) -> Result<(), FlowError> {
        self.shared.consensus.propose(Proposal::put_component(digest.clone(), component)).await?.result?;
        for Unprepared { member, reason, refuses } in self.shared.consensus.prepare_voters(digest).await {
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
    pub fn plugins(&self, _admin: &Administrator) -> Result<(Vec<PluginInfo>, u64), FlowError> {
        Ok(self.shared.store.view(|view| Ok::<_, store::StoreError>((view.plugins()?, view.policy_epoch()?)))?)
    }

    /// What a plugin has logged on this member since it started, oldest first.
    ///
    /// # Errors
    /// No such plugin.
    pub fn plugin_log(&self, _admin: &Administrator, name: &str) -> Result<Vec<Line>, FlowError> {
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

impl Binding {
    /// The binding of an installed plugin.
    #[must_use]
    pub fn of(record: &PluginRecord) -> Self {
        Self {
            prefixes: record.prefixes.clone(),
            operations: Some(Operations { put: record.on_put, delete: record.on_delete }),
            users: record.users.clone(),
            exempt: record.exempt.clone(),
            reads: record.reads.clone(),
            sees_sealed: record.sees_sealed,
            fail_open: record.fail_open,
            timeout_ms: record.timeout_ms,
            settings: record.settings.clone(),
            mode: record.mode(),
            order: record.order,
            may_mutate: record.may_mutate,
            memory_mib: record.memory_mib,
        }
    }

    fn check(&self) -> Result<(), FlowError> {
        let fits = |prefix: &Bytes| !prefix.is_empty() && prefix.len() <= PREFIX_BYTES_MAX;
        for prefixes in [&self.prefixes, &self.reads] {
            if prefixes.len() > PREFIXES_MAX || !prefixes.iter().all(fits) {
                return refuse(format!("give at most {PREFIXES_MAX} prefixes of 1 to {PREFIX_BYTES_MAX} bytes each"));
            }
        }
        if self.operations.is_some_and(|operations| !operations.put && !operations.delete) {
            return refuse("a plugin that reviews no operation does nothing: name put, delete or both".to_owned());
        }
        if self.memory_mib as usize > MEMORY_BYTES_MAX >> 20 {
            return refuse(format!("a plugin may be given at most {} MiB of memory", MEMORY_BYTES_MAX >> 20));
        }
        if self.users.len() > WRITERS_MAX || self.exempt.len() > WRITERS_MAX {
            return refuse(format!("name at most {WRITERS_MAX} writers to include and as many to exempt"));
        }
        for rule in self.users.iter().chain(&self.exempt) {
            if rule.parse::<WriterRule>().is_err() {
                return refuse(format!(
                    "{rule:?} names no writer: use USER:name, CN:name, DNS:name or URI:scheme://name"
                ));
            }
        }
        Ok(())
    }

    /// What `record` becomes with this binding and this code.
    fn record(self, record: PluginRecord, described: Description, code: &[u8]) -> PluginRecord {
        let Description { version, prefixes, operations, .. } = described;
        let prefixes = match self.prefixes.is_empty() {
            true => prefixes.into_iter().map(Bytes::from).collect(),
            false => self.prefixes,
        };
        let operations = self.operations.unwrap_or(operations);
        PluginRecord {
            name: record.name,
            version,
            digest: Bytes::copy_from_slice(digest::digest(&digest::SHA256, code).as_ref()),
            prefixes,
            on_put: operations.put,
            on_delete: operations.delete,
            sees_sealed: self.sees_sealed,
            fail_open: self.fail_open,
            timeout_ms: self.timeout_ms,
            policy_epoch: 0,
            settings: self.settings,
            mode: self.mode.into(),
            order: self.order,
            may_mutate: self.may_mutate,
            memory_mib: self.memory_mib,
            reads: self.reads,
            users: self.users,
            exempt: self.exempt,
            disabled: record.disabled,
            component_bytes: code.len() as u64,
            previous: None,
            base_epoch: record.policy_epoch,
        }
    }
}

//! What an administrator does: plugins and keys.

use admission::{
    Description, is_name,
    limits::{PLUGINS_MAX, PREFIX_BYTES_MAX, PREFIXES_MAX},
};
use auth::Administrator;
use bytes::Bytes;
use consensus::Proposal;
use ring::digest;
use seal::{DataKeyRecord, Keyring};
use store::{Outcome, PluginRecord, Refusal};

use crate::{FlowError, Member};

/// A plugin to install, or to put in the place of the one with the same name.
#[derive(Clone)]
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
}

/// An installed plugin.
pub type PluginInfo = PluginRecord;

/// A data key, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyInfo {
    /// The prefix whose values it seals.
    pub prefix: Bytes,
    /// Its id.
    pub id: u32,
    /// Whether new values are sealed with it.
    pub active: bool,
    /// When it was made, in seconds since 1970.
    pub created_unix_seconds: i64,
    /// Providers that can unwrap it.
    pub wraps: Vec<String>,
    /// Whether this member has unwrapped it.
    pub usable: bool,
    /// Records it seals, now and in history.
    pub records: u64,
}

/// How the keys stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Every data key.
    pub keys: Vec<DataKeyInfo>,
    /// The policy epoch.
    pub policy_epoch: u64,
    /// Whether this member has its root key.
    pub root_key_present: bool,
}

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
        let component = request.component.clone();
        let description = tokio::task::spawn_blocking(move || engine.inspect(&component)).await??;
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

    /// How the keys stand. Counts records, so its cost follows the size of the sealed prefixes.
    ///
    /// # Errors
    /// When the disk does.
    pub async fn key_status(&self, _admin: &Administrator) -> Result<KeyStatus, FlowError> {
        let policy = self.shared.policy.current();
        let counted = self
            .view_off_thread(|view| {
                let keys = view.data_keys()?.into_iter().map(|record| {
                    let records = view.sealed_records(&record.prefix)?.remove(&record.id).unwrap_or(0);
                    Ok((record, records))
                });
                keys.collect::<Result<Vec<_>, store::ReadError>>()
            })
            .await?;
        let keyring = policy.keyring();
        let keys = counted.into_iter().map(|(record, records)| key_info(keyring, record, records)).collect();
        Ok(KeyStatus { keys, policy_epoch: policy.epoch(), root_key_present: keyring.root_key_present() })
    }
}

fn key_info(keyring: &Keyring, record: DataKeyRecord, records: u64) -> DataKeyInfo {
    DataKeyInfo {
        usable: keyring.usable(&record.prefix, record.id),
        records,
        wraps: record.wraps.into_iter().map(|wrap| wrap.provider).collect(),
        prefix: record.prefix,
        id: record.id,
        active: record.active,
        created_unix_seconds: record.created_unix_seconds,
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
    }
}

//! Admission plugins.

use std::time::UNIX_EPOCH;

use flow::{Binding, InstallPlugin, Member, PluginInfo, PluginLine, PluginOperations, Upload};
use proto::admin::{
    self, BindRequest, ChangeRequest, FailurePolicy, InstallRequest, ListRequest, ListResponse, LogLine, LogsRequest,
    LogsResponse, Plugin, PluginResponse, RemoveRequest, RemoveResponse, Replaced, ReplayRequest, UpgradeRequest,
    plugins_server::Plugins,
};
use store::command::PluginChange;
use store::{PluginMode, PluginRecord};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response};

use super::replay::{self, ReplayStream};
use super::{Answer, log};
use crate::ApiError;
use crate::request::administered;

pub(crate) struct PluginsDoor {
    pub(crate) member: Member,
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Plugins for PluginsDoor {
    async fn install(&self, request: Request<InstallRequest>) -> Answer<PluginResponse> {
        let (administrator, request) = administered(request)?;
        let (name, binding) = (request.name, binding(request.binding.unwrap_or_default())?);
        let code = Upload { component: request.component, signature: request.signature };
        let wanted = InstallPlugin { name: name.clone(), code, binding, force: request.force };
        let installed = self.member.plugin_install(&administrator, wanted).await;
        log(&administrator, "install plugin", &name, &installed);
        answer(installed.map_err(ApiError::from)?)
    }

    async fn upgrade(&self, request: Request<UpgradeRequest>) -> Answer<PluginResponse> {
        let (administrator, request) = administered(request)?;
        let code = Upload { component: request.component, signature: request.signature };
        let upgraded = self.member.plugin_upgrade(&administrator, &request.name, code, request.force).await;
        log(&administrator, "upgrade plugin", &request.name, &upgraded);
        answer(upgraded.map_err(ApiError::from)?)
    }

    async fn bind(&self, request: Request<BindRequest>) -> Answer<PluginResponse> {
        let (administrator, request) = administered(request)?;
        let (name, base_epoch) = (request.name, request.policy_epoch);
        let binding = binding(request.binding.unwrap_or_default())?;
        let bound = self.member.plugin_bind(&administrator, &name, base_epoch, binding).await;
        log(&administrator, "bind plugin", &name, &bound);
        answer(bound.map_err(ApiError::from)?)
    }

    async fn change(&self, request: Request<ChangeRequest>) -> Answer<PluginResponse> {
        let (administrator, request) = administered(request)?;
        let change =
            PluginChange::try_from(request.change).map_err(|_| ApiError::UnknownPluginChange(request.change))?;
        let action = match change {
            PluginChange::Enable => "enable plugin",
            PluginChange::Disable => "disable plugin",
            PluginChange::RollBack => "roll back plugin",
        };
        let changed = self.member.plugin_change(&administrator, &request.name, change).await;
        log(&administrator, action, &request.name, &changed);
        answer(changed.map_err(ApiError::from)?)
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let (administrator, _) = administered(request)?;
        let (records, policy_epoch) = self.member.plugins(&administrator).map_err(ApiError::from)?;
        Ok(Response::new(ListResponse { plugins: records.into_iter().map(plugin).collect(), policy_epoch }))
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Answer<RemoveResponse> {
        let (administrator, request) = administered(request)?;
        let removed = self.member.plugin_remove(&administrator, &request.name).await;
        log(&administrator, "remove plugin", &request.name, &removed);
        Ok(Response::new(RemoveResponse { policy_epoch: removed.map_err(ApiError::from)? }))
    }

    async fn logs(&self, request: Request<LogsRequest>) -> Answer<LogsResponse> {
        let (administrator, request) = administered(request)?;
        let lines = self.member.plugin_log(&administrator, &request.name).map_err(ApiError::from)?;
        Ok(Response::new(LogsResponse { lines: lines.into_iter().map(log_line).collect() }))
    }

    type ReplayStream = ReplayStream;

    async fn replay(&self, request: Request<ReplayRequest>) -> Answer<Self::ReplayStream> {
        let (administrator, request) = administered(request)?;
        let code = Upload { component: request.component, signature: request.signature };
        let (binding, since) = (binding(request.binding.unwrap_or_default())?, request.since_revision);
        let begun = self.member.plugin_replay(&administrator, code, binding, since).await;
        log(&administrator, "replay plugin", "", &begun);
        Ok(Response::new(replay::stream(begun.map_err(ApiError::from)?, self.shutdown.clone())))
    }
}

fn answer((info, policy_epoch): (PluginInfo, u64)) -> Answer<PluginResponse> {
    Ok(Response::new(PluginResponse { plugin: Some(plugin(info)), policy_epoch }))
}

fn binding(wanted: admin::Binding) -> Result<Binding, ApiError> {
    let policy = FailurePolicy::try_from(wanted.failure_policy)
        .map_err(|_| ApiError::UnknownFailurePolicy(wanted.failure_policy))?;
    let mode = PluginMode::try_from(wanted.mode).map_err(|_| ApiError::UnknownPluginMode(wanted.mode))?;
    Ok(Binding {
        prefixes: wanted.prefixes,
        operations: operations(wanted.operations)?,
        users: wanted.users,
        exempt: wanted.exempt,
        reads: wanted.reads,
        sees_sealed: wanted.sees_sealed,
        fail_open: policy == FailurePolicy::Ignore,
        timeout_ms: wanted.timeout_ms,
        settings: wanted.settings,
        mode,
        order: wanted.order,
        may_mutate: wanted.may_mutate,
        memory_mib: wanted.memory_mib,
        reuse_instances: wanted.reuse_instances,
    })
}

fn operations(names: Vec<String>) -> Result<Option<PluginOperations>, ApiError> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut wanted = PluginOperations { put: false, delete: false };
    for name in names {
        match name.as_str() {
            "put" => wanted.put = true,
            "delete" => wanted.delete = true,
            _ => return Err(ApiError::UnknownOperation(name)),
        }
    }
    Ok(Some(wanted))
}

fn log_line(line: PluginLine) -> LogLine {
    let since = line.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    LogLine {
        unix_milliseconds: i64::try_from(since).unwrap_or(i64::MAX),
        level: line.level.name().to_owned(),
        message: line.message,
    }
}

fn plugin(record: PluginRecord) -> Plugin {
    let mode = match record.mode() {
        PluginMode::Enforce => admin::PluginMode::Enforce,
        PluginMode::Warn => admin::PluginMode::Warn,
        PluginMode::Observe => admin::PluginMode::Observe,
    };
    let policy = if record.fail_open { FailurePolicy::Ignore } else { FailurePolicy::Fail };
    let operations = [(record.on_put, "put"), (record.on_delete, "delete")];
    let binding = admin::Binding {
        prefixes: record.prefixes,
        operations: operations.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect(),
        users: record.users,
        exempt: record.exempt,
        reads: record.reads,
        sees_sealed: record.sees_sealed,
        failure_policy: policy.into(),
        timeout_ms: record.timeout_ms,
        settings: record.settings,
        mode: mode.into(),
        order: record.order,
        may_mutate: record.may_mutate,
        memory_mib: record.memory_mib,
        reuse_instances: record.reuse_instances,
    };
    Plugin {
        name: record.name,
        version: record.version,
        digest: hex::encode(&record.digest),
        component_bytes: record.component_bytes,
        policy_epoch: record.policy_epoch,
        binding: Some(binding),
        disabled: record.disabled,
        signed: !record.signature.is_empty(),
        previous: record
            .previous
            .map(|previous| Replaced { version: previous.version, digest: hex::encode(&previous.digest) }),
    }
}

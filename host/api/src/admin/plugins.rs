//! Admission plugins.

use std::time::UNIX_EPOCH;

use flow::{InstallPlugin, Member, PluginLine};
use proto::admin::{
    self, FailurePolicy, InstallRequest, InstallResponse, ListRequest, ListResponse, LogLine, LogsRequest,
    LogsResponse, Plugin, RemoveRequest, RemoveResponse, plugins_server::Plugins,
};
use store::{PluginMode, PluginRecord};
use tonic::{Request, Response};

use super::{Answer, audit};
use crate::ApiError;
use crate::request::administered;

pub(crate) struct PluginsDoor {
    pub(crate) member: Member,
}

#[tonic::async_trait]
impl Plugins for PluginsDoor {
    async fn install(&self, request: Request<InstallRequest>) -> Answer<InstallResponse> {
        let (administrator, request) = administered(request)?;
        let (name, wanted) = (request.name.clone(), install(request)?);
        let installed = self.member.plugin_install(&administrator, wanted).await;
        audit(&administrator, "install plugin", &name, &installed);
        let (info, policy_epoch) = installed.map_err(ApiError::from)?;
        Ok(Response::new(InstallResponse { plugin: Some(plugin(info)), policy_epoch }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let (administrator, _) = administered(request)?;
        let (records, policy_epoch) = self.member.plugins(&administrator).map_err(ApiError::from)?;
        Ok(Response::new(ListResponse { plugins: records.into_iter().map(plugin).collect(), policy_epoch }))
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Answer<RemoveResponse> {
        let (administrator, request) = administered(request)?;
        let removed = self.member.plugin_remove(&administrator, &request.name).await;
        audit(&administrator, "remove plugin", &request.name, &removed);
        Ok(Response::new(RemoveResponse { policy_epoch: removed.map_err(ApiError::from)? }))
    }

    async fn logs(&self, request: Request<LogsRequest>) -> Answer<LogsResponse> {
        let (administrator, request) = administered(request)?;
        let lines = self.member.plugin_log(&administrator, &request.name).map_err(ApiError::from)?;
        Ok(Response::new(LogsResponse { lines: lines.into_iter().map(log_line).collect() }))
    }
}

fn install(request: InstallRequest) -> Result<InstallPlugin, ApiError> {
    let policy = FailurePolicy::try_from(request.failure_policy)
        .map_err(|_| ApiError::UnknownFailurePolicy(request.failure_policy))?;
    let mode = PluginMode::try_from(request.mode).map_err(|_| ApiError::UnknownPluginMode(request.mode))?;
    Ok(InstallPlugin {
        name: request.name,
        component: request.component,
        prefixes: request.prefixes,
        sees_sealed: request.sees_sealed,
        fail_open: policy == FailurePolicy::Ignore,
        timeout_ms: request.timeout_ms,
        settings: request.settings,
        mode,
        order: request.order,
        may_mutate: request.may_mutate,
        memory_mib: request.memory_mib,
    })
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
    Plugin {
        name: record.name,
        version: record.version,
        digest: hex::encode(&record.digest),
        component_bytes: record.component.len() as u64,
        prefixes: record.prefixes,
        operations: operations.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect(),
        sees_sealed: record.sees_sealed,
        failure_policy: policy.into(),
        timeout_ms: record.timeout_ms,
        policy_epoch: record.policy_epoch,
        settings: record.settings,
        mode: mode.into(),
        order: record.order,
        may_mutate: record.may_mutate,
        memory_mib: record.memory_mib,
    }
}

//! Starts the member that a configuration describes.

use std::sync::Arc;

use axum::Router;
use flow::{Member, MemberConfig, StartError};
use seal::SealConfig;

use crate::config::{ClusterState, Config, ConfigError};
use crate::error::ServerError;
use crate::{memory, tls};

/// Opens the data and starts the member; `serve_peers` puts what other members ask of it on the peer listener.
///
/// # Errors
///
/// [`ServerError::Configuration`] for the seal configuration, [`ServerError::Start`] for the rest.
pub(crate) async fn start(config: &Config, serve_peers: impl FnOnce(Router)) -> Result<Member, ServerError> {
    let mut seal = config.seal_config.as_deref().map(SealConfig::load).transpose().map_err(ConfigError::Seal)?;
    if config.seal_keyless {
        seal = None;
    }
    if seal.as_ref().is_some_and(|seal| !seal.providers.is_empty()) {
        memory::hide();
    }
    let text = |urls: &[crate::config::url::Url]| urls.iter().map(ToString::to_string).collect();
    let cluster = &config.cluster;
    // Files that could not be used are an error of the start, not of the first call to another member.
    let peer_tls = config.peer.tls.as_ref().map(|files| tls::for_dialling(files, &config.tls)).transpose()?;
    let peer_tls = peer_tls.map(Arc::new);
    let member = MemberConfig {
        name: config.name.clone(),
        data_dir: config.data_dir.clone(),
        cluster_token: cluster.token.clone(),
        peer_urls: text(&config.peer.advertised),
        initial_cluster: cluster.members.iter().map(|(name, urls)| (name.clone(), text(urls))).collect(),
        join: cluster.state == ClusterState::Existing,
        force_new_cluster: cluster.force_new,
        pre_vote: cluster.pre_vote,
        strict_reconfig_check: cluster.strict_reconfig_check,
        max_learners: cluster.max_learners,
        auto_promote: cluster.auto_promote,
        catch_up_entries: cluster.catch_up_entries,
        peer_tls,
        client_urls: text(&config.client.advertised),
        heartbeat_interval: config.timing.heartbeat,
        election_timeout: config.timing.election,
        snapshot_entries: config.snapshot_entries,
        max_txn_ops: config.limits.max_txn_ops,
        // Also when the file was replaced meanwhile: an engine loads only what its own version has compiled.
        plugin_compiler: Some("/proc/self/exe".into()),
        audit: config.audit.clone(),
        backups: config.backups.clone(),
        plugin_trusted_keys: config.plugin_trusted_keys.clone(),
        max_request_bytes: config.limits.max_request_bytes,
        seal,
        seal_recovering: config.seal_recovering,
        quota_backend_bytes: config.limits.quota_backend_bytes,
        limits: config.ceilings.limits.clone(),
        auto_compaction: config.limits.auto_compaction,
        auth_token: config.users.token.clone(),
        auth_token_ttl: config.users.token_ttl,
        bcrypt_cost: config.users.bcrypt_cost,
        corruption_checks: config.corruption_checks,
        unsafe_no_fsync: config.unsafe_no_fsync,
        warning_apply_duration: config.timing.warning_apply,
        warning_unary_request_duration: config.timing.warning_unary_request,
    };
    let started = Member::start_among_peers(member, serve_peers).await;
    started.map_err(|error| match error {
        StartError::Rebuild { reason } => ServerError::Rebuild(reason),
        error => ServerError::Start(Box::new(error)),
    })
}

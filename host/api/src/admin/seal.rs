//! What is sealed.

use flow::Member;
use proto::admin::{
    ListRulesRequest, ListRulesResponse, RemoveRuleRequest, RemoveRuleResponse, Rule, SetRuleRequest, SetRuleResponse,
    seal_server::Seal,
};
use seal::SealRule;
use tonic::{Request, Response};

use super::{Answer, log, shown};
use crate::ApiError;
use crate::request::administered;

pub(crate) struct SealDoor {
    pub(crate) member: Member,
}

#[tonic::async_trait]
impl Seal for SealDoor {
    async fn list(&self, request: Request<ListRulesRequest>) -> Answer<ListRulesResponse> {
        let (administrator, _) = administered(request)?;
        let (rules, policy_epoch) = self.member.seal_rules(&administrator).await.map_err(ApiError::from)?;
        Ok(Response::new(ListRulesResponse { rules: rules.into_iter().map(rule).collect(), policy_epoch }))
    }

    async fn set(&self, request: Request<SetRuleRequest>) -> Answer<SetRuleResponse> {
        let (administrator, SetRuleRequest { rule, yes_store_plaintext }) = administered(request)?;
        let rule = seal_rule(rule.unwrap_or_default());
        let prefix = shown(&rule.prefix);
        let set = self.member.set_seal_rule(&administrator, rule, yes_store_plaintext).await;
        log(&administrator, "set seal rule", &prefix, &set);
        Ok(Response::new(SetRuleResponse { policy_epoch: set.map_err(ApiError::from)? }))
    }

    async fn remove(&self, request: Request<RemoveRuleRequest>) -> Answer<RemoveRuleResponse> {
        let (administrator, RemoveRuleRequest { prefix, yes_store_plaintext }) = administered(request)?;
        let removed = self.member.drop_seal_rule(&administrator, &prefix, yes_store_plaintext).await;
        log(&administrator, "remove seal rule", &shown(&prefix), &removed);
        Ok(Response::new(RemoveRuleResponse { policy_epoch: removed.map_err(ApiError::from)? }))
    }
}

fn rule(rule: SealRule) -> Rule {
    Rule {
        prefix: rule.prefix,
        sealed: rule.sealed,
        provider: rule.provider,
        rotate_after_seconds: rule.rotate_after_seconds,
        rotate_after_uses: rule.rotate_after_uses,
        padding_bytes: rule.padding_bytes,
    }
}

fn seal_rule(rule: Rule) -> SealRule {
    SealRule {
        prefix: rule.prefix,
        sealed: rule.sealed,
        provider: rule.provider,
        rotate_after_seconds: rule.rotate_after_seconds,
        rotate_after_uses: rule.rotate_after_uses,
        padding_bytes: rule.padding_bytes,
    }
}

//! Resolves how users prove who they are, and what the HTTP doors let in.

use std::time::Duration;

use auth::TokenOptions;
use flow::MemberConfig;

use super::reader::Reader;
use super::value;

/// What bcrypt can do.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// How users prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Users {
    /// Which tokens are given for a password.
    pub(crate) token: TokenOptions,
    /// How long a simple token lives after its last use.
    pub(crate) token_ttl: Duration,
    /// Cost of new password hashes.
    pub(crate) bcrypt_cost: u32,
    /// Whether the common name of a client's certificate names a user: with `--client-cert-auth` only, as in etcd.
    pub(crate) common_name_counts: bool,
}

impl Default for Users {
    /// etcd's defaults.
    fn default() -> Self {
        let MemberConfig { auth_token, auth_token_ttl, bcrypt_cost, .. } = MemberConfig::default();
        Self { token: auth_token, token_ttl: auth_token_ttl, bcrypt_cost, common_name_counts: false }
    }
}

/// Which HTTP requests are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpRules {
    /// Whether the JSON gateway is served.
    pub(crate) gateway: bool,
    /// Origins whose pages may read the answers; `*` or none for all.
    pub(crate) origins: Vec<String>,
    /// Hosts by which the member may be addressed without TLS; `*` or none for all.
    pub(crate) hosts: Vec<String>,
}

impl Default for HttpRules {
    /// Everything, as in etcd.
    fn default() -> Self {
        Self { gateway: true, origins: Vec::new(), hosts: Vec::new() }
    }
}

/// Tokens, passwords and certificates of users.
pub(super) fn users(reader: &mut Reader<'_>) -> Users {
    let usual = Users::default();
    let expected = "simple, or jwt with sign-method, pub-key, priv-key and ttl after commas";
    let ttl = value::whole(&reader.text("auth-token-ttl")).filter(|seconds| *seconds > 0);
    let cost = reader.parsed("bcrypt-cost", "a whole number from 4 to 31", |text| {
        u32::try_from(value::whole(text)?).ok().filter(|cost| BCRYPT_COSTS.contains(cost))
    });
    Users {
        token: reader.parsed("auth-token", expected, |text| text.parse().ok()).unwrap_or_default(),
        token_ttl: ttl.map_or(usual.token_ttl, Duration::from_secs),
        bcrypt_cost: cost.unwrap_or(usual.bcrypt_cost),
        common_name_counts: reader.switch("client-cert-auth"),
    }
}

/// The gateway, `--cors` and `--host-whitelist`.
pub(super) fn http(reader: &Reader<'_>) -> HttpRules {
    // All and nothing are one.
    let list = |name: &str| if reader.text(name) == "*" { Vec::new() } else { reader.list(name) };
    HttpRules { gateway: reader.switch("enable-grpc-gateway"), origins: list("cors"), hosts: list("host-whitelist") }
}

//! Denies a put of a ConfigMap that holds what belongs into a Secret, and says what it is.
//!
//! It looks for PEM private keys, AWS access key ids, JSON Web Tokens and Kubernetes Secret objects: see [`detect`].
//! It is *not* a general secret scanner: it does not guess at passwords, and it does not decode base64 or archives.
//!
//! Invariants: a denial names the kind of secret and never a byte of it; a value that may not be seen is denied,
//! because a policy that cannot look must not say yes.

pub mod detect;
mod kubernetes;
mod text;
mod token;

use strongroom_plugin::{Operations, Policy, Request, Verdict};

/// The policy; see the crate's page.
pub struct NoSecretsInConfigMaps;

impl Policy for NoSecretsInConfigMaps {
    const PREFIXES: &'static [&'static [u8]] = &[b"/registry/configmaps/"];
    const OPERATIONS: Operations = Operations::PUT;

    fn review(request: &Request) -> Verdict {
        if request.value_withheld {
            return Verdict::deny(
                "value-withheld",
                "ConfigMaps are sealed and this plugin may not see sealed values; grant it that or remove it",
            );
        }
        // A put that keeps its value writes nothing that was not reviewed before.
        let findings = detect::findings(request.value.as_deref().unwrap_or_default());
        match findings.first() {
            None => Verdict::allow(),
            Some(first) => Verdict::deny(first.code(), sentence(&findings)),
        }
    }
}

fn sentence(findings: &[detect::Finding]) -> String {
    let names: Vec<&str> = findings.iter().map(|finding| finding.name()).collect();
    format!("the ConfigMap holds {}; keep it in a Secret", names.join(" and "))
}

strongroom_plugin::export!(NoSecretsInConfigMaps);

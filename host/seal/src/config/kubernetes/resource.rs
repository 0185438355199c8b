//! Under which prefix kube-apiserver keeps a resource.
//!
//! The source is Kubernetes: `SpecialDefaultResourcePrefixes`, the groups of `test/integration/etcd/data.go`, and for which
//! names may be encrypted at all `ValidateEncryptionConfiguration`.

/// kube-apiserver's `--etcd-prefix` where it is not set.
const ROOT: &str = "/registry/";

/// Group, resource and path of those that are not kept under their own name. `podsecuritypolicies` ended with Kubernetes 1.25.
const SPECIAL: [(&str, &str, &str); 6] = [
    ("", "endpoints", "services/endpoints"),
    ("", "nodes", "minions"),
    ("", "replicationcontrollers", "controllers"),
    ("", "services", "services/specs"),
    ("networking.k8s.io", "ingresses", "ingress"),
    ("policy", "podsecuritypolicies", "podsecuritypolicy"),
];

/// Every core resource that is kept. A name that is none would seal nothing, in silence.
const CORE: [&str; 15] = [
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "serviceaccounts",
    "services",
];

/// Groups whose resources are kept under their name alone, also those of older versions. All others are custom resources',
/// as well as `apiextensions.k8s.io` and `apiregistration.k8s.io`: these are kept under their group.
const BUILT_IN_GROUPS: [&str; 22] = [
    "admissionregistration.k8s.io",
    "apps",
    "auditregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "imagepolicy.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "settings.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// What kube-apiserver keeps for itself and never encrypts.
const NOT_SERVED: [&str; 3] = ["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"];

const ANY: &str = "*";

/// A resource of a group, either of which may be a wildcard.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    name: String,
    group: String,
}

impl Resource {
    /// Reads `secrets`, `deployments.apps`, `*.example.org` or `*.*`.
    ///
    /// # Errors
    /// One sentence on why values of it cannot be told by a prefix.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, group) = text.split_once('.').unwrap_or((text, ""));
        let resource = Self { name: name.to_owned(), group: group.to_owned() };
        match (name, group) {
            (ANY, ANY) => Ok(resource),
            (ANY, "") if text == ANY => Err("it must be *.* for everything"),
            (ANY, "") => Err("core resources have no prefix in common; name the resources"),
            (_, ANY) => Err("one resource of all groups is not supported; name the groups"),
            _ => resource.checked(),
        }
    }

    /// The prefix of its keys.
    pub(super) fn prefix(&self) -> String {
        let Self { name, group } = self;
        let special = SPECIAL.iter().find(|(of, resource, _)| of == group && resource == name);
        match (special, name.as_str(), group.as_str()) {
            (Some((_, _, path)), ..) => format!("{ROOT}{path}/"),
            (None, ANY, ANY) => ROOT.to_owned(),
            (None, ANY, group) => format!("{ROOT}{group}/"),
            (None, name, group) if group.is_empty() || is_built_in(group) => format!("{ROOT}{name}/"),
            (None, name, group) => format!("{ROOT}{group}/{name}/"),
        }
    }

    /// Whether it is a wildcard for the other one. A wildcard covers itself.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.name == ANY && (self.group == ANY || self.group == other.group)
    }

    fn checked(self) -> Result<Self, &'static str> {
        if (self.name != ANY && !is_label(&self.name))
            || !(self.group.is_empty() || self.group.split('.').all(is_label))
        {
            return Err("it must be the plural name of a resource, with its group, in small letters");
        }
        match self.group.as_str() {
            "" if NOT_SERVED.contains(&self.name.as_str()) => {
                Err("kube-apiserver keeps it for itself; it holds no secrets")
            }
            "" if !CORE.contains(&self.name.as_str()) => {
                Err("there is no such core resource; any other is written with its group, as in deployments.apps")
            }
            "events.k8s.io" => Err("events of this group are kept as core events; write events"),
            "extensions" => {
                Err("Kubernetes has removed the group extensions; write the group that the resource is in now")
            }
            group if is_built_in(group) && self.name == ANY => {
                Err("resources of this group have no prefix in common; name the resources")
            }
            group if !group.is_empty() && !group.contains('.') && !is_built_in(group) => {
                Err("Kubernetes has no group of that name, and groups of custom resources have a dot")
            }
            _ => Ok(self),
        }
    }
}

fn is_built_in(group: &str) -> bool {
    BUILT_IN_GROUPS.contains(&group)
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;

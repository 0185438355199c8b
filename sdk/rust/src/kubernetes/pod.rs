//! Pods: what the Pod Security Standards ask most. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

use super::Unreadable;
use super::container::{Container, read_seccomp_profile};
use super::field::{Body, Field};
use super::volume::Volume;

/// Containers of a Pod, as whom and where they run, and what they have of their node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pod {
    /// Those that run as long as the pod does.
    pub containers: Vec<Container>,
    /// Those that run before.
    pub init_containers: Vec<Container>,
    /// Those that were added to the running pod.
    pub ephemeral_containers: Vec<Container>,
    /// The account as which the pod talks to the API server; empty if none is named.
    pub service_account_name: String,
    /// Whether that account's token is put into the containers; if it does not say, the account does.
    pub automount_service_account_token: Option<bool>,
    /// The node that it is on; empty until there is one.
    pub node_name: String,
    /// Whether it has the network of its node.
    pub host_network: bool,
    /// Whether it has the processes of its node.
    pub host_pid: bool,
    /// Whether it has the shared memory and semaphores of its node.
    pub host_ipc: bool,
    /// What its containers can mount.
    pub volumes: Vec<Volume>,
    /// What its containers may, where they do not say it themselves.
    pub security_context: PodSecurityContext,
}

/// What all containers of a pod may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PodSecurityContext {
    /// Whether none is started as root.
    pub run_as_non_root: Option<bool>,
    /// The user as whom they run.
    pub run_as_user: Option<i64>,
    /// The type of their seccomp profile, such as `RuntimeDefault`; empty if there is none.
    pub seccomp_profile_type: String,
    /// The names of the kernel's parameters that are set.
    pub sysctls: Vec<String>,
}

impl Pod {
    /// The containers of all three sorts.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers).chain(&self.ephemeral_containers)
    }

    pub(super) fn read(&mut self, body: Body<'_>) -> Result<(), Unreadable> {
        body.read(&[("spec", 2)], &mut |_, field| self.read_spec(field))
    }

    fn read_spec(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let names = [
            ("volumes", 1),
            ("containers", 2),
            ("serviceAccountName", 8),
            ("nodeName", 10),
            ("hostNetwork", 11),
            ("hostPID", 12),
            ("hostIPC", 13),
            ("securityContext", 14),
            ("initContainers", 20),
            ("automountServiceAccountToken", 21),
            ("ephemeralContainers", 34),
        ];
        field.message(&names, &mut |name, field| {
            match name {
                "volumes" => field.items(&mut |field| Volume::push(&mut self.volumes, field))?,
                "containers" => field.items(&mut |field| Container::push(&mut self.containers, field))?,
                "initContainers" => field.items(&mut |field| Container::push(&mut self.init_containers, field))?,
                "ephemeralContainers" => {
                    field.items(&mut |field| Container::push_ephemeral(&mut self.ephemeral_containers, field))?;
                }
                "serviceAccountName" => self.service_account_name = field.text()?,
                "automountServiceAccountToken" => {
                    self.automount_service_account_token = field.optional(Field::flag)?;
                }
                "nodeName" => self.node_name = field.text()?,
                "hostNetwork" => self.host_network = field.flag()?,
                "hostPID" => self.host_pid = field.flag()?,
                "hostIPC" => self.host_ipc = field.flag()?,
                _ => self.security_context.read(field)?,
            }
            Ok(())
        })
    }
}

impl PodSecurityContext {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let names = [("runAsUser", 2), ("runAsNonRoot", 3), ("sysctls", 7), ("seccompProfile", 10)];
        field.message(&names, &mut |name, field| {
            match name {
                "runAsUser" => self.run_as_user = field.optional(Field::integer)?,
                "runAsNonRoot" => self.run_as_non_root = field.optional(Field::flag)?,
                "sysctls" => field.items(&mut |field| self.read_sysctl(field))?,
                _ => read_seccomp_profile(&mut self.seccomp_profile_type, field)?,
            }
            Ok(())
        })
    }

    fn read_sysctl(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut sysctl = String::new();
        field.message(&[("name", 1)], &mut |_, field| {
            sysctl = field.text()?;
            Ok(())
        })?;
        self.sysctls.push(sysctl);
        Ok(())
    }
}

//! Containers of a Pod. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

use super::Unreadable;
use super::field::Field;

const NOT_A_PORT: Unreadable = Unreadable("a port has more than 32 bits");

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container {
    /// Its name within the pod.
    pub name: String,
    /// What it runs, as written: `web:1.2`.
    pub image: String,
    /// The ports of its node that it takes, without those that are 0.
    pub host_ports: Vec<i32>,
    /// What it may, where it says so.
    pub security_context: SecurityContext,
}

/// What a container may. What it does not say, its pod's [`PodSecurityContext`](super::PodSecurityContext) may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecurityContext {
    /// Whether it may what processes of its node may.
    pub privileged: bool,
    /// Whether its processes may gain more than their parents have; if it does not say, they may.
    pub allow_privilege_escalation: Option<bool>,
    /// Whether it is not started as root.
    pub run_as_non_root: Option<bool>,
    /// The user as whom it runs.
    pub run_as_user: Option<i64>,
    /// Whether it cannot write to its image's files.
    pub read_only_root_filesystem: bool,
    /// Capabilities beside those that the runtime gives.
    pub capabilities: Capabilities,
    /// The type of its seccomp profile, such as `RuntimeDefault`; empty if it has none of its own.
    pub seccomp_profile_type: String,
    /// `Default` or `Unmasked`; empty is the former.
    pub proc_mount: String,
}

/// Capabilities, as written: `NET_ADMIN`, `ALL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What is given.
    pub add: Vec<String>,
    /// What is taken away.
    pub drop: Vec<String>,
}

impl Container {
    pub(super) fn push(list: &mut Vec<Self>, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut container = Self::default();
        container.read(field)?;
        list.push(container);
        Ok(())
    }

    /// What such a container has in common with the others is a message of its own in protobuf.
    pub(super) fn push_ephemeral(list: &mut Vec<Self>, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut container = Self::default();
        field.inlined(1, &mut |field| container.read(field))?;
        list.push(container);
        Ok(())
    }

    fn read(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let names = [("name", 1), ("image", 2), ("ports", 6), ("securityContext", 15)];
        field.message(&names, &mut |name, field| {
            match name {
                "name" => self.name = field.text()?,
                "image" => self.image = field.text()?,
                "ports" => field.items(&mut |field| self.read_port(field))?,
                _ => self.security_context.read(field)?,
            }
            Ok(())
        })
    }

    fn read_port(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut port = 0;
        field.message(&[("hostPort", 2)], &mut |_, field| {
            port = i32::try_from(field.integer()?).map_err(|_| NOT_A_PORT)?;
            Ok(())
        })?;
        if port != 0 {
            self.host_ports.push(port);
        }
        Ok(())
    }
}

impl SecurityContext {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let names = [
            ("capabilities", 1),
            ("privileged", 2),
            ("runAsUser", 4),
            ("runAsNonRoot", 5),
            ("readOnlyRootFilesystem", 6),
            ("allowPrivilegeEscalation", 7),
            ("procMount", 9),
            ("seccompProfile", 11),
        ];
        field.message(&names, &mut |name, field| {
            match name {
                "capabilities" => self.capabilities.read(field)?,
                "privileged" => self.privileged = field.flag()?,
                "runAsUser" => self.run_as_user = field.optional(Field::integer)?,
                "runAsNonRoot" => self.run_as_non_root = field.optional(Field::flag)?,
                "readOnlyRootFilesystem" => self.read_only_root_filesystem = field.flag()?,
                "allowPrivilegeEscalation" => self.allow_privilege_escalation = field.optional(Field::flag)?,
                "procMount" => self.proc_mount = field.text()?,
                _ => read_seccomp_profile(&mut self.seccomp_profile_type, field)?,
            }
            Ok(())
        })
    }
}

impl Capabilities {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        field.message(&[("add", 1), ("drop", 2)], &mut |name, field| {
            let list = if name == "add" { &mut self.add } else { &mut self.drop };
            field.items(&mut |field| {
                list.push(field.text()?);
                Ok(())
            })
        })
    }
}

/// Takes the type of a seccomp profile.
pub(super) fn read_seccomp_profile(into: &mut String, field: Field<'_, '_>) -> Result<(), Unreadable> {
    field.message(&[("type", 1)], &mut |_, field| {
        *into = field.text()?;
        Ok(())
    })
}

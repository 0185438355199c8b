//! The kinds with typed access. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

use std::collections::BTreeMap;

use super::Unreadable;
use super::field::{Body, Field};

/// A Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secret {
    /// What it is for: `Opaque`, `kubernetes.io/tls`.
    pub r#type: String,
    /// The values by their names, as they are meant and no longer base64.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl Secret {
    pub(super) fn read(&mut self, body: Body<'_>) -> Result<(), Unreadable> {
        body.read(&[("data", 2), ("type", 3)], &mut |name, field| {
            match name {
                "data" => field.binaries(&mut self.data)?,
                _ => self.r#type = field.text()?,
            }
            Ok(())
        })
    }
}

/// A ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigMap {
    /// Texts by their names.
    pub data: BTreeMap<String, String>,
    /// What is not text, no longer base64.
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

impl ConfigMap {
    pub(super) fn read(&mut self, body: Body<'_>) -> Result<(), Unreadable> {
        body.read(&[("data", 2), ("binaryData", 3)], &mut |name, field| match name {
            "data" => field.texts(&mut self.data),
            _ => field.binaries(&mut self.binary_data),
        })
    }
}

/// Containers of a Pod, and as whom and where they run.
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
    /// Whether it has the network of its node.
    pub host_network: bool,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container {
    /// Its name within the pod.
    pub name: String,
    /// What it runs, as written: `web:1.2`.
    pub image: String,
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
            ("containers", 2),
            ("serviceAccountName", 8),
            ("hostNetwork", 11),
            ("initContainers", 20),
            ("ephemeralContainers", 34),
        ];
        field.message(&names, &mut |name, field| {
            match name {
                "containers" => field.items(&mut |field| Container::push(&mut self.containers, field))?,
                "initContainers" => field.items(&mut |field| Container::push(&mut self.init_containers, field))?,
                "ephemeralContainers" => {
                    field.items(&mut |field| Container::push_ephemeral(&mut self.ephemeral_containers, field))?;
                }
                "serviceAccountName" => self.service_account_name = field.text()?,
                _ => self.host_network = field.flag()?,
            }
            Ok(())
        })
    }
}

impl Container {
    fn push(list: &mut Vec<Self>, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut container = Self::default();
        container.read(field)?;
        list.push(container);
        Ok(())
    }

    /// What such a container has in common with the others is a message of its own in protobuf.
    fn push_ephemeral(list: &mut Vec<Self>, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut container = Self::default();
        field.inlined(1, &mut |field| container.read(field))?;
        list.push(container);
        Ok(())
    }

    fn read(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        field.message(&[("name", 1), ("image", 2)], &mut |name, field| {
            match name {
                "name" => self.name = field.text()?,
                _ => self.image = field.text()?,
            }
            Ok(())
        })
    }
}

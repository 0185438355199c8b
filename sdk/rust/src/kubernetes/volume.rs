//! Volumes of a Pod. Field numbers are those of `generated.proto` in k8s.io/api (core/v1).

use super::Unreadable;
use super::field::{Field, Name};

const TWO_SOURCES: Unreadable = Unreadable("a volume has two sources");

/// The fields of VolumeSource.
pub(super) const SOURCES: [Name; 30] = [
    ("hostPath", 1),
    ("emptyDir", 2),
    ("gcePersistentDisk", 3),
    ("awsElasticBlockStore", 4),
    ("gitRepo", 5),
    ("secret", 6),
    ("nfs", 7),
    ("iscsi", 8),
    ("glusterfs", 9),
    ("persistentVolumeClaim", 10),
    ("rbd", 11),
    ("flexVolume", 12),
    ("cinder", 13),
    ("cephfs", 14),
    ("flocker", 15),
    ("downwardAPI", 16),
    ("fc", 17),
    ("azureFile", 18),
    ("configMap", 19),
    ("vsphereVolume", 20),
    ("quobyte", 21),
    ("azureDisk", 22),
    ("photonPersistentDisk", 23),
    ("portworxVolume", 24),
    ("scaleIO", 25),
    ("projected", 26),
    ("storageos", 27),
    ("csi", 28),
    ("ephemeral", 29),
    ("image", 30),
];

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// Its name within the pod.
    pub name: String,
    /// What it comes from, which is the name of the field that describes it: `hostPath`, `emptyDir`, `secret`. Empty if it
    /// comes from something that this reader does not know, so a policy should name what it allows.
    pub source: String,
    /// The path on the node; empty if it comes from something else.
    pub host_path: String,
}

impl Volume {
    pub(super) fn push(list: &mut Vec<Self>, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let mut volume = Self::default();
        field.message_with(&[("name", 1)], 2, &SOURCES, &mut |name, field| match name {
            "name" => field.text().map(|text| volume.name = text),
            source => volume.read_source(source, field),
        })?;
        list.push(volume);
        Ok(())
    }

    fn read_source(&mut self, source: &str, field: Field<'_, '_>) -> Result<(), Unreadable> {
        let names: &[Name] = if source == "hostPath" { &[("path", 1)] } else { &[] };
        let described = field.optional(|field| {
            field.message(names, &mut |_, field| {
                self.host_path = field.text()?;
                Ok(())
            })
        })?;
        match described {
            None => Ok(()),
            Some(()) if self.source.is_empty() || self.source == source => {
                source.clone_into(&mut self.source);
                Ok(())
            }
            Some(()) => Err(TWO_SOURCES),
        }
    }
}

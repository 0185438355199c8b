//! Kubernetes objects as the API server stores them: as JSON, or in its protobuf envelope.
//!
//! The same object gives the same answers in both. What is not in it reads as what is empty. This is *not* a client
//! library: it knows the kind and the metadata of every object, and of a Secret, a ConfigMap and a Pod what policies ask
//! most.
//!
//! Whatever the bytes are, there is an answer or an [`Unreadable`], never a panic; time and memory grow with the length
//! of the value and no faster. An error says what is wrong and never quotes the value.
//!
//! ```
//! use strongroom_plugin::{Operations, Policy, Request, Verdict, kubernetes::{Object, Unreadable}};
//!
//! struct NoHostNetwork;
//!
//! impl Policy for NoHostNetwork {
//!     const PREFIXES: &'static [&'static [u8]] = &[b"/registry/pods/"];
//!     const OPERATIONS: Operations = Operations::PUT;
//!
//!     fn review(request: &Request) -> Verdict {
//!         if request.value_withheld {
//!             return Verdict::deny("value-withheld", "this plugin may not see sealed pods");
//!         }
//!         // A put that keeps its value has none.
//!         let Some(value) = &request.value else { return Verdict::allow() };
//!         judge(value).unwrap_or_else(Verdict::from)
//!     }
//! }
//!
//! fn judge(value: &[u8]) -> Result<Verdict, Unreadable> {
//!     match Object::read(value)?.pod()? {
//!         Some(pod) if pod.host_network => Ok(Verdict::deny("host-network", "use the network of the pod")),
//!         _ => Ok(Verdict::allow()),
//!     }
//! }
//!
//! let pod = br#"{"apiVersion":"v1","kind":"Pod","spec":{"hostNetwork":true}}"#;
//! let request = Request::put(b"/registry/pods/default/web", pod);
//! assert_eq!(NoHostNetwork::review(&request).denial().unwrap().code, "host-network");
//! ```

mod base64;
mod container;
mod field;
mod json;
mod kinds;
mod pod;
mod protobuf;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::BTreeMap;
use std::fmt;

use crate::Verdict;
use field::{Body, Field};

pub use container::{Capabilities, Container, SecurityContext};
pub use kinds::{ConfigMap, Secret};
pub use pod::{Pod, PodSecurityContext};
pub use volume::Volume;

/// What stands before an object in protobuf. The message after it is runtime.Unknown. Field numbers here are those of
/// `generated.proto` in k8s.io/apimachinery (runtime, meta/v1).
const MAGIC: &[u8] = b"k8s\0";
const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Why a value is no Kubernetes object, or not one of the kind that it says.
///
/// As a [`Verdict`] it is a denial with the code `unreadable`.
///
/// ```
/// use strongroom_plugin::{Verdict, kubernetes::Object};
///
/// let unreadable = Object::read(b"colour: blue").unwrap_err();
/// assert_eq!(unreadable.to_string(), "it is no Kubernetes object");
/// assert_eq!(Verdict::from(unreadable).denial().unwrap().code, "unreadable");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(&'static str);

const NO_OBJECT: Unreadable = Unreadable("it is no Kubernetes object");
const NO_KIND: Unreadable = Unreadable("it does not say which kind of object it is");
const ENCODED: Unreadable = Unreadable("the content of the object is encoded");

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Unreadable {}

impl From<Unreadable> for Verdict {
    fn from(unreadable: Unreadable) -> Self {
        Self::deny("unreadable", unreadable.0)
    }
}

/// An object of any kind.
///
/// ```
/// use strongroom_plugin::kubernetes::Object;
///
/// let boat = br#"{"apiVersion":"example.org/v2","kind":"Boat","metadata":{"name":"b","labels":{"sail":"red"}}}"#;
/// let boat = Object::read(boat)?;
/// assert!(boat.is("example.org/v2", "Boat"));
/// assert_eq!(boat.metadata.labels["sail"], "red");
/// # Ok::<(), strongroom_plugin::kubernetes::Unreadable>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Object<'a> {
    /// The group and the version: `v1`, `apps/v1`. Never empty.
    pub api_version: String,
    /// The kind: `Pod`. Never empty.
    pub kind: String,
    /// What every object has.
    pub metadata: Metadata,
    body: Body<'a>,
}

impl<'a> Object<'a> {
    /// Reads a value as it is stored.
    ///
    /// # Errors
    /// It is no Kubernetes object, or a malformed one. What only [`secret`](Self::secret) and its like look at is not
    /// looked at yet.
    pub fn read(value: &'a [u8]) -> Result<Self, Unreadable> {
        let object = match value.strip_prefix(MAGIC) {
            Some(envelope) => Self::read_protobuf(envelope)?,
            None => Self::read_json(value)?,
        };
        if object.api_version.is_empty() || object.kind.is_empty() { Err(NO_KIND) } else { Ok(object) }
    }

    /// Whether it is of this kind: `object.is("apps/v1", "Deployment")`.
    #[must_use]
    pub fn is(&self, api_version: &str, kind: &str) -> bool {
        self.api_version == api_version && self.kind == kind
    }

    /// What it holds as a v1 Secret; none if it is something else.
    ///
    /// ```
    /// use strongroom_plugin::kubernetes::Object;
    ///
    /// let value = br#"{"apiVersion":"v1","kind":"Secret","type":"Opaque","data":{"user":"cm9vdA=="}}"#;
    /// let secret = Object::read(value)?.secret()?.unwrap();
    /// assert_eq!(secret.data["user"], b"root");
    /// # Ok::<(), strongroom_plugin::kubernetes::Unreadable>(())
    /// ```
    ///
    /// # Errors
    /// It is a malformed one.
    pub fn secret(&self) -> Result<Option<Secret>, Unreadable> {
        self.read_as("Secret", Secret::read)
    }

    /// What it holds as a v1 ConfigMap; none if it is something else.
    ///
    /// ```
    /// use strongroom_plugin::kubernetes::Object;
    ///
    /// let value = br#"{"apiVersion":"v1","kind":"ConfigMap","data":{"colour":"blue"}}"#;
    /// let config_map = Object::read(value)?.config_map()?.unwrap();
    /// assert_eq!(config_map.data["colour"], "blue");
    /// # Ok::<(), strongroom_plugin::kubernetes::Unreadable>(())
    /// ```
    ///
    /// # Errors
    /// It is a malformed one.
    pub fn config_map(&self) -> Result<Option<ConfigMap>, Unreadable> {
        self.read_as("ConfigMap", ConfigMap::read)
    }

    /// What it holds as a v1 Pod; none if it is something else.
    ///
    /// ```
    /// use strongroom_plugin::kubernetes::Object;
    ///
    /// let value = br#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[
    ///     {"name":"web","image":"web:1.2","securityContext":{"privileged":true}}]}}"#;
    /// let pod = Object::read(value)?.pod()?.unwrap();
    /// assert!(pod.all_containers().all(|container| !container.image.ends_with(":latest")));
    /// assert!(pod.all_containers().any(|container| container.security_context.privileged));
    /// # Ok::<(), strongroom_plugin::kubernetes::Unreadable>(())
    /// ```
    ///
    /// # Errors
    /// It is a malformed one.
    pub fn pod(&self) -> Result<Option<Pod>, Unreadable> {
        self.read_as("Pod", Pod::read)
    }

    fn read_as<T: Default>(
        &self,
        kind: &str,
        read: fn(&mut T, Body<'a>) -> Result<(), Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        if !self.is("v1", kind) {
            return Ok(None);
        }
        let mut found = T::default();
        read(&mut found, self.body)?;
        Ok(Some(found))
    }

    fn of(body: Body<'a>) -> Self {
        Self { api_version: String::new(), kind: String::new(), metadata: Metadata::default(), body }
    }

    fn read_json(text: &'a [u8]) -> Result<Self, Unreadable> {
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(NO_OBJECT);
        }
        let mut object = Self::of(Body::Json(text));
        object.body.read(&[("apiVersion", 1), ("kind", 2), ("metadata", 3)], &mut |name, field| match name {
            "metadata" => object.metadata.read(field),
            _ => object.read_type(name, field),
        })?;
        Ok(object)
    }

    fn read_protobuf(envelope: &'a [u8]) -> Result<Self, Unreadable> {
        let mut object = Self::of(Body::Protobuf(&[]));
        let names = [("typeMeta", 1), ("raw", 2), ("contentEncoding", 3), ("contentType", 4)];
        Body::Protobuf(envelope).read(&names, &mut |name, field| match (name, field) {
            ("typeMeta", field) => {
                field.message(&[("apiVersion", 1), ("kind", 2)], &mut |name, field| object.read_type(name, field))
            }
            ("raw", Field::Protobuf(field)) => field.bytes().map(|raw| object.body = Body::Protobuf(raw)),
            (name, field) => {
                let text = field.text()?;
                let is_usual = text.is_empty() || name == "contentType" && text == CONTENT_TYPE;
                if is_usual { Ok(()) } else { Err(ENCODED) }
            }
        })?;
        object.body.read(&[("metadata", 1)], &mut |_, field| object.metadata.read(field))?;
        Ok(object)
    }

    fn read_type(&mut self, name: &str, field: Field<'a, '_>) -> Result<(), Unreadable> {
        let into = if name == "kind" { &mut self.kind } else { &mut self.api_version };
        *into = field.text()?;
        Ok(())
    }
}

/// What every object has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The object's name.
    pub name: String,
    /// The namespace that it is in; empty for an object of the whole cluster.
    pub namespace: String,
    /// What it can be selected by.
    pub labels: BTreeMap<String, String>,
    /// What else is noted about it.
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), Unreadable> {
        field.message(&[("name", 1), ("namespace", 3), ("labels", 11), ("annotations", 12)], &mut |name, field| {
            match name {
                "name" => self.name = field.text()?,
                "namespace" => self.namespace = field.text()?,
                "labels" => field.texts(&mut self.labels)?,
                _ => field.texts(&mut self.annotations)?,
            }
            Ok(())
        })
    }
}

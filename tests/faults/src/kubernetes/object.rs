//! Objects as kube-apiserver stores them: four bytes, then an envelope in protobuf, and in it the object in protobuf.
//!
//! The numbers of the fields are those of Kubernetes' `generated.proto` files; only fields that a test writes are here.

use std::collections::BTreeMap;

use prost::Message;

/// What every stored object begins with.
const MAGIC: &[u8] = b"k8s\0";

/// `runtime.TypeMeta`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct TypeMeta {
    #[prost(string, tag = "1")]
    pub(super) api_version: String,
    #[prost(string, tag = "2")]
    pub(super) kind: String,
}

/// `runtime.Unknown`, the envelope.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Unknown {
    #[prost(message, optional, tag = "1")]
    pub(super) type_meta: Option<TypeMeta>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) raw: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(super) content_encoding: String,
    #[prost(string, tag = "4")]
    pub(super) content_type: String,
}

/// `meta.v1.ObjectMeta`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ObjectMeta {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) namespace: String,
    #[prost(string, tag = "5")]
    pub(super) uid: String,
    #[prost(int64, tag = "7")]
    pub(super) generation: i64,
    #[prost(btree_map = "string, string", tag = "11")]
    pub(super) labels: BTreeMap<String, String>,
}

/// `core.v1.Container`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) image: String,
}

/// `core.v1.PodSpec`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct PodSpec {
    #[prost(message, repeated, tag = "2")]
    pub(super) containers: Vec<Container>,
    #[prost(string, tag = "10")]
    pub(super) node_name: String,
}

/// `core.v1.Pod`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Pod {
    #[prost(message, optional, tag = "1")]
    pub(super) metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    pub(super) spec: Option<PodSpec>,
}

/// `core.v1.Secret`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Secret {
    #[prost(message, optional, tag = "1")]
    pub(super) metadata: Option<ObjectMeta>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    pub(super) data: BTreeMap<String, Vec<u8>>,
    #[prost(string, tag = "3")]
    pub(super) r#type: String,
}

fn stored(kind: &str, object: &impl Message) -> Vec<u8> {
    let type_meta = Some(TypeMeta { api_version: "v1".into(), kind: kind.into() });
    let envelope = Unknown { type_meta, raw: object.encode_to_vec(), ..Unknown::default() };
    [MAGIC, &envelope.encode_to_vec()].concat()
}

fn metadata(name: &str, generation: i64) -> Option<ObjectMeta> {
    let labels = BTreeMap::from([("app".into(), "web".into())]);
    Some(ObjectMeta { name: name.into(), namespace: "default".into(), uid: format!("uid-{name}"), generation, labels })
}

/// A pod; `image` names what differs from one version to the next.
pub(super) fn pod(name: &str, generation: i64, image: &str) -> Vec<u8> {
    let containers = vec![Container { name: "main".into(), image: image.into() }];
    let spec = Some(PodSpec { containers, node_name: "node-1".into() });
    stored("Pod", &Pod { metadata: metadata(name, generation), spec })
}

/// A secret with one entry, and a byte that is not text.
pub(super) fn secret(name: &str, password: &str) -> Vec<u8> {
    let data = BTreeMap::from([("password".into(), password.into()), ("salt".into(), vec![0, 255, 0])]);
    stored("Secret", &Secret { metadata: metadata(name, 1), data, r#type: "Opaque".into() })
}

/// What lies in an envelope, with its kind.
pub(super) fn opened(stored: &[u8]) -> (String, Vec<u8>) {
    let envelope = stored.strip_prefix(MAGIC).expect("a stored object begins with its magic");
    let envelope = Unknown::decode(envelope).expect("the envelope is whole");
    (envelope.type_meta.expect("an envelope names a type").kind, envelope.raw)
}

/// The pod that was stored.
pub(super) fn opened_pod(stored: &[u8]) -> Pod {
    let (kind, raw) = opened(stored);
    assert_eq!(kind, "Pod");
    Pod::decode(raw.as_slice()).expect("a pod is in it")
}

#[test]
fn the_encoding_is_kubernetes_own() {
    // As `protoc --encode` writes `Unknown{typeMeta{v1, Pod}, raw: Pod{metadata{name: "a"}}}`, field by field.
    let metadata = Some(ObjectMeta { name: "a".into(), ..ObjectMeta::default() });
    let bytes = stored("Pod", &Pod { metadata, spec: None });
    assert_eq!(bytes, b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x05\x0a\x03\x0a\x01a");
    assert_eq!(opened_pod(&bytes).metadata.unwrap().name, "a");
}

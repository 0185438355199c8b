//! Any method of etcd's services, called by name with messages that the descriptors describe.

use std::sync::LazyLock;

use bytes::{Buf, BufMut};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// The package of Strongroom's own services, which etcd does not have.
const OWN: &str = "strongroom.";

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the wire describes itself"));

/// The services that etcd has, too.
pub(crate) fn services() -> impl Iterator<Item = ServiceDescriptor> {
    POOL.services().filter(|service| !service.full_name().starts_with(OWN) && !service.full_name().starts_with("grpc."))
}

/// A method by `Service/Method`, the service with or without its package.
pub(crate) fn method(name: &str) -> Result<MethodDescriptor, String> {
    let (service, method) = name.split_once('/').ok_or_else(|| format!("{name} is no Service/Method"))?;
    let service = services().find(|known| known.full_name() == service || known.name() == service);
    let service = service.ok_or_else(|| format!("there is no service of {name}"))?;
    service.methods().find(|known| known.name() == method).ok_or_else(|| format!("there is no method {name}"))
}

/// What a table calls a method.
pub(crate) fn short_name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// The path of a method's requests.
pub(crate) fn path(method: &MethodDescriptor) -> http::uri::PathAndQuery {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    path.parse().expect("names of services and methods are valid in a path")
}

/// Turns messages into bytes and back, as one method's descriptors say.
#[derive(Debug, Clone)]
pub(crate) struct Messages(MessageDescriptor);

impl Messages {
    pub(crate) fn of(method: &MethodDescriptor) -> Self {
        Self(method.output())
    }
}

impl Codec for Messages {
    type Decode = DynamicMessage;
    type Decoder = Self;
    type Encode = DynamicMessage;
    type Encoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Encoder for Messages {
    type Error = Status;
    type Item = DynamicMessage;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message.encode_to_vec().as_slice());
        Ok(())
    }
}

impl Decoder for Messages {
    type Error = Status;
    type Item = DynamicMessage;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        DynamicMessage::decode(self.0.clone(), bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_by_short_and_by_full_name() {
        for name in ["KV/Range", "etcdserverpb.KV/Range"] {
            assert_eq!(path(&method(name).unwrap()), "/etcdserverpb.KV/Range");
        }
        for wrong in ["KV", "KV/Fetch", "Cellar/Range"] {
            assert!(method(wrong).is_err(), "{wrong}");
        }
        assert_eq!(services().flat_map(|service| service.methods().collect::<Vec<_>>()).count(), 49);
    }
}

//! The shape of every message, from the descriptors.

use std::sync::LazyLock;

#[cfg(test)]
use prost_reflect::MessageDescriptor;
use prost_reflect::{DescriptorPool, MethodDescriptor};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the build wrote the descriptors it generated code from")
});

/// The method `name` of `service`.
pub(crate) fn method(service: &str, name: &str) -> Option<MethodDescriptor> {
    POOL.get_service_by_name(service)?.methods().find(|method| method.name() == name)
}

/// The message called `name`.
#[cfg(test)]
pub(crate) fn message(name: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(name)
}

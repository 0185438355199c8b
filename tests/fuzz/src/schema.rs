//! What the wire is described by: methods and their request messages.

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// A call and what it takes.
#[derive(Debug, Clone)]
pub(crate) struct Method {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    pub(crate) request: MessageDescriptor,
    /// Whether an answer may be long in coming: a stream without an end, a lock that another holds.
    pub(crate) waits: bool,
}

/// Calls that wait, because that is what they are for.
const WAITING: [&str; 7] =
    ["Watch/Watch", "Election/Observe", "Election/Campaign", "Lock/Lock", "Health/Watch", "LeaseKeepAlive", "Snapshot"];

/// Every call that is described.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) methods: Vec<Method>,
}

impl Schema {
    pub(crate) fn read() -> Self {
        let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the wire crate's descriptors are valid");
        let methods: Vec<_> = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
        let method = |method: prost_reflect::MethodDescriptor| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let waits = WAITING.iter().any(|waiting| path.ends_with(waiting));
            Method { path, request: method.input(), waits }
        };
        Self { methods: methods.into_iter().map(method).collect() }
    }
}

#[test]
fn every_service_of_etcd_is_described() {
    let schema = Schema::read();
    for path in
        ["/etcdserverpb.KV/Txn", "/etcdserverpb.Auth/UserAdd", "/v3lockpb.Lock/Lock", "/etcdserverpb.Watch/Watch"]
    {
        assert!(schema.methods.iter().any(|method| method.path == path), "{path}");
    }
    assert!(
        WAITING
            .iter()
            .filter(|name| !name.contains("Health"))
            .all(|name| { schema.methods.iter().any(|method| method.waits && method.path.ends_with(name)) })
    );
}

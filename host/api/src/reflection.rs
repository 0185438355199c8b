//! gRPC reflection, for tools that ask a server which calls it has. etcd has none; its tools need their own `.proto`
//! files.

use proto::FILE_DESCRIPTOR_SET;
use tonic::service::Routes;
use tonic_reflection::server::Builder;

/// Adds the service in both of its versions to `routes`, telling of the services called `names`.
///
/// # Panics
/// When the build wrote descriptors that cannot be read.
pub(crate) fn add(routes: Routes, names: &[&str]) -> Routes {
    const READABLE: &str = "the build wrote the descriptors it generated code from";
    let builder = || {
        let builder = Builder::configure().register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET);
        names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    routes.add_service(builder().build_v1().expect(READABLE)).add_service(builder().build_v1alpha().expect(READABLE))
}

//! What etcd serves and this version does not: every call answers `Unimplemented` with a sentence.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use proto::{etcdserverpb as etcd, etcdserverpb::auth_server::Auth};
use tonic::{Request, Response, Status};

use crate::ApiError;

type Answer<T> = Result<Response<T>, Status>;

const NO_USERS: &str = "users and roles are not served yet; who may call is decided by client certificates";

/// Answers a call that is not served.
pub(crate) fn call<T>(sentence: &'static str) -> Answer<T> {
    Err(ApiError::Unserved(sentence).into())
}

/// Answers a streaming call that is not served.
pub(crate) fn stream<T>(sentence: &'static str) -> Answer<NoStream<T>> {
    call(sentence)
}

/// The stream of a call that is not served: there never is one.
pub(crate) struct NoStream<T>(std::convert::Infallible, PhantomData<fn() -> T>);

impl<T> Stream for NoStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0 {}
    }
}

/// Writes a service whose every call answers with one sentence.
macro_rules! unserved_service {
    ($door:ident, $service:ident, $wire:ident, $sentence:ident,
     [$($method:ident: $request:ident => $response:ident),* $(,)?]
     $(, stream $streaming:ident as $stream:ident: $stream_request:ident => $stream_response:ident)?) => {
        pub(crate) struct $door;

        #[tonic::async_trait]
        impl $service for $door {
            $(type $stream = NoStream<$wire::$stream_response>;

            async fn $streaming(&self, _: Request<$wire::$stream_request>) -> Answer<Self::$stream> {
                stream($sentence)
            })?
            $(async fn $method(&self, _: Request<$wire::$request>) -> Answer<$wire::$response> {
                call($sentence)
            })*
        }
    };
}

unserved_service!(AuthDoor, Auth, etcd, NO_USERS, [
    auth_enable: AuthEnableRequest => AuthEnableResponse,
    auth_disable: AuthDisableRequest => AuthDisableResponse,
    auth_status: AuthStatusRequest => AuthStatusResponse,
    authenticate: AuthenticateRequest => AuthenticateResponse,
    user_add: AuthUserAddRequest => AuthUserAddResponse,
    user_get: AuthUserGetRequest => AuthUserGetResponse,
    user_list: AuthUserListRequest => AuthUserListResponse,
    user_delete: AuthUserDeleteRequest => AuthUserDeleteResponse,
    user_change_password: AuthUserChangePasswordRequest => AuthUserChangePasswordResponse,
    user_grant_role: AuthUserGrantRoleRequest => AuthUserGrantRoleResponse,
    user_revoke_role: AuthUserRevokeRoleRequest => AuthUserRevokeRoleResponse,
    role_add: AuthRoleAddRequest => AuthRoleAddResponse,
    role_get: AuthRoleGetRequest => AuthRoleGetResponse,
    role_list: AuthRoleListRequest => AuthRoleListResponse,
    role_delete: AuthRoleDeleteRequest => AuthRoleDeleteResponse,
    role_grant_permission: AuthRoleGrantPermissionRequest => AuthRoleGrantPermissionResponse,
    role_revoke_permission: AuthRoleRevokePermissionRequest => AuthRoleRevokePermissionResponse,
]);

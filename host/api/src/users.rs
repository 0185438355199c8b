//! The auth service: users, roles, and tokens for passwords.

use bytes::Bytes;
use flow::{Header, Member, NewUser};
use proto::etcdserverpb::{
    AuthDisableRequest, AuthDisableResponse, AuthEnableRequest, AuthEnableResponse, AuthRoleAddRequest,
    AuthRoleAddResponse, AuthRoleDeleteRequest, AuthRoleDeleteResponse, AuthRoleGetRequest, AuthRoleGetResponse,
    AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse, AuthRoleListRequest, AuthRoleListResponse,
    AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse, AuthStatusRequest, AuthStatusResponse,
    AuthUserAddRequest, AuthUserAddResponse, AuthUserChangePasswordRequest, AuthUserChangePasswordResponse,
    AuthUserDeleteRequest, AuthUserDeleteResponse, AuthUserGetRequest, AuthUserGetResponse, AuthUserGrantRoleRequest,
    AuthUserGrantRoleResponse, AuthUserListRequest, AuthUserListResponse, AuthUserRevokeRoleRequest,
    AuthUserRevokeRoleResponse, AuthenticateRequest, AuthenticateResponse, auth_server::Auth,
};
use store::users::{AuthChange, Named, Nothing, RolePermission, UserRole};
use tonic::{Request, Response, Status};
use types::Plain;

use crate::request::opened;
use crate::{ApiError, convert, header};

type Answer<T> = Result<Response<T>, Status>;

pub(crate) struct AuthDoor {
    pub(crate) member: Member,
}

impl AuthDoor {
    /// Most changes are carried out as they are asked for; only the log knows whether they may be.
    async fn change<T>(&self, request: Request<T>, change: impl FnOnce(T) -> AuthChange) -> Result<Header, ApiError> {
        let (caller, request) = opened(request);
        Ok(self.member.change_auth(&caller, change(request)).await?)
    }
}

/// A password as it came off the wire, which from here on is overwritten when it is dropped.
fn password(text: String) -> Plain {
    Plain::from(Bytes::from(text))
}

#[tonic::async_trait]
impl Auth for AuthDoor {
    async fn auth_enable(&self, request: Request<AuthEnableRequest>) -> Answer<AuthEnableResponse> {
        let done = self.change(request, |_| AuthChange::Enable(Nothing {})).await?;
        Ok(Response::new(AuthEnableResponse { header: header::full(done) }))
    }

    async fn auth_disable(&self, request: Request<AuthDisableRequest>) -> Answer<AuthDisableResponse> {
        let done = self.change(request, |_| AuthChange::Disable(Nothing {})).await?;
        Ok(Response::new(AuthDisableResponse { header: header::full(done) }))
    }

    async fn auth_status(&self, request: Request<AuthStatusRequest>) -> Answer<AuthStatusResponse> {
        let (caller, _) = opened(request);
        let reply = self.member.auth_status(&caller).await.map_err(ApiError::from)?;
        let (header, status) = (header::full(reply.header), reply.body);
        Ok(Response::new(AuthStatusResponse { header, enabled: status.enabled, auth_revision: status.revision }))
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer<AuthenticateResponse> {
        let AuthenticateRequest { name, password: text } = request.into_inner();
        let reply = self.member.authenticate(&name, password(text)).await.map_err(ApiError::from)?;
        let (header, token) = (header::full(reply.header), reply.body.reveal().to_owned());
        Ok(Response::new(AuthenticateResponse { header, token }))
    }

    /// As in etcd a hash that the client made is not looked at.
    async fn user_add(&self, request: Request<AuthUserAddRequest>) -> Answer<AuthUserAddResponse> {
        let (caller, request) = opened(request);
        let no_password = request.options.is_some_and(|options| options.no_password);
        let user = NewUser { name: request.name, password: password(request.password), no_password };
        let done = self.member.user_add(&caller, user).await.map_err(ApiError::from)?;
        Ok(Response::new(AuthUserAddResponse { header: header::full(done) }))
    }

    async fn user_get(&self, request: Request<AuthUserGetRequest>) -> Answer<AuthUserGetResponse> {
        let (caller, request) = opened(request);
        let reply = self.member.user_roles(&caller, &request.name).await.map_err(ApiError::from)?;
        Ok(Response::new(AuthUserGetResponse { header: header::full(reply.header), roles: reply.body }))
    }

    async fn user_list(&self, request: Request<AuthUserListRequest>) -> Answer<AuthUserListResponse> {
        let (caller, _) = opened(request);
        let reply = self.member.user_names(&caller).await.map_err(ApiError::from)?;
        Ok(Response::new(AuthUserListResponse { header: header::full(reply.header), users: reply.body }))
    }

    async fn user_delete(&self, request: Request<AuthUserDeleteRequest>) -> Answer<AuthUserDeleteResponse> {
        let done = self.change(request, |user| AuthChange::UserDelete(Named { name: user.name })).await?;
        Ok(Response::new(AuthUserDeleteResponse { header: header::full(done) }))
    }

    async fn user_change_password(
        &self,
        request: Request<AuthUserChangePasswordRequest>,
    ) -> Answer<AuthUserChangePasswordResponse> {
        let (caller, request) = opened(request);
        let AuthUserChangePasswordRequest { name, password: text, hashed_password } = request;
        let done = self.member.user_change_password(&caller, name, password(text), &hashed_password).await;
        Ok(Response::new(AuthUserChangePasswordResponse { header: header::full(done.map_err(ApiError::from)?) }))
    }

    async fn user_grant_role(&self, request: Request<AuthUserGrantRoleRequest>) -> Answer<AuthUserGrantRoleResponse> {
        let grant = |grant: AuthUserGrantRoleRequest| UserRole { user: grant.user, role: grant.role };
        let done = self.change(request, |asked| AuthChange::UserGrantRole(grant(asked))).await?;
        Ok(Response::new(AuthUserGrantRoleResponse { header: header::full(done) }))
    }

    async fn user_revoke_role(
        &self,
        request: Request<AuthUserRevokeRoleRequest>,
    ) -> Answer<AuthUserRevokeRoleResponse> {
        let grant = |grant: AuthUserRevokeRoleRequest| UserRole { user: grant.name, role: grant.role };
        let done = self.change(request, |asked| AuthChange::UserRevokeRole(grant(asked))).await?;
        Ok(Response::new(AuthUserRevokeRoleResponse { header: header::full(done) }))
    }

    async fn role_add(&self, request: Request<AuthRoleAddRequest>) -> Answer<AuthRoleAddResponse> {
        let done = self.change(request, |role| AuthChange::RoleAdd(Named { name: role.name })).await?;
        Ok(Response::new(AuthRoleAddResponse { header: header::full(done) }))
    }

    async fn role_get(&self, request: Request<AuthRoleGetRequest>) -> Answer<AuthRoleGetResponse> {
        let (caller, request) = opened(request);
        let reply = self.member.role_permissions(&caller, &request.role).await.map_err(ApiError::from)?;
        let perm = reply.body.into_iter().map(convert::permission).collect();
        Ok(Response::new(AuthRoleGetResponse { header: header::full(reply.header), perm }))
    }

    async fn role_list(&self, request: Request<AuthRoleListRequest>) -> Answer<AuthRoleListResponse> {
        let (caller, _) = opened(request);
        let reply = self.member.role_names(&caller).await.map_err(ApiError::from)?;
        Ok(Response::new(AuthRoleListResponse { header: header::full(reply.header), roles: reply.body }))
    }

    async fn role_delete(&self, request: Request<AuthRoleDeleteRequest>) -> Answer<AuthRoleDeleteResponse> {
        let done = self.change(request, |role| AuthChange::RoleDelete(Named { name: role.role })).await?;
        Ok(Response::new(AuthRoleDeleteResponse { header: header::full(done) }))
    }

    async fn role_grant_permission(
        &self,
        request: Request<AuthRoleGrantPermissionRequest>,
    ) -> Answer<AuthRoleGrantPermissionResponse> {
        let grant = |grant: AuthRoleGrantPermissionRequest| {
            let permission = grant.perm.map(convert::permission_record);
            AuthChange::RoleGrantPermission(RolePermission { role: grant.name, permission })
        };
        let done = self.change(request, grant).await?;
        Ok(Response::new(AuthRoleGrantPermissionResponse { header: header::full(done) }))
    }

    async fn role_revoke_permission(
        &self,
        request: Request<AuthRoleRevokePermissionRequest>,
    ) -> Answer<AuthRoleRevokePermissionResponse> {
        let revoke = |revoke: AuthRoleRevokePermissionRequest| {
            let permission = Some(convert::record_of_range(revoke.key, revoke.range_end));
            AuthChange::RoleRevokePermission(RolePermission { role: revoke.role, permission })
        };
        let done = self.change(request, revoke).await?;
        Ok(Response::new(AuthRoleRevokePermissionResponse { header: header::full(done) }))
    }
}

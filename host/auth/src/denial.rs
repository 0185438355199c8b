//! Why users and roles turn a request away: etcd's reasons, one for one.

/// A refusal by the rules of users and roles (`server/auth/store.go` in etcd). It says nothing of who asked or for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The operator's: users and roles cannot be turned on before there is a root user.
    #[error("root user does not exist")]
    RootUserNotExist,
    /// The operator's: users and roles cannot be turned on before the root user has the root role.
    #[error("root user does not have root role")]
    RootRoleNotExist,
    /// The operator's: the user name is taken.
    #[error("user name already exists")]
    UserAlreadyExist,
    /// The client's: it did not say who it is; or the operator's: a user needs a name.
    #[error("user name is empty")]
    UserEmpty,
    /// The client's: there is no such user.
    #[error("user name not found")]
    UserNotFound,
    /// The operator's: the role name is taken.
    #[error("role name already exists")]
    RoleAlreadyExist,
    /// The client's: there is no such role.
    #[error("role name not found")]
    RoleNotFound,
    /// The operator's: a role needs a name.
    #[error("role name is empty")]
    RoleEmpty,
    /// The client's: wrong name or password.
    #[error("authentication failed, invalid user ID or password")]
    AuthenticationFailed,
    /// The client's: a password for a user that has none, or a password hash that is not base64.
    #[error("authentication failed, password was given for no password user")]
    NoPasswordUser,
    /// The operator's: a grant that does not say what is granted.
    #[error("permission not given")]
    PermissionNotGiven,
    /// The client's: its user may not do this.
    #[error("permission denied")]
    PermissionDenied,
    /// The operator's: the user does not have the role.
    #[error("role is not granted to the user")]
    RoleNotGranted,
    /// The operator's: the role does not have the permission.
    #[error("permission is not granted to the role")]
    PermissionNotGranted,
    /// The client's: there is nothing to authenticate for.
    #[error("authentication is not enabled")]
    NotEnabled,
    /// The client's: users or roles changed since its credentials were made; it should authenticate again.
    #[error("revision of auth store is old")]
    OldRevision,
    /// The client's: a token that is unknown, expired or forged.
    #[error("invalid auth token")]
    InvalidToken,
    /// The operator's: this would lock everybody out.
    #[error("invalid auth management")]
    InvalidManagement,
    /// The client's: bcrypt looks at no more than 72 bytes.
    #[error("password length exceeds 72 bytes")]
    PasswordTooLong,
    /// The operator's: the member has only the public key of its tokens.
    #[error("token signing attempted with verify-only key")]
    VerifyOnly,
    /// The operator's: the member makes no tokens.
    #[error("invalid auth options")]
    NoTokens,
    /// Too many passwords are being checked, or too many tokens are out; try again.
    #[error("too many requests")]
    TooMany,
}

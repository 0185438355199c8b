//! What kind of access an RPC needs.

/// The class of an RPC; every method of every service has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RpcClass {
    /// Reads data.
    DataRead,
    /// Writes data.
    DataWrite,
    /// Reads the state of the cluster, which the client libraries need to work at all.
    Status,
    /// Reads how the cluster is administered: for an [`crate::Auditor`].
    Oversight,
    /// Takes all data away: for a [`crate::BackupOperator`].
    Backup,
    /// Changes the cluster, its keys, its plugins or its users: for an [`crate::Administrator`].
    Admin,
}

/// What users and roles ask of an RPC, as etcd does. The gate enforces all but [`Requirement::Permit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// Nothing; credentials are not looked at.
    Nothing,
    /// If there are credentials, they must be good.
    GoodCredentials,
    /// Some user.
    User,
    /// A user with the root role.
    Root,
    /// It depends on the message, above all on its keys: the member asks for a permit before it does anything.
    Permit,
}

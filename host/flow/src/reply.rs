//! What every answer carries.

/// Who answered, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The cluster.
    pub cluster_id: u64,
    /// The member that answered.
    pub member_id: u64,
    /// Newest revision when the answer was made.
    pub revision: i64,
    /// Term of the member.
    pub raft_term: u64,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply<T> {
    /// Who answered, and as of when.
    pub header: Header,
    /// What was asked for.
    pub body: T,
}

//! A member as the others know it.

/// Where other members reach a member. Its name and where clients reach it are replicated with the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerNode {
    /// Its peer URLs; any of them will do.
    pub peer_urls: Vec<String>,
}

/// One of the members that found a cluster together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    /// Its id.
    pub id: u64,
    /// Where the others reach it.
    pub peer_urls: Vec<String>,
}

/// How a member whose log is empty comes into a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// Together with these, itself among them. Each founder begins its log with the same first entry.
    Found(Vec<Founder>),
    /// A leader that was told of this member calls it.
    Join,
}

//! The link between members: gRPC over HTTP/2 on the peer listener, `proto/strongroom/peer.proto`.
//!
//! ```text
//!  this member                                   another
//!  openraft -> PeerLink -> Dialer -> (mTLS) ->   PeerService -> openraft
//!  propose, read, membership -> Peers ->         PeerService -> leader
//! ```
//!
//! It is *not* where anything is decided: it carries what Raft says, and what a follower asks of its leader.
//!
//! Invariants:
//! - Answers to appended entries come in the order of the requests; a link that is silent for too long is given up.
//! - A call that was meant for another cluster or another member is refused by name.
//! - Heartbeats and votes have a connection of their own, behind no entry and no snapshot.
//! - A connection ends when the certificate of the member that was dialled is not trusted any more.
//!
//! Limits: [`IN_FLIGHT_BYTES_MAX`](append::IN_FLIGHT_BYTES_MAX) unanswered to each member, messages of
//! [`MESSAGE_BYTES_MAX`].

mod append;
mod dial;
mod doubts;
mod introduction;
mod link;
mod peers;
mod proposals;
mod service;
mod snapshot;
mod trusted;
pub(crate) mod wire;

pub(crate) use dial::Dialer;
pub use dial::{MemberTrust, PeerTls};
pub use doubts::Doubts;
pub(crate) use introduction::Introduction;
pub use introduction::PEER_PROTOCOL;
pub(crate) use link::{PeerLinks, jittered};
pub(crate) use peers::{Client, Peers};
pub(crate) use proposals::never_arrived;
pub(crate) use service::{PeerService, routes};
pub(crate) use snapshot::{Receiving, Serving, StateOf, take_in};

/// Largest message between members: as large as the largest operation of the log.
pub(crate) const MESSAGE_BYTES_MAX: usize = 256 << 20;

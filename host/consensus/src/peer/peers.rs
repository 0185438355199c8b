//! The connections to the other members.

use std::{collections::HashMap, sync::Mutex};

use proto::peer::peer_client::PeerClient;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use super::{
    MESSAGE_BYTES_MAX,
    dial::Dialer,
    introduction::{Introduced, Introduction},
    proposals::Proposals,
};
use crate::PeerNode;

pub(crate) type Client = PeerClient<InterceptedService<Channel, Introduced>>;

const POISONED: &str = "no code that can panic runs while the connections are locked";

/// Makes clients of members, and keeps those over which this member asks its leader.
pub(crate) struct Peers {
    introduction: Introduction,
    dialer: Dialer,
    asked: Mutex<HashMap<u64, Asked>>,
}

/// A member that is asked: where it was, and the ways to it.
struct Asked {
    node: PeerNode,
    client: Client,
    proposals: Option<Proposals>,
}

impl Peers {
    pub(crate) fn new(introduction: Introduction, dialer: Dialer) -> Self {
        Self { introduction, dialer, asked: Mutex::default() }
    }

    /// A client with a connection of its own.
    pub(super) fn connect(&self, id: u64, node: &PeerNode) -> Client {
        PeerClient::with_interceptor(self.dialer.channel(node), self.introduction.to(id))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The client for questions to a member, over one shared connection.
    pub(crate) fn ask(&self, id: u64, node: &PeerNode) -> Client {
        self.asked(id, node, |asked| asked.client.clone())
    }

    /// The way for proposals to a member, over the same connection.
    pub(crate) fn propose(&self, id: u64, node: &PeerNode) -> Proposals {
        self.asked(id, node, |asked| {
            let sound = asked.proposals.take().filter(|proposals| !proposals.is_broken());
            asked.proposals.insert(sound.unwrap_or_else(|| Proposals::over(asked.client.clone()))).clone()
        })
    }

    fn asked<T>(&self, id: u64, node: &PeerNode, way: impl FnOnce(&mut Asked) -> T) -> T {
        let mut all = self.asked.lock().expect(POISONED);
        let new = || Asked { node: node.clone(), client: self.connect(id, node), proposals: None };
        let asked = all.entry(id).or_insert_with(new);
        // Also for a member that moved.
        if asked.node != *node {
            *asked = new();
        }
        way(asked)
    }
}

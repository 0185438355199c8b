//! The connections to the other members.

use std::{collections::HashMap, sync::Mutex};

use proto::peer::peer_client::PeerClient;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use super::{
    MESSAGE_BYTES_MAX,
    dial::Dialer,
    introduction::{Introduced, Introduction},
};
use crate::PeerNode;

pub(crate) type Client = PeerClient<InterceptedService<Channel, Introduced>>;

const POISONED: &str = "no code that can panic runs while the connections are locked";

/// Makes clients of members, and keeps those over which this member asks its leader.
pub(crate) struct Peers {
    introduction: Introduction,
    dialer: Dialer,
    asked: Mutex<HashMap<u64, (PeerNode, Client)>>,
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
        let mut asked = self.asked.lock().expect(POISONED);
        match asked.get(&id) {
            Some((known, client)) if known == node => client.clone(),
            // Also for a member that moved.
            _ => {
                let client = self.connect(id, node);
                asked.insert(id, (node.clone(), client.clone()));
                client
            }
        }
    }
}

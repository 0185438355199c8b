//! Ports that are free now and stay the same over restarts.

use std::{
    collections::HashSet,
    net::TcpListener,
    sync::{Mutex, PoisonError},
};

use crate::seed::Random;

/// Ports are taken from below the range that Linux hands out to outgoing connections (32768 and up), so that a server which is
/// down for a moment does not lose its port to a client.
const FIRST: u64 = 10_000;
const COUNT: u64 = 20_000;

/// The ports of one server.
#[derive(Debug, Clone)]
pub struct Ports {
    /// etcd clients.
    pub client: u16,
    /// Other members.
    pub peer: u16,
    /// Administrators; unused by etcd.
    pub admin: u16,
    /// Health and metrics.
    pub metrics: u16,
}

impl Ports {
    /// Four free ports.
    #[must_use]
    pub fn free() -> Self {
        Self { client: free_port(), peer: free_port(), admin: free_port(), metrics: free_port() }
    }
}

/// A port of 127.0.0.1 on which nobody listens, given to one caller of this process only.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<(Random, HashSet<u16>)>> = Mutex::new(None);
    let mut guard = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let (random, given) = guard.get_or_insert_with(|| (Random::new(crate::seed::fresh()), HashSet::new()));
    loop {
        let port = u16::try_from(FIRST + random.below(COUNT)).expect("the range lies below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_never_while_in_use() {
        let held: Vec<_> = (0..50).map(|_| free_port()).collect();
        assert_eq!(held.iter().collect::<HashSet<_>>().len(), 50);
        let listener = TcpListener::bind(("127.0.0.1", held[0])).unwrap();
        assert!(TcpListener::bind(listener.local_addr().unwrap()).is_err(), "the check relies on this");
    }
}

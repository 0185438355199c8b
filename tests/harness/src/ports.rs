//! Ports that are free now and stay the same over restarts.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpStream},
    sync::{Mutex, PoisonError},
};

use crate::seed::Random;

/// Ports are taken from below the range that Linux hands out to outgoing connections (32768 and up), so that a server which is
/// down for a moment does not lose its port to a client.
const FIRST: u64 = 10_000;
const COUNT: u64 = 20_000;

/// Ports are claimed in blocks, by a lock on a file: a server of this process that is down for a moment does not lose its port to
/// another process's server either.
const BLOCK: u64 = 200;
const BLOCKS_FOLDER: &str = "strongroom-ports";

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

/// A port of 127.0.0.1 on which nobody listens, given to one caller of this process only, and to no other process that asks here.
///
/// # Panics
/// When there are none left.
#[must_use]
pub fn free_port() -> u16 {
    static CLAIMED: Mutex<Option<Claimed>> = Mutex::new(None);
    let mut guard = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    let claimed = guard.get_or_insert_with(Claimed::nothing);
    loop {
        let port = claimed.port();
        if !is_listened_on(port) {
            return port;
        }
    }
}

/// Found by connecting: a socket that listens to find out would be inherited by every process that is started meanwhile, which
/// keeps the port until it runs its program.
fn is_listened_on(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

struct Claimed {
    random: Random,
    /// Their locks end with this process.
    locks: Vec<File>,
    /// Ports of the newest block that were not given yet.
    left: Vec<u16>,
}

impl Claimed {
    fn nothing() -> Self {
        Self { random: Random::new(crate::seed::fresh()), locks: Vec::new(), left: Vec::new() }
    }

    fn port(&mut self) -> u16 {
        if self.left.is_empty() {
            self.claim();
        }
        let at = usize::try_from(self.random.below(self.left.len() as u64)).expect("a block is small");
        self.left.swap_remove(at)
    }

    fn claim(&mut self) {
        let folder = std::env::temp_dir().join(BLOCKS_FOLDER);
        fs::create_dir_all(&folder).expect("the temporary directory can be written");
        let blocks = COUNT / BLOCK;
        let first = self.random.below(blocks);
        for block in (0..blocks).map(|step| (first + step) % blocks) {
            let file = File::create(folder.join(block.to_string())).expect("the temporary directory can be written");
            if file.try_lock().is_ok() {
                let ports = FIRST + block * BLOCK..FIRST + (block + 1) * BLOCK;
                self.left = ports.map(|port| u16::try_from(port).expect("the range lies below 65536")).collect();
                self.locks.push(file);
                return;
            }
        }
        panic!("all ports from {FIRST} on are claimed");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        net::TcpListener,
        process::Command,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn a_port_is_given_once_and_never_while_in_use() {
        let held: Vec<_> = (0..50).map(|_| free_port()).collect();
        assert_eq!(held.iter().collect::<HashSet<_>>().len(), 50);
        // Also when one block is not enough, and for two that claim blocks apart, as processes do.
        let (mut one, mut other) = (Claimed::nothing(), Claimed::nothing());
        let mut ports: Vec<_> = (0..250).flat_map(|_| [one.port(), other.port()]).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 500);
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, held[0])).unwrap();
        assert!(is_listened_on(held[0]) && !is_listened_on(held[1]));
    }

    #[test]
    fn a_port_can_be_listened_on_while_processes_are_started() {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        assert!(Command::new("true").status().unwrap().success());
                    }
                });
            }
            let refused: Vec<_> =
                (0..500).filter_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).err()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(refused.is_empty(), "{refused:?}");
        });
    }
}

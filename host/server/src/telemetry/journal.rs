//! The journal of systemd, by its native protocol: one datagram a line, with its priority.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::Level;

use crate::error::ServerError;

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// A connection to the journal.
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`ServerError::File`] where there is no journal.
    pub(super) fn open() -> Result<Self, ServerError> {
        Self::at(Path::new(SOCKET))
    }

    fn at(path: &Path) -> Result<Self, ServerError> {
        let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(path).map(|()| socket));
        connected.map(Self).map_err(ServerError::file("log to the journal", path))
    }

    /// Sends a line, which holds no line break but the last.
    pub(super) fn send(&self, line: &[u8], level: Level) -> io::Result<()> {
        let mut datagram = format!("SYSLOG_IDENTIFIER=strongroom\nPRIORITY={}\nMESSAGE=", priority(level)).into_bytes();
        datagram.extend_from_slice(line);
        self.0.send(&datagram).map(drop)
    }
}

/// As in syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_arrives_with_its_priority() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixDatagram::bind(&path).unwrap();
        Journal::at(&path).unwrap().send(b"{\"msg\":\"x\"}\n", Level::WARN).unwrap();
        let mut buffer = [0; 200];
        let length = listener.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        assert_eq!(text, "SYSLOG_IDENTIFIER=strongroom\nPRIORITY=4\nMESSAGE={\"msg\":\"x\"}\n");
    }

    #[test]
    fn where_there_is_no_journal_the_error_names_its_socket() {
        let error = Journal::at(Path::new("/nowhere/socket")).err().unwrap().to_string();
        assert!(error.contains("/nowhere/socket"), "{error}");
    }
}

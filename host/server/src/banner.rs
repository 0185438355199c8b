//! What `strongroom dev` prints when it is ready: what runs where, and lines to paste.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use crate::bootstrap::environment::quoted_path;
use crate::config::url::Url;
use crate::listeners::{Socket, Sockets};
use crate::running::Starting;

/// Something that is easy to search for on a disk.
const CANARY: &str = "only-the-drum-knows";

/// The access key id of AWS's own documentation: it looks like a secret and is none.
const DENIED: &str = "aws_access_key_id=AKIAIOSFODNN7EXAMPLE";

/// Where everything is.
pub(crate) struct Banner<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) environment: &'a Path,
    pub(crate) program: &'a Path,
    /// One for each member.
    pub(crate) places: Vec<Place>,
}

/// Where one member is.
pub(crate) struct Place {
    pub(crate) client: Url,
    pub(crate) peer: Url,
    pub(crate) admin: Url,
    pub(crate) metrics: Url,
}

impl Place {
    /// Where a member is about to be.
    pub(crate) fn of(starting: &Starting) -> Self {
        let first = |sockets: &[Socket]| sockets[0].url.clone();
        let Sockets { client, admin, metrics, .. } = &starting.sockets;
        let peer = starting.peer_urls[0].clone();
        Self { client: first(client), peer, admin: first(admin), metrics: first(metrics) }
    }
}

impl Banner<'_> {
    /// Prints it.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.text().as_bytes())?;
        out.flush()
    }

    fn text(&self) -> String {
        let mut text = format!("strongroom {} is ready\n\n", env!("CARGO_PKG_VERSION"));
        let mut line = |name: &str, place: &dyn std::fmt::Display, what: &str| {
            let place = place.to_string();
            _ = writeln!(text, "  {name:<8}  {place:<24}  {what}");
        };
        for place in &self.places {
            line("clients", &place.client, "etcd v3 API, mutual TLS");
            line("peers", &place.peer, "mutual TLS");
            line("admin", &place.admin, "administrators only, mutual TLS");
            line("metrics", &place.metrics, "/metrics /health /livez /readyz");
        }
        line("files", &self.directory.display(), "certificates, root key, data");
        text.push_str(
            "\nTo try it, paste into another shell: write and read a Secret, see that it is not on the disk, see a write\n",
        );
        text.push_str("denied, see the status, be refused an administrator's work, do it as one, and see who tried and who did.\n\n");
        for line in self.lines_to_paste() {
            _ = writeln!(text, "  {line}");
        }
        text.push_str("\nCtrl-C stops it; the same command finds everything again.\n");
        text
    }

    fn lines_to_paste(&self) -> [String; 7] {
        let (directory, environment) = (quoted_path(self.directory), quoted_path(self.environment));
        let program = quoted_path(self.program);
        // etcdctl refuses a flag beside the variable of the same meaning.
        let [endpoints, certificate, key] = ["ADMIN_ENDPOINT", "CERT", "KEY"].map(|name| format!("$STRONGROOM_{name}"));
        let as_administrator = format!("ETCDCTL_ENDPOINTS={endpoints} ETCDCTL_CERT={certificate} ETCDCTL_KEY={key}");
        let secret = "/registry/secrets/default/door";
        [
            format!(". {environment}; etcdctl put {secret} {CANARY}; etcdctl get {secret}"),
            format!("grep -r {CANARY} {directory} || echo 'not on the disk'"),
            format!("etcdctl put /registry/configmaps/default/app {DENIED}"),
            format!("etcdctl endpoint status -w table; {program} key status"),
            "etcdctl defrag".to_owned(),
            format!("{as_administrator} etcdctl defrag"),
            format!("{program} audit tail --last 3"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_every_listener_and_every_line() {
        let url = |port: u16| format!("https://127.0.0.1:{port}").parse::<Url>().unwrap();
        let banner = Banner {
            directory: Path::new("/dev dir"),
            environment: Path::new("/dev dir/env"),
            program: Path::new("/bin/strongroom"),
            places: vec![
                Place { client: url(1), peer: url(2), admin: url(3), metrics: url(4) },
                Place { client: url(5), peer: url(6), admin: url(7), metrics: url(8) },
            ],
        };
        let text = banner.text();
        for port in 1..=8 {
            assert!(text.contains(&format!("https://127.0.0.1:{port} ")), "{text}");
        }
        for line in banner.lines_to_paste() {
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains("'/dev dir/env'"), "{text}");
    }
}

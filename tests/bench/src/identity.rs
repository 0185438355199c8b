//! Who is who: one authority for all members and clients of a run, made by `strongroom cert`.

use harness::{Certificates, EtcdTls};
use tempfile::TempDir;

/// Certificates for members and for a client, and the folder that holds them. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Identity {
    folder: TempDir,
}

impl Identity {
    /// Makes them.
    ///
    /// # Panics
    /// When that fails.
    pub(crate) async fn issue() -> Self {
        let folder = TempDir::with_prefix("strongroom-bench-").expect("a temporary directory can be made");
        let dir = folder.path().to_str().expect("its path is text");
        for line in ["init-ca", "issue member --for peer --host 127.0.0.1", "issue client --for client"] {
            let words: Vec<_> = ["cert"].into_iter().chain(line.split(' ')).chain(["--dir", dir]).collect();
            let run = harness::run(&words, []).await;
            assert_eq!(run.code, Some(0), "{line}: {}", run.stderr);
        }
        Self { folder }
    }

    /// What members show to their clients, and clients to them.
    pub(crate) fn tls(&self) -> EtcdTls {
        EtcdTls { server: self.certificates("member"), client: self.certificates("client") }
    }

    fn certificates(&self, name: &str) -> Certificates {
        let path = |name: String| self.folder.path().join(name);
        Certificates {
            authority: path("ca.crt".to_owned()),
            certificate: path(format!("{name}.crt")),
            key: path(format!("{name}.key")),
        }
    }
}

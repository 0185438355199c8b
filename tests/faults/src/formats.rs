//! A data directory that an older version left behind is read by this one: `formats/make.sh` makes them, with what was answered then.

use std::{ffi::OsStr, fs, fs::File, path::Path};

use flate2::read::GzDecoder;
use harness::{Kind, Server};
use tar::Archive;

use crate::offices::{done, text};

/// What the bundled plugin, which is in each directory, denies.
const DENIED: [&str; 4] = ["put", "--", "/registry/configmaps/default/a", "-----BEGIN PRIVATE KEY-----"];

/// What is answered and changes with every start.
const CHANGES: &str = "\"RaftTerm\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_older_versions_wrote_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension() == Some(OsStr::new("gz")));
    assert!(!names.is_empty());
    for archive in names {
        let answers = fs::read_to_string(archive.with_extension("").with_extension("answers")).unwrap();
        let mut server = Server::unstarted(Kind::Strongroom { log_level: "info".to_owned() });
        Archive::new(GzDecoder::new(File::open(&archive).unwrap())).unpack(server.dir()).unwrap();
        let (seal, data) = (server.dir().join("seal.yaml"), server.dir().join("data"));
        // As it was left, and as this version leaves it.
        for writes in [false, true] {
            done(&harness::run(&["check", text(&data), "--seal-config", text(&seal)], None).await);
            server.start().await;
            reads(&server, &answers, &archive).await;
            if writes {
                server.etcdctl().ok(&["put", "/written/by-this-version", "x"]).await;
            }
            assert!(server.stop().await.success());
        }
    }
}

async fn reads(server: &Server, answers: &str, archive: &Path) {
    let etcdctl = server.etcdctl();
    let mut asked = 0;
    for answer in answers.split("$ ").skip(1) {
        let (words, expected) = answer.split_once('\n').unwrap();
        let found = etcdctl.ok(&words.split(' ').collect::<Vec<_>>()).await;
        let found: String = found.split_inclusive('\n').filter(|line| !line.starts_with(CHANGES)).collect();
        assert_eq!(found, expected, "{}: {words}", archive.display());
        asked += 1;
    }
    assert!(asked > 0 && answers.contains("secret 40"), "{} asks for nothing", archive.display());
    let denied = etcdctl.run(&DENIED).await;
    assert!(denied.error.contains("no-secrets-in-configmaps"), "{}: {}", archive.display(), denied.error);
}

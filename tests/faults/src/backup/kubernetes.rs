//! Moving in from an etcd in which kube-apiserver encrypted values: with its keys they are opened, and sealed.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::{KmsPlugin, Server};
use proto::etcdserverpb::{PutRequest, RangeRequest};

use super::{kind, made_for, saved};
use crate::{
    offices::{done, refused, sealing, text},
    search::{Canary, found},
};

/// Made by kube-apiserver's own code, for one key in etcd.
const VECTORS: &str = include_str!("../../../../host/seal/src/kubernetes/vectors.txt");
const KEY: &str = "/registry/secrets/default/vector";

/// In the longest of their values.
const WORD: &str = "canarythatkubernetesencrypted";

/// What was encrypted, and how it is stored.
fn vectors() -> Vec<(Vec<u8>, Vec<u8>)> {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    let vectors = lines.map(|line| {
        let parts: Vec<_> = line.split(' ').collect();
        (hex::decode(parts[2]).unwrap(), hex::decode(parts[3]).unwrap())
    });
    vectors.collect()
}

/// kube-apiserver's configuration, with these kinds of keys and a plugin.
fn encryption(folder: &Path, name: &str, kinds: &[(&str, &[u8])]) -> String {
    let key = |size: &u8| {
        let secret = STANDARD.encode((0..*size).collect::<Vec<_>>());
        format!("{{name: key{size}, secret: {secret}}}")
    };
    let provider = |(kind, sizes): &(&str, &[u8])| {
        let keys = sizes.iter().map(key).collect::<Vec<_>>().join(", ");
        format!("      - {kind}: {{keys: [{keys}]}}\n")
    };
    let providers = kinds.iter().map(provider).collect::<String>();
    let endpoint = text(&folder.join("kms.sock")).to_owned();
    let config = format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n    \
         providers:\n{providers}      - kms: {{apiVersion: v2, name: cloud, endpoint: 'unix://{endpoint}'}}\n      - identity: {{}}\n"
    );
    let path = folder.join(name);
    fs::write(&path, config).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    text(&path).to_owned()
}

/// The value of the key at a revision.
async fn value(server: &Server, revision: i64) -> Vec<u8> {
    let query = RangeRequest { key: KEY.into(), revision, ..RangeRequest::default() };
    let answer = server.client().await.kv.range(query).await.unwrap().into_inner();
    assert_eq!(answer.kvs[0].mod_revision, revision);
    answer.kvs[0].value.to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kube_apiserver_encrypted_is_opened_and_sealed_on_the_way_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let plugin = KmsPlugin::start(&folder.join("kms.sock"), "another");
    plugin.know("key-1", (0..=255).collect());
    let etcd = Server::etcd().await;
    let (mut client, vectors) = (etcd.client().await, vectors());
    for (_, stored) in &vectors {
        let put = PutRequest { key: KEY.into(), value: stored.clone().into(), ..PutRequest::default() };
        client.kv.put(put).await.unwrap();
    }
    etcd.etcdctl().ok(&["put", "/registry/configmaps/default/a", "never encrypted"]).await;
    let snapshot = folder.join("etcd.db");
    saved(&etcd.etcdctl(), &snapshot).await;
    let canary = [Canary::new("value that kube-apiserver encrypted", WORD.to_owned())];
    assert!(found(&canary, folder).is_empty(), "it is encrypted in etcd");

    let aes: &[u8] = &[16, 24, 32];
    let keys = encryption(folder, "keys.yaml", &[("aescbc", aes), ("aesgcm", aes), ("secretbox", &[32])]);
    let fewer = encryption(folder, "fewer.yaml", &[("aescbc", aes), ("aesgcm", aes)]);
    let seal = sealing(folder).await;
    fs::write(&seal, "provider:\n  key-file: { path: root.key }\nprefixes: [/registry/secrets/]\n").unwrap();
    let import = ["import", "etcd", text(&snapshot), "-o", "json"];
    let with = |keys: &'static str| move |path: &str| [keys.to_owned(), path.to_owned()];
    let (opening, sealing) = (with("--kubernetes-encryption-config"), with("--seal-config"));
    let run = async |server: &Server, more: &[String]| {
        let words: Vec<&str> = import.iter().copied().chain(more.iter().map(String::as_str)).collect();
        made_for(server, &words).await
    };

    let mut ours = Server::unstarted(kind(&[&format!("--seal-config={seal}")]));
    let plain = run(&ours, &opening(&keys)).await;
    refused(&plain, "--yes-write-plaintext");
    assert!(plain.stderr.contains("under /registry/secrets/, which is not sealed"), "{}", plain.stderr);
    let unknown = run(&ours, &[opening(&fewer), sealing(&seal)].concat()).await;
    refused(&unknown, "secretbox:v1:key32");
    assert!(unknown.stderr.contains(&format!("the key {KEY:?} at revision 8")), "{}", unknown.stderr);
    assert!(!ours.dir().exists(), "nothing is left of what was refused");

    let imported = run(&ours, &[opening(&keys), sealing(&seal)].concat()).await;
    done(&imported);
    let told: serde_json::Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!((&told["opened"], &told["sealed"]), (&vectors.len().into(), &vectors.len().into()), "{told}");
    assert!(found(&canary, &ours.dir()).is_empty(), "it was sealed before it was written");
    done(&harness::run(&["check", text(&ours.dir()), "--seal-config", &seal], None).await);
    ours.start().await;
    for (revision, (plain, stored)) in (2..).zip(&vectors) {
        assert_eq!(value(&ours, revision).await, *plain, "at revision {revision}");
        assert_eq!(value(&etcd, revision).await, *stored, "at revision {revision}");
    }

    // While it runs: what it compares at the end is what was encrypted.
    let from = format!("http://127.0.0.1:{}", etcd.ports().client);
    let live = Server::unstarted(kind(&[]));
    let words = ["import", "etcd", "--from", &from, "--at-once", "--kubernetes-encryption-config", &keys];
    let followed = made_for(&live, &[&words[..], &["--seal-config", &seal]].concat()).await;
    done(&followed);
    assert!(found(&canary, &live.dir()).is_empty(), "it was sealed before it was written");

    // Without a sealed prefix only where somebody says so, and without the keys not at all.
    let mut open = Server::unstarted(kind(&[]));
    done(&run(&open, &[&opening(&keys)[..], &["--yes-write-plaintext".to_owned()]].concat()).await);
    open.start().await;
    assert_eq!(value(&open, 37).await, vectors[35].0);
    assert!(open.stop().await.success());
    assert!(!found(&canary, &open.dir()).is_empty(), "in plain text it can be found");
    let mut left = Server::unstarted(kind(&[]));
    done(&run(&left, &[]).await);
    left.start().await;
    assert_eq!(value(&left, 37).await, vectors[35].1);
}

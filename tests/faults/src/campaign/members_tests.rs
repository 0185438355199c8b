//! What members do about plugins together, and about being removed.

use std::{collections::BTreeMap, fs, time::Duration};

use harness::{Cluster, ClusterOptions, Environment, Run};
use proto::etcdserverpb::{MemberAddRequest, MemberRemoveRequest, PutRequest};
use rcgen::{KeyPair, PKCS_ED25519};
use tempfile::TempDir;
use tokio::time::sleep;
use tonic::Code;

use super::{authority::Authority, membership::client};

const PATIENCE: Duration = Duration::from_secs(60);

/// The member that runs signed plugins only.
const STRICT: usize = 1;

fn options(mut flags: Vec<String>, own_flags: BTreeMap<usize, Vec<String>>, members: usize) -> ClusterOptions {
    flags.extend(harness::PATIENT.map(str::to_owned));
    ClusterOptions { members, program: harness::binary(), flags, own_flags, fail_points: Vec::new(), disk_bytes: None }
}

/// Members, and an administrator with plugins.
struct Scene {
    cluster: Cluster,
    authority: Authority,
    folder: TempDir,
}

impl Scene {
    /// Runs `strongroom plugin ...` against the first member; the plugin is called as its file is.
    async fn plugin(&self, arguments: &[&str]) -> Run {
        let (port, path) = (self.cluster.ports(0).admin, self.file("p.wasm"));
        let environment = Environment::administration(port, &self.authority.administrator());
        let arguments: Vec<&str> = arguments.iter().map(|word| if *word == "FILE" { &*path } else { word }).collect();
        harness::run(&[&["plugin"], &arguments[..]].concat(), environment.iter()).await
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn put(&self, member: usize) -> Result<(), tonic::Status> {
        let put = PutRequest { key: "/guarded/a".into(), ..PutRequest::default() };
        client(&self.cluster, member).kv.put(put).await.map(drop)
    }
}

fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(words.iter().all(|word| run.stderr.contains(word)), "{words:?}: {}", run.stderr);
}

fn done(run: &Run) {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_with_a_vote_has_its_own_say_about_a_plugin() {
    let (authority, folder) = (Authority::new().unwrap(), TempDir::new().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, public, stranger) = (path("signer"), path("signer.pub"), path("stranger"));
    for key in [&key, &stranger] {
        done(&harness::run(&["plugin", "keygen", key], None).await);
    }
    let own_flags = BTreeMap::from([(STRICT, vec![format!("--plugin-trusted-keys={public}")])]);
    let cluster = Cluster::start(options(authority.flags(), own_flags, 3)).await;
    let mut scene = Scene { cluster, authority, folder };
    fs::write(scene.file("p.wasm"), guests::deny_all()).unwrap();

    for force in [&[][..], &["--force"]] {
        let run = scene.plugin(&[&["install", "FILE"], force].concat()).await;
        refused(&run, &["nothing was changed", "signed plugins only"]);
    }
    let component = scene.file("p.wasm");
    let sign = async |key: &str| done(&harness::run(&["plugin", "sign", &component, "--key", key], None).await);
    sign(&stranger).await;
    refused(&scene.plugin(&["install", "FILE"]).await, &["nothing was changed", "not that of a key"]);
    scene.put(2).await.unwrap();
    sign(&key).await;
    done(&scene.plugin(&["install", "FILE"]).await);
    let shown = scene.plugin(&["show", "p", "-o", "yaml"]).await;
    assert!(shown.stdout.contains("signed: true"), "{}", shown.stdout);
    for member in 0..3 {
        let denied = scene.put(member).await.unwrap_err();
        assert!(denied.message().contains(guests::DENY_ALL_MESSAGE), "m{member}: {denied}");
    }

    // One that does not answer can be done without, by force only. It meets the plugin once it is back.
    scene.cluster.kill(2);
    while !scene.put(0).await.is_err_and(|status| status.code() == Code::PermissionDenied) {
        sleep(Duration::from_millis(100)).await;
    }
    fs::write(scene.file("p.wasm"), guests::allow_all()).unwrap();
    sign(&key).await;
    refused(&scene.plugin(&["upgrade", "FILE"]).await, &["nothing was changed", "by force"]);
    done(&scene.plugin(&["upgrade", "FILE", "--force"]).await);
    scene.put(1).await.unwrap();
    scene.cluster.launch(2);
    scene.cluster.ready(2, PATIENCE).await.unwrap();
    scene.put(2).await.unwrap();
    assert!(KeyPair::from_pem_and_sign_algo(&fs::read_to_string(&key).unwrap(), &PKCS_ED25519).is_ok());
}

/// It was added, started, and removed before any leader reached it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_heard_of_nobody_hears_that_it_was_removed() {
    let mut cluster = Cluster::start(options(Vec::new(), BTreeMap::new(), 1)).await;
    let nowhere = format!("http://127.0.0.1:{}", harness::free_port());
    let mut admin = client(&cluster, 0).cluster;
    let request = MemberAddRequest { peer_ur_ls: vec![nowhere.clone()], is_learner: true };
    let added = admin.member_add(request).await.unwrap().into_inner();
    let mut newcomer = cluster.newcomer();
    let founder = added.members.iter().find(|member| member.name == "m0").unwrap().peer_ur_ls[0].clone();
    newcomer.launch_known_as(&nowhere, &format!("m0={founder},{}={nowhere}", newcomer.name()));
    sleep(Duration::from_secs(3)).await;
    assert!(newcomer.runs(), "it waits for a leader: {}", newcomer.log_tail());
    let id = added.member.unwrap().id;
    admin.member_remove(MemberRemoveRequest { id }).await.unwrap();
    assert!(newcomer.ends(PATIENCE).await, "it goes on: {}", newcomer.log_tail());
    assert!(newcomer.log_tail().contains("permanently removed"), "{}", newcomer.log_tail());
}

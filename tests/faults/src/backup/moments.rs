//! A snapshot that is taken at any moment of a load holds what there was at its revision, and nothing else.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use harness::{Random, Seed, Server};
use proto::etcdserverpb::{DeleteRangeRequest, PutRequest};
use tokio::time::sleep;

use super::{everything, kind, newest, restored, saved};

/// How many snapshots, unless `STRONGROOM_MOMENTS` says otherwise.
const MOMENTS: usize = 3;

const WRITERS: u64 = 4;
const KEYS: u64 = 200;

/// Puts and deletes until it is told to stop.
async fn write(server: &Server, seed: u64, stopped: Arc<AtomicBool>) {
    let mut client = server.client().await;
    let mut random = Random::new(seed);
    while !stopped.load(Ordering::Relaxed) {
        let key = format!("/{}", random.below(KEYS));
        if random.below(4) == 0 {
            let delete = DeleteRangeRequest { key: key.into(), ..DeleteRangeRequest::default() };
            client.kv.delete_range(delete).await.unwrap();
        } else {
            let bytes = usize::try_from(random.below(1000)).unwrap() + 1;
            let put = PutRequest { key: key.into(), value: random.word(bytes).into(), ..PutRequest::default() };
            client.kv.put(put).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_is_what_there_was_at_its_revision() {
    let seed = Seed::of_this_run();
    println!("to repeat: {seed}");
    let moments = env::var("STRONGROOM_MOMENTS").map_or(MOMENTS, |moments| moments.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let source = Server::new(kind(&["--snapshot-count=500"])).await;
    let stopped = Arc::new(AtomicBool::new(false));
    let load = async {
        let writers = (0..WRITERS).map(|writer| write(&source, seed.0 + writer, stopped.clone()));
        futures::future::join_all(writers).await;
    };
    let check = async {
        let mut random = Random::new(seed.0 + WRITERS);
        for moment in 0..moments {
            sleep(Duration::from_millis(random.below(1000))).await;
            let file = folder.path().join(format!("{moment}.db"));
            saved(&source.etcdctl(), &file).await;
            let copy = restored(&file, &[], &[]).await;
            let revision = newest(&copy.etcdctl()).await;
            assert!(revision > 1, "nothing was written before");
            let (held, known) = (everything(&copy.etcdctl(), 0).await, everything(&source.etcdctl(), revision).await);
            assert_eq!(held, known, "moment {moment}, revision {revision}");
            // History as well: halfway, and at the first write.
            for past in [revision / 2, 2] {
                let (held, known) =
                    (everything(&copy.etcdctl(), past).await, everything(&source.etcdctl(), past).await);
                assert_eq!(held, known, "moment {moment}, revision {past} of {revision}");
            }
            std::fs::remove_file(&file).unwrap();
        }
        stopped.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, check);
}

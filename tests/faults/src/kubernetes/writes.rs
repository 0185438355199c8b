//! Create, get, update and delete, and what comes when somebody else was first.

use harness::{Kind, Random, Seed, Server};

use super::{
    object::{opened, opened_pod, pod, secret},
    storage::Storage,
};
use crate::search::Canary;

const KEY: &str = "/registry/pods/default/web";

pub(super) async fn objects(storage: &Storage) {
    assert_eq!(storage.get(KEY).await.0, None);
    let created = storage.create(KEY, pod("web", 1, "web:1"), 0).await.unwrap();
    assert_eq!(storage.create(KEY, pod("web", 1, "web:other"), 0).await, Err(None), "it exists: no branch, no write");
    let (found, revision) = storage.get(KEY).await;
    let found = found.expect("it was created");
    assert_eq!((found.mod_revision, found.version, revision), (created, 1, created));
    assert_eq!(opened_pod(&found.value).metadata.unwrap().generation, 1);
    assert_eq!(&found.value[..], pod("web", 1, "web:1"));

    let updated = storage.update(KEY, created, pod("web", 2, "web:2")).await.unwrap();
    let current = storage.update(KEY, created, pod("web", 2, "web:stale")).await.unwrap_err().unwrap();
    assert_eq!((current.create_revision, current.mod_revision, current.version), (created, updated, 2));
    assert_eq!(&current.value[..], pod("web", 2, "web:2"), "who was too late gets what is there");

    let current = storage.delete(KEY, created).await.unwrap_err().unwrap();
    assert_eq!(current.mod_revision, updated);
    let deleted = storage.delete(KEY, updated).await.unwrap();
    assert_eq!(deleted, updated + 1);
    assert_eq!(storage.delete(KEY, updated).await, Err(None), "it is gone");
    assert_eq!(storage.update(KEY, updated, pod("web", 3, "web:3")).await, Err(None), "it is gone");
    assert_eq!(storage.get(KEY).await, (None, deleted));
    let again = storage.create(KEY, pod("web", 1, "web:1"), 0).await.unwrap();
    assert_eq!(storage.get(KEY).await.0.unwrap().version, 1, "what is created again begins anew");
    storage.delete(KEY, again).await.unwrap();
}

/// The same where Strongroom seals: to the API server there is no difference, on its disk there is.
pub(super) async fn secrets(server: &Server, storage: &Storage) {
    let mut random = Random::new(Seed::of_this_run().0);
    let canaries = [(); 3].map(|()| Canary::new("secret", random.word(40)));
    let [first, second, late] = canaries.each_ref().map(|canary| secret("token", &canary.word));
    let key = "/registry/secrets/default/token";
    let created = storage.create(key, first.clone(), 0).await.unwrap();
    assert_eq!(&storage.get(key).await.0.unwrap().value[..], first);
    let updated = storage.update(key, created, second.clone()).await.unwrap();
    let current = storage.update(key, created, late).await.unwrap_err().unwrap();
    assert_eq!((&current.value[..], opened(&current.value).0), (&second[..], "Secret".to_owned()));
    let list = storage.page("/registry/secrets/", b"/registry/secrets/", 500, 0).await.unwrap();
    assert_eq!((list.count, &list.kvs[0].value[..]), (1, &second[..]));
    let mut watching = storage.watch("/registry/secrets/", created).await;
    let event = watching.events(1).await.remove(0);
    assert_eq!(&event.kv.unwrap().value[..], second);
    assert_eq!(&event.prev_kv.unwrap().value[..], first);
    assert!(storage.delete(key, updated).await.is_ok());
    let event = watching.events(1).await.remove(0);
    assert_eq!(&event.prev_kv.unwrap().value[..], second);

    let control = Canary::new("control", random.word(40));
    let pod_key = "/registry/pods/default/control";
    let revision = storage.create(pod_key, pod("control", 1, &control.word), 0).await.unwrap();
    storage.delete(pod_key, revision).await.unwrap();
    assert!(!control.files(&server.dir()).is_empty(), "the search finds no open value either: it shows nothing");
    if matches!(server.kind(), Kind::Strongroom { .. }) {
        for canary in &canaries {
            let files = canary.files(&server.dir());
            assert!(files.is_empty(), "the value of a {} lies in {files:?}", canary.way);
        }
    }
}

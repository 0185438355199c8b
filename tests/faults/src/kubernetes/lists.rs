//! Lists by pages and as a stream.

use tonic::Code;

use super::{object::pod, storage::Storage};

/// Pods in the list.
const PODS: usize = 60;

/// Large enough for a streamed list to come in several chunks.
const IMAGE_BYTES: usize = 40_000;

/// Pods a page.
const LIMIT: i64 = 25;

const PREFIX: &str = "/registry/pods/";

fn key(number: usize) -> String {
    format!("/registry/pods/default/list-{number:03}")
}

/// All pages of one list; after the first each is asked at the revision of the first, from the last key and a zero byte on.
pub(super) async fn pages(storage: &Storage) {
    for number in 0..PODS {
        let value = pod(&format!("list-{number:03}"), 1, &"i".repeat(IMAGE_BYTES));
        storage.create(&key(number), value, 0).await.unwrap();
    }
    let first = storage.page(PREFIX, PREFIX.as_bytes(), LIMIT, 0).await.unwrap();
    let revision = first.header.as_ref().unwrap().revision;
    // What is written meanwhile is not in the list: not in its pages, not in its counts.
    storage.create("/registry/pods/default/list-999", pod("list-999", 1, "late"), 0).await.unwrap();
    let changed = storage.get(&key(PODS - 1)).await.0.unwrap().mod_revision;
    storage.update(&key(PODS - 1), changed, pod("changed", 2, "late")).await.unwrap();
    let gone = storage.get(&key(PODS - 2)).await.0.unwrap().mod_revision;
    storage.delete(&key(PODS - 2), gone).await.unwrap();

    let mut listed = Vec::new();
    let mut page = first;
    loop {
        let left = PODS - listed.len();
        assert_eq!(page.count, i64::try_from(left).unwrap(), "the count is that of the range, whatever the limit");
        assert_eq!(page.more, left > page.kvs.len());
        assert_eq!(page.kvs.len(), left.min(usize::try_from(LIMIT).unwrap()));
        listed.extend(page.kvs);
        if !page.more {
            break;
        }
        let next = [&listed.last().unwrap().key[..], b"\0"].concat();
        page = storage.page(PREFIX, &next, LIMIT, revision).await.unwrap();
        assert!(page.header.as_ref().unwrap().revision > revision, "the header tells the newest revision");
    }
    let keys: Vec<_> = listed.iter().map(|kv| String::from_utf8_lossy(&kv.key).into_owned()).collect();
    assert_eq!(keys, (0..PODS).map(key).collect::<Vec<_>>());
    assert!(listed.iter().all(|kv| kv.mod_revision <= revision && kv.value.len() > IMAGE_BYTES));
    let synced = storage.page(PREFIX, PREFIX.as_bytes(), 10_000, revision).await.unwrap();
    assert_eq!((synced.kvs, synced.more), (listed, false), "the watch cache reads the same in one page");
}

/// The same list in chunks: keys in each, what belongs to the whole with the last.
pub(super) async fn stream(storage: &Storage, older: bool) {
    if older {
        // kube-apiserver falls back to pages when it is told this.
        assert_eq!(storage.chunks(PREFIX, 0).await.unwrap_err().code(), Code::Unimplemented);
        return;
    }
    let whole = storage.page(PREFIX, PREFIX.as_bytes(), 0, 0).await.unwrap();
    let chunks = storage.chunks(PREFIX, 0).await.unwrap();
    assert!(chunks.len() > 2, "{} chunks do not show what is with the last", chunks.len());
    let (last, before) = chunks.split_last().unwrap();
    for chunk in before {
        assert_eq!((&chunk.header, chunk.more, chunk.count), (&None, false, 0));
        assert!(!chunk.kvs.is_empty());
    }
    assert_eq!(last.header.as_ref().unwrap().revision, whole.header.unwrap().revision);
    assert_eq!((last.more, last.count), (false, whole.count));
    let streamed: Vec<_> = chunks.into_iter().flat_map(|chunk| chunk.kvs).collect();
    assert_eq!(streamed, whole.kvs);
    let status = storage.chunks(PREFIX, 1_000_000).await.unwrap_err();
    assert_eq!(status.message(), super::upkeep::FUTURE);
}

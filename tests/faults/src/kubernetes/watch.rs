//! The watch cache: events with what was there before, and reads that wait for it.

use std::{collections::BTreeMap, time::Duration};

use proto::{
    etcdserverpb::WatchResponse,
    mvccpb::{Event, event::EventType},
};
use tokio::time::{MissedTickBehavior, interval};

use super::{object::pod, storage::Storage};

const PREFIX: &str = "/registry/configmaps/";

/// Writers beside a consistent read, and the writes of each.
const WRITERS: usize = 4;
const WRITES: usize = 150;

/// Consistent reads, one after the other.
const READS: usize = 8;

/// How often a waiting read asks how far the watch is.
const ASK: Duration = Duration::from_millis(100);

/// The rule of its parser: created is what has no earlier revision; everything else brings what was there.
fn check_previous(event: &Event) {
    let kv = event.kv.as_ref().expect("an event has a key");
    let created = event.r#type() == EventType::Put && kv.create_revision == kv.mod_revision;
    assert_eq!(event.prev_kv.is_some(), !created, "{:?} at {}", event.r#type(), kv.mod_revision);
}

/// From the revision of a list on, events in order, none of what was in the list.
pub(super) async fn events(storage: &Storage) {
    let key = format!("{PREFIX}default/watched");
    let before = storage.create(&key, pod("watched", 1, "a"), 0).await.unwrap();
    let mut watching = storage.watch(PREFIX, before).await;
    assert!(watching.next().await.created);
    let modified = storage.update(&key, before, pod("watched", 2, "b")).await.unwrap();
    // Neither another prefix nor a transaction that fails is an event.
    storage.create("/registry/configmapsx", pod("x", 1, "x"), 0).await.unwrap();
    storage.update(&key, before, pod("watched", 2, "c")).await.unwrap_err();
    let deleted = storage.delete(&key, modified).await.unwrap();
    let created = storage.create(&key, pod("watched", 1, "d"), 0).await.unwrap();
    let events = watching.events(3).await;
    events.iter().for_each(check_previous);
    let revisions: Vec<_> = events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision).collect();
    assert_eq!(revisions, [modified, deleted, created]);
    assert_eq!(&events[0].prev_kv.as_ref().unwrap().value[..], pod("watched", 1, "a"));
    assert_eq!(&events[1].prev_kv.as_ref().unwrap().value[..], pod("watched", 2, "b"));
    assert_eq!(events[1].r#type(), EventType::Delete);
    storage.delete(&key, created).await.unwrap();
}

/// A read of the cache gets the newest revision, then waits until its watch is there; only then it answers from the cache.
pub(super) async fn consistent_reads(storage: &Storage) {
    let (_, start) = storage.get("/registry/none").await;
    let mut watching = storage.watch(PREFIX, start).await;
    let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(storage.clone(), writer))).collect();
    let mut cache = Cache { at: start, told: 0, asked: 0, objects: BTreeMap::new() };
    for _ in 0..READS {
        read(storage, &mut watching, &mut cache).await;
    }
    for writer in writers {
        writer.await.expect("a writer does not fail");
    }
    // After the last event nothing but an answer to the question brings the cache there.
    storage.create("/registry/elsewhere", pod("elsewhere", 1, "x"), 0).await.unwrap();
    read(storage, &mut watching, &mut cache).await;
    assert_eq!(cache.objects.len(), WRITERS);
    assert!(cache.told > start && cache.asked > 0, "no progress was told, so nothing was shown");
}

/// One writer changes its object again and again, and in between one that nobody watches, so that revisions go on without events.
async fn write(storage: Storage, writer: usize) {
    let (watched, unwatched) = (format!("{PREFIX}default/{writer}"), format!("/registry/nodes/{writer}"));
    let mut revision = 0;
    let mut other = 0;
    for generation in 0..WRITES {
        let value = pod("cached", i64::try_from(generation).unwrap(), "x");
        revision = storage.update(&watched, revision, value.clone()).await.expect("nobody else writes it");
        other = storage.update(&unwatched, other, value).await.expect("nobody else writes it");
    }
}

struct Cache {
    /// Everything up to here was delivered.
    at: i64,
    /// The newest revision that the stream said it had reached.
    told: i64,
    /// How often it was asked.
    asked: usize,
    objects: BTreeMap<Vec<u8>, i64>,
}

impl Cache {
    fn take(&mut self, message: WatchResponse) {
        assert!(!message.canceled, "{}", message.cancel_reason);
        for event in &message.events {
            check_previous(event);
            let kv = event.kv.as_ref().unwrap();
            assert!(kv.mod_revision > self.told, "told {} before the event of {}", self.told, kv.mod_revision);
            assert!(kv.mod_revision > self.at, "{} comes after {}", kv.mod_revision, self.at);
            self.at = kv.mod_revision;
            self.objects.insert(kv.key.to_vec(), kv.mod_revision);
        }
        if message.events.is_empty() && !message.created {
            let told = message.header.expect("progress has a header").revision;
            assert!(told >= self.told, "progress goes back from {} to {told}", self.told);
            self.told = told;
            self.at = self.at.max(told);
        }
    }
}

async fn read(storage: &Storage, watching: &mut harness::Watching, cache: &mut Cache) {
    let newest = storage.get("/registry/none").await.1;
    let mut ticks = interval(ASK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while cache.at < newest {
        tokio::select! {
            message = watching.next() => cache.take(message),
            _ = ticks.tick() => {
                watching.ask_progress().await;
                cache.asked += 1;
            }
        }
    }
    // The cache may be further by now; what was there at the revision of the read has to be in it or be newer.
    let list = storage.page(PREFIX, PREFIX.as_bytes(), 0, newest).await.unwrap();
    for kv in list.kvs {
        let cached = cache.objects.get(&kv.key[..]).copied();
        assert!(cached >= Some(kv.mod_revision), "{cached:?} is cached, {} was there", kv.mod_revision);
    }
}

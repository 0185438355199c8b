//! Watch streams by gRPC: what `etcdctl watch` keeps to itself.

use proto::etcdserverpb::{PutRequest, WatchCreateRequest, WatchResponse, watch_create_request::FilterType};

use crate::{
    nested::{always, put},
    render,
    session::{Session, agree},
};

fn everything() -> WatchCreateRequest {
    WatchCreateRequest { key: "\0".into(), range_end: "\0".into(), ..WatchCreateRequest::default() }
}

fn one(key: &'static str) -> WatchCreateRequest {
    WatchCreateRequest { key: key.into(), ..WatchCreateRequest::default() }
}

/// Who answered and that it did; not the revision, which tells when the watch was made.
fn created(answer: &WatchResponse) -> String {
    format!("watch {} created {} canceled {}", answer.watch_id, answer.created, answer.canceled)
}

#[tokio::test]
async fn ids_are_given_or_chosen() {
    agree(async |s: &mut Session| {
        let mut stream = s.client.watch();
        for (what, watch_id) in [("first", 0), ("second", 0), ("by name", 7), ("third", 0)] {
            stream.create(WatchCreateRequest { watch_id, ..everything() }).await;
            let answer = stream.next().await;
            s.note(what, &render::watch(&answer));
        }
        stream.create(WatchCreateRequest { watch_id: 7, ..everything() }).await;
        let answer = stream.next().await;
        s.note("a name twice", &format!("{} {:?}", created(&answer), answer.cancel_reason));
        stream
            .create(WatchCreateRequest { key: "b".into(), range_end: "a".into(), ..WatchCreateRequest::default() })
            .await;
        let answer = stream.next().await;
        s.note("an empty range", &format!("{} {:?}", created(&answer), answer.cancel_reason));
        s.ok(&["put", "a", "1"]).await;
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(render::watch(&stream.next().await));
        }
        heard.sort();
        s.note("each hears of it", &heard.join("\n"));
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_watch_hears_no_more() {
    agree(async |s: &mut Session| {
        let mut stream = s.client.watch();
        for watch_id in [1, 2] {
            stream.create(WatchCreateRequest { watch_id, ..one("a") }).await;
            stream.next().await;
        }
        stream.cancel(1).await;
        let answer = stream.next().await;
        s.note("cancelled", &render::watch(&answer));
        s.ok(&["put", "a", "1"]).await;
        let answer = stream.next().await;
        s.note("the other goes on", &render::watch(&answer));
        // Of a watch that is not there, nothing is said.
        stream.cancel(99).await;
        assert!(stream.next_within(200).await.is_none());
        stream.create(WatchCreateRequest { watch_id: 1, ..one("a") }).await;
        let answer = stream.next().await;
        s.note("the name is free again", &created(&answer));
    })
    .await;
}

#[tokio::test]
async fn filters() {
    agree(async |s: &mut Session| {
        let mut stream = s.client.watch();
        for (watch_id, filters) in [
            (1, vec![FilterType::Noput.into()]),
            (2, vec![FilterType::Nodelete.into()]),
            (3, vec![FilterType::Noput.into(), FilterType::Nodelete.into()]),
        ] {
            stream.create(WatchCreateRequest { watch_id, filters, prev_kv: true, ..one("a") }).await;
            stream.next().await;
        }
        s.ok(&["put", "a", "1"]).await;
        let answer = stream.next().await;
        s.note("the put", &render::watch(&answer));
        s.ok(&["del", "a"]).await;
        let answer = stream.next().await;
        s.note("the delete", &render::watch(&answer));
        assert!(stream.next_within(200).await.is_none(), "the third watch hears of neither");
        stream
            .create(WatchCreateRequest { start_revision: 2, filters: vec![FilterType::Noput.into()], ..everything() })
            .await;
        stream.next().await;
        let events = stream.events(1).await;
        s.note("in the history", &render::events(&events));
    })
    .await;
}

#[tokio::test]
async fn history_from_every_revision() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        s.ok(&["put", "b", "1"]).await;
        let answer = s.client.kv.txn(always(vec![put("a", "2"), put("c", "1")])).await;
        s.answered("txn", answer);
        s.ok(&["del", "a", "c"]).await;
        // Revision 2: one event, 3: one, 4: two, 5: two.
        for (start_revision, count) in [(1, 6), (2, 6), (3, 5), (4, 4), (5, 2)] {
            let mut stream = s.client.watch();
            stream.create(WatchCreateRequest { start_revision, prev_kv: true, ..everything() }).await;
            stream.next().await;
            let events = stream.events(count).await;
            s.note(&format!("from {start_revision}"), &render::events(&events));
        }
    })
    .await;
}

#[tokio::test]
async fn a_start_in_the_future_waits() {
    agree(async |s: &mut Session| {
        let mut stream = s.client.watch();
        stream.create(WatchCreateRequest { start_revision: 4, ..everything() }).await;
        let answer = stream.next().await;
        s.note("created", &created(&answer));
        for value in ["2", "3", "4", "5"] {
            s.ok(&["put", "a", value]).await;
        }
        let events = stream.events(2).await;
        s.note("from the fourth revision on", &render::events(&events));
    })
    .await;
}

#[tokio::test]
async fn a_compacted_start_ends_that_watch_only() {
    agree(async |s: &mut Session| {
        for value in ["1", "2", "3", "4"] {
            s.ok(&["put", "a", value]).await;
        }
        s.ok(&["compaction", "4"]).await;
        let mut stream = s.client.watch();
        stream.create(WatchCreateRequest { watch_id: 1, ..one("a") }).await;
        stream.next().await;
        stream.create(WatchCreateRequest { watch_id: 2, start_revision: 2, ..one("a") }).await;
        let answer = stream.next().await;
        s.note("created first", &created(&answer));
        let answer = stream.next().await;
        s.note("then ended", &format!("{} compacted {}", created(&answer), answer.compact_revision));
        s.ok(&["put", "a", "5"]).await;
        let answer = stream.next().await;
        s.note("the other goes on", &render::watch(&answer));
        stream.create(WatchCreateRequest { watch_id: 3, start_revision: 4, ..one("a") }).await;
        stream.next().await;
        let events = stream.events(3).await;
        s.note("the compacted revision itself is still there", &render::events(&events));
    })
    .await;
}

#[tokio::test]
async fn progress_on_request() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        s.ok(&["put", "b", "1"]).await;
        let mut stream = s.client.watch();
        stream.create(WatchCreateRequest { start_revision: 1, ..one("a") }).await;
        stream.next().await;
        stream.events(1).await;
        // A server may keep silent while it catches up, so the question is put again.
        let answer = loop {
            stream.ask_progress().await;
            if let Some(answer) = stream.next_within(200).await {
                break answer;
            }
        };
        s.note("as far as the store", &render::watch(&answer));
    })
    .await;
}

#[tokio::test]
async fn one_large_revision_in_fragments() {
    agree(async |s: &mut Session| {
        // Three times 1.4 MB: one message of four megabytes, far above etcd's bound of one request plus half a megabyte.
        for key in ["a", "b", "c"] {
            let value = vec![b'x'; 1_400_000].into();
            let answer = s.client.kv.put(PutRequest { key: key.into(), value, ..PutRequest::default() }).await;
            s.answered("put", answer);
        }
        for fragment in [true, false] {
            let mut stream = s.client.watch();
            stream.create(WatchCreateRequest { start_revision: 2, fragment, ..everything() }).await;
            stream.next().await;
            let mut seen = Vec::new();
            let mut fragments = 0;
            while seen.len() < 3 {
                let answer = stream.next().await;
                fragments += usize::from(answer.fragment);
                seen.extend(answer.events.into_iter().filter_map(|event| event.kv));
            }
            let keys: Vec<_> = seen.iter().map(|kv| (kv.key.escape_ascii().to_string(), kv.value.len())).collect();
            s.note("each once, whole, in order", &format!("{keys:?}"));
            assert!(fragment || fragments == 0, "nobody asked for fragments");
        }
    })
    .await;
}

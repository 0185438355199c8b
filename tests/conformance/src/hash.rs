//! HashKV. Its number is each server's own; what must agree is when it changes.

use proto::etcdserverpb::{HashKvRequest, HashKvResponse, HashRequest};
use tonic::Code;

use crate::session::{Session, agree};

async fn hash(s: &mut Session, revision: i64) -> HashKvResponse {
    let answer = s.client.maintenance.hash_kv(HashKvRequest { revision }).await;
    s.answered("hash", answer)
}

#[tokio::test]
async fn the_same_state_has_the_same_hash() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        s.ok(&["put", "b", "1"]).await;
        let first = hash(s, 0).await;
        assert_eq!(hash(s, 0).await.hash, first.hash);
        s.ok(&["get", "a"]).await;
        assert_eq!(hash(s, 0).await.hash, first.hash, "a read changes nothing");
        s.ok(&["put", "a", "2"]).await;
        let second = hash(s, 0).await;
        assert_ne!(second.hash, first.hash, "a put changes it");
        assert_eq!(hash(s, 3).await.hash, first.hash, "of an older revision it is what it was");
        assert_eq!(hash(s, 4).await.hash, second.hash);
        s.note("compacted", &format!("{} {}", first.compact_revision, second.compact_revision));
        s.ok(&["compaction", "3", "--physical"]).await;
        let third = hash(s, 0).await;
        s.note("compacted", &third.compact_revision.to_string());
        if !s.is_etcd() {
            // The field came with etcd 3.6: the revision that was hashed.
            assert_eq!((first.hash_revision, second.hash_revision, hash(s, 4).await.hash_revision), (3, 4, 4));
        }
        let answer = s.client.maintenance.hash_kv(HashKvRequest { revision: 99 }).await;
        s.refused("future", answer, Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision");
        let answer = s.client.maintenance.hash_kv(HashKvRequest { revision: 2 }).await;
        s.refused("compacted", answer, Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted");
    })
    .await;
}

#[tokio::test]
async fn the_whole_store_has_one_too() {
    agree(async |s: &mut Session| {
        s.ok(&["put", "a", "1"]).await;
        let answer = s.client.maintenance.hash(HashRequest {}).await;
        let first = s.answered("hash", answer);
        s.note("filled", &format!("{}", first.hash != 0 && first.header.is_some()));
        let printed = s.etcdctl().ok(&["endpoint", "hashkv"]).await;
        assert_eq!(printed, s.etcdctl().ok(&["endpoint", "hashkv"]).await);
        s.ok(&["put", "a", "2"]).await;
        assert_ne!(printed, s.etcdctl().ok(&["endpoint", "hashkv"]).await);
    })
    .await;
}

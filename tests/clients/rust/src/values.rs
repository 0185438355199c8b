//! Key-values, transactions and watches.

use etcd_client::{
    Client, Compare, CompareOp, Error, EventType, GetOptions, PutOptions, SortOrder, SortTarget, Txn, TxnOp,
    TxnOpResponse, WatchOptions,
};

use crate::refused;

pub(crate) async fn put(client: &mut Client) -> Result<(), Error> {
    let first = client.put("rs/put", "1", None).await?;
    let second = client.put("rs/put", "2", Some(PutOptions::new().with_prev_key())).await?;
    assert_eq!(second.prev_key().unwrap().value(), b"1");
    assert_eq!(second.header().unwrap().revision(), first.header().unwrap().revision() + 1);
    client.put("rs/put", "", Some(PutOptions::new().with_ignore_value())).await?;
    let kept = client.get("rs/put", None).await?;
    assert_eq!((kept.kvs()[0].value(), kept.kvs()[0].version()), (&b"2"[..], 3));
    refused(client.put("", "x", None).await, "etcdserver: key is not provided");
    Ok(())
}

pub(crate) async fn get(client: &mut Client) -> Result<(), Error> {
    for digit in 1..=3 {
        client.put(format!("rs/get/{digit}"), format!("{}", 9 - digit), None).await?;
    }
    let prefix = || GetOptions::new().with_prefix();
    let page = client.get("rs/get/", Some(prefix().with_limit(2))).await?;
    assert_eq!((page.kvs().len(), page.more(), page.count()), (2, true, 3));
    let by_value = prefix().with_sort(SortTarget::Value, SortOrder::Ascend).with_keys_only();
    let sorted = client.get("rs/get/", Some(by_value)).await?;
    assert_eq!((sorted.kvs()[0].key(), sorted.kvs()[0].value()), (&b"rs/get/3"[..], &b""[..]));
    assert_eq!(client.delete("rs/get/2", None).await?.deleted(), 1);
    let past = prefix().with_revision(page.header().unwrap().revision()).with_count_only();
    assert_eq!(client.get("rs/get/", Some(past)).await?.count(), 3);
    assert_eq!(client.get("rs/get/", Some(prefix().with_count_only())).await?.count(), 2);
    Ok(())
}

pub(crate) async fn stream(client: &mut Client) -> Result<(), Error> {
    for number in 0..50 {
        client.put(format!("rs/stream/{number:02}"), vec![b'v'; 1000], None).await?;
    }
    let mut chunks = client.kv_client().get_stream("rs/stream/", Some(GetOptions::new().with_prefix())).await?;
    let (mut keys, mut count) = (Vec::new(), 0);
    while let Some(chunk) = chunks.message().await? {
        keys.extend(chunk.kvs().iter().map(|kv| kv.key().to_vec()));
        count = chunk.count();
    }
    assert!(keys.is_sorted(), "in the order of the keys");
    assert_eq!((keys.len(), count), (50, 50));
    Ok(())
}

pub(crate) async fn txn(client: &mut Client) -> Result<(), Error> {
    let create = || {
        Txn::new()
            .when([Compare::create_revision("rs/txn", CompareOp::Equal, 0)])
            .and_then([TxnOp::put("rs/txn", "1", None), TxnOp::txn(Txn::new().and_then([TxnOp::get("rs/txn", None)]))])
            .or_else([TxnOp::get("rs/txn", None)])
    };
    let made = client.txn(create()).await?;
    let answers = made.op_responses();
    let [TxnOpResponse::Put(_), TxnOpResponse::Txn(inner)] = &answers[..] else { panic!("{answers:?}") };
    let [TxnOpResponse::Get(seen)] = &inner.op_responses()[..] else { panic!("{inner:?}") };
    assert_eq!(seen.kvs()[0].value(), b"1", "the inner transaction sees what was put before it");
    let again = client.txn(create()).await?;
    assert!(made.succeeded() && !again.succeeded());
    let twice = Txn::new().and_then([TxnOp::put("a", "1", None), TxnOp::put("a", "2", None)]);
    refused(client.txn(twice).await, "etcdserver: duplicate key given in txn request");
    Ok(())
}

pub(crate) async fn watch(client: &mut Client) -> Result<(), Error> {
    let first = client.put("rs/watch/a", "1", None).await?.header().unwrap().revision();
    let options = WatchOptions::new().with_prefix().with_start_revision(first).with_prev_key();
    let mut watching = client.watch("rs/watch/", Some(options)).await?;
    client.put("rs/watch/a", "2", None).await?;
    client.delete("rs/watch/a", None).await?;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let answer = watching.message().await?.expect("the stream goes on");
        assert!(!answer.canceled(), "{}", answer.cancel_reason());
        heard.extend(answer.events().iter().map(|event| {
            let before = event.prev_kv().map(|kv| kv.value_str().unwrap().to_owned());
            (event.event_type(), event.kv().unwrap().value_str().unwrap().to_owned(), before)
        }));
    }
    let event = |kind, value: &str, before: Option<&str>| (kind, value.to_owned(), before.map(str::to_owned));
    let expected = [
        event(EventType::Put, "1", None),
        event(EventType::Put, "2", Some("1")),
        event(EventType::Delete, "", Some("2")),
    ];
    assert_eq!(heard, expected);
    watching.request_progress().await?;
    let progress = watching.message().await?.expect("the stream goes on");
    assert!(progress.events().is_empty() && progress.header().unwrap().revision() >= first + 2, "{progress:?}");
    Ok(())
}

//! A member as its doors see it, without the doors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use auth::{Administrator, Caller};
use bytes::Bytes;
use flow::{DeliveryBody, FlowError, InstallPlugin, Member, MemberConfig, StartError, WatchSpec};
use seal::{KeyFile, KeyFileConfig, ProviderConfig, SealConfig};
use types::{
    Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, OpOutcome, Operation, Put, PutLease, PutValue,
    RangeQuery, Txn, TxnOp,
};

fn config(dir: &Path, prefixes: &[&str]) -> MemberConfig {
    let path = dir.join("root.key");
    if !path.exists() {
        KeyFile::create(&path).unwrap();
    }
    let seal = SealConfig {
        provider: ProviderConfig::KeyFile(KeyFileConfig { path }),
        prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
    };
    MemberConfig {
        name: "test".to_owned(),
        data_dir: dir.join("data"),
        cluster_token: "test".to_owned(),
        peer_urls: vec!["http://127.0.0.1:1".to_owned()],
        client_urls: Vec::new(),
        heartbeat_interval: Duration::from_millis(100),
        election_timeout: Duration::from_millis(1000),
        snapshot_entries: 1000,
        max_txn_ops: types::TXN_OPS_MAX,
        max_request_bytes: types::REQUEST_BYTES_MAX,
        seal: Some(seal),
        ..MemberConfig::default()
    }
}

fn put(key: impl Into<Bytes>, value: &str) -> Put {
    let value = PutValue::Set(value.as_bytes().to_vec().into());
    Put { key: key.into(), value, lease: PutLease::Set(0), prev_kv: true }
}

async fn write(member: &Member, put: Put) -> Result<i64, FlowError> {
    Ok(member.write(&Caller::internal(), Operation::Put(put)).await?.header.revision)
}

async fn read(member: &Member, key: &'static str) -> Option<Vec<u8>> {
    let reply = member.range(&Caller::internal(), RangeQuery::all(KeyRange::single(key))).await.unwrap();
    reply.body.kvs.first().map(|kv| kv.value.expose().to_vec())
}

fn deny_all() -> InstallPlugin {
    InstallPlugin {
        name: "deny-all".to_owned(),
        component: guests::deny_all().into(),
        prefixes: Vec::new(),
        sees_sealed: false,
        fail_open: false,
        timeout_ms: 0,
    }
}

/// P4: there is no window at activation. Writers hammer the member while a plugin that denies everything is installed.
#[tokio::test(flavor = "multi_thread")]
async fn no_write_gets_past_a_plugin_once_its_installation_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (member, stop) = (member.clone(), stop.clone());
            tokio::spawn(async move {
                let (mut newest, mut denied) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    match write(&member, put(format!("{}{writer}", guests::PREFIX), "x")).await {
                        Ok(revision) => newest = newest.max(revision),
                        Err(FlowError::Admission(_)) => denied += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                (newest, denied)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    member.plugin_install(&Administrator::bootstrap(), deny_all()).await.unwrap();
    let at_installation = member.header().revision;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        let (newest, denied) = writer.await.unwrap();
        assert!(newest > 1, "the writer wrote before the installation");
        assert!(newest <= at_installation, "revision {newest} got past a plugin in force since {at_installation}");
        assert!(denied > 0, "the writer met the plugin");
    }
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_values_survive_a_restart_and_compare_by_value() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    write(&member, put("/secret/a", "one")).await.unwrap();
    member.shutdown().await;
    drop(member);
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    assert_eq!(read(&member, "/secret/a").await.as_deref(), Some(&b"one"[..]));
    for (value, result, expected) in [
        ("one", CompareResult::Equal, true),
        ("two", CompareResult::Equal, false),
        ("two", CompareResult::NotEqual, true),
    ] {
        assert_eq!(compare(&member, value, result).await.unwrap(), expected, "{value} {result:?}");
    }
    let ordered = compare(&member, "one", CompareResult::Less).await;
    assert!(matches!(ordered, Err(FlowError::Seal(seal::SealError::OrderedCompare))));
    member.shutdown().await;
}

async fn compare(member: &Member, value: &str, result: CompareResult) -> Result<bool, FlowError> {
    let target = CompareTarget::Value(value.as_bytes().to_vec().into());
    let compare = Compare { range: KeyRange::single("/secret/a"), result, target };
    let txn = Txn { compare: vec![compare], success: vec![TxnOp::Put(put("seen", "x"))], failure: Vec::new() };
    match member.write(&Caller::internal(), Operation::Txn(txn)).await?.body {
        OpOutcome::Txn(outcome) => Ok(outcome.succeeded),
        _ => panic!("a transaction answers as a transaction"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_in_use_is_not_sealed_and_a_sealed_one_not_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    write(&member, put("/plain/a", "one")).await.unwrap();
    member.shutdown().await;
    drop(member);
    let in_use = Member::start(config(dir.path(), &["/secret/", "/plain/"])).await;
    assert!(matches!(in_use, Err(StartError::AlreadyInUse { .. })), "{:?}", in_use.err());
    let dropped = Member::start(config(dir.path(), &["/other/"])).await;
    assert!(matches!(dropped, Err(StartError::Unsealing { .. })), "{:?}", dropped.err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_the_root_key_refuses_sealed_prefixes_only() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = config(dir.path(), &["/secret/"]);
    let member = Member::start(sealed.clone()).await.unwrap();
    write(&member, put("/secret/a", "one")).await.unwrap();
    member.shutdown().await;
    drop(member);
    let member = Member::start(MemberConfig { seal: None, ..sealed }).await.unwrap();
    let refused = write(&member, put("/secret/a", "two")).await;
    assert!(matches!(refused, Err(FlowError::Seal(seal::SealError::Keyless { .. }))));
    let range = KeyRange::from_wire("/a".into(), "/z".into());
    let delete = Operation::DeleteRange(DeleteRange { range, prev_kv: false });
    let refused = member.write(&Caller::internal(), delete).await;
    assert!(matches!(refused, Err(FlowError::Seal(seal::SealError::Keyless { .. }))));
    let query = RangeQuery::all(KeyRange::single("/secret/a"));
    assert!(member.range(&Caller::internal(), query).await.is_err());
    write(&member, put("/plain/a", "two")).await.unwrap();
    assert!(member.status().body.errors.iter().any(|error| error.contains("root key")));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_from_the_past_runs_on_into_the_present() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    for number in 0..10 {
        write(&member, put("/secret/a", &number.to_string())).await.unwrap();
    }
    member.shutdown().await;
    drop(member);
    // After a restart the past is on disk only.
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    let mut follower = member.follow(&Caller::internal());
    let range = KeyRange::prefix(b"/secret/");
    let spec = WatchSpec { range, start_revision: 2, prev_kv: true, puts: true, deletes: true };
    follower.open(0, spec).unwrap();
    let writer = member.clone();
    let writing = tokio::spawn(async move {
        for number in 10..20 {
            write(&writer, put("/secret/a", &number.to_string())).await.unwrap();
        }
    });
    let mut seen = Vec::new();
    while seen.len() < 20 {
        let delivery = tokio::time::timeout(Duration::from_secs(10), follower.next()).await.unwrap();
        let DeliveryBody::Events(events) = delivery.body else { panic!("only events are expected") };
        seen.extend(events.into_iter().map(|event| (event.kv.mod_revision, event.kv.value.expose().to_vec())));
        assert_eq!(delivery.header.revision, seen.last().unwrap().0);
    }
    let expected: Vec<_> = (0..20_i64).map(|number| (number + 2, number.to_string().into_bytes())).collect();
    assert_eq!(seen, expected);
    writing.await.unwrap();
    assert_eq!(follower.progress(), Some(member.header().revision));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_whose_caller_went_away_is_kept_alive_and_ends_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let caller = Caller::internal();
    {
        let mut grant = Box::pin(member.lease_grant(&caller, 7, 2));
        assert!(futures::poll!(&mut grant).is_pending(), "the grant is under way when its caller goes away");
    }
    let granted = async {
        while member.lease_time_to_live(&caller, 7, false).await.unwrap().body.ttl < 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), granted).await.unwrap();
    assert_eq!(member.lease_keep_alive(&caller, 7).await.unwrap().body, 2);
    {
        let mut revoke = Box::pin(member.lease_revoke(&caller, 7));
        assert!(futures::poll!(&mut revoke).is_pending());
    }
    let ended = async {
        while member.lease_keep_alive(&caller, 7).await.unwrap().body > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
    member.shutdown().await;
}

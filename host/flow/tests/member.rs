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
use flow::{
    Alarm, AutoCompaction, DeliveryBody, FlowError, InstallPlugin, Member, MemberConfig, Progress, StartError,
    WatchSpec,
};
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
    assert_eq!(follower.progress(), Progress::Reached(member.header().revision));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_full_member_refuses_growth_until_it_was_cleaned_and_the_alarm_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let small = MemberConfig { quota_backend_bytes: 4 << 20, ..config(dir.path(), &[]) };
    let member = Member::start(small.clone()).await.unwrap();
    let mut noise = 1_u64;
    let full = loop {
        let value: String = (0..50_000)
            .map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'!' + (noise >> 33) as u8 % 90)
            })
            .collect();
        match write(&member, put(format!("key{noise}"), &value)).await {
            Ok(revision) => assert!(revision < 1000, "the quota is never reached"),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, FlowError::NoSpace), "{full}");
    let admin = Administrator::bootstrap();
    let own = member.header().member_id;
    assert_eq!(member.alarms().body, [(own, 1)]);
    member.shutdown().await;
    drop(member);
    // The alarm stands in the state, so it outlives the process.
    let member = Member::start(small).await.unwrap();
    assert!(member.status().body.errors.contains(&format!("memberID:{own} alarm:NOSPACE")));
    let small_put = || put("key", "x");
    assert!(matches!(write(&member, small_put()).await, Err(FlowError::NoSpace)));
    assert!(matches!(member.lease_grant(&Caller::internal(), 1, 10).await, Err(FlowError::NoSpace)));
    let range = KeyRange::from_wire("key".into(), "kez".into());
    let delete = Operation::DeleteRange(DeleteRange { range, prev_kv: false });
    let revision = member.write(&Caller::internal(), delete).await.unwrap().header.revision;
    member.compact(&Caller::internal(), revision, true).await.unwrap();
    let before = member.status().body.db_size;
    member.defragment(&admin).await.unwrap();
    assert!(member.status().body.db_size < before / 2, "{} of {before} bytes", member.status().body.db_size);
    assert!(matches!(write(&member, small_put()).await, Err(FlowError::NoSpace)), "the alarm still stands");
    member.alarm_set(&admin, false, Alarm { kind: 1, member_id: own }).await.unwrap();
    write(&member, small_put()).await.unwrap();
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_compacted_by_age_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let auto_compaction = AutoCompaction::Periodic(Duration::from_millis(500));
    let member = Member::start(MemberConfig { auto_compaction, ..config(dir.path(), &[]) }).await.unwrap();
    for number in 0..10 {
        write(&member, put("key", &number.to_string())).await.unwrap();
    }
    let at = |revision| RangeQuery { revision, ..RangeQuery::all(KeyRange::single("key")) };
    let compacted = async {
        while !matches!(member.range(&Caller::internal(), at(5)).await, Err(FlowError::Compacted)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), compacted).await.unwrap();
    assert_eq!(read(&member, "key").await.as_deref(), Some(&b"9"[..]));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_consistent_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = config(dir.path(), &["/secret/"]);
    let member = Member::start(sealed.clone()).await.unwrap();
    write(&member, put("/secret/a", "canary")).await.unwrap();
    write(&member, put("/plain/a", "seen")).await.unwrap();
    let admin = Administrator::bootstrap();
    let mut snapshot = member.snapshot(&admin).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = snapshot.pieces.recv().await {
        pieces.push(piece.unwrap());
    }
    let sum = pieces.pop().unwrap();
    let archive: Vec<u8> = pieces.iter().flat_map(|piece| piece.blob.to_vec()).collect();
    assert_eq!(sum.blob, ring::digest::digest(&ring::digest::SHA256, &archive).as_ref());
    let mut left = archive.len() as u64;
    for piece in &pieces {
        left -= piece.blob.len() as u64;
        assert_eq!(piece.remaining_bytes, left);
    }
    let holds = |text: &str| archive.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("format strongroom-snapshot 1\n") && holds("revision 3\n"), "the manifest is there");
    assert!(holds("seen") && !holds("canary"), "sealed values stay sealed, others are there");
    // One that is given up does not stay on disk, and neither does what a crash left.
    drop(member.snapshot(&admin).await.unwrap());
    let folder = dir.path().join("data/backup");
    let gone = async {
        while std::fs::read_dir(&folder).unwrap().next().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    member.shutdown().await;
    drop(member);
    std::fs::create_dir_all(folder.join("7")).unwrap();
    Member::start(sealed).await.unwrap().shutdown().await;
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_downgrade_moves_the_cluster_version_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let admin = Administrator::bootstrap();
    assert!(matches!(member.downgrade_validate(&admin, "x").await, Err(FlowError::WrongDowngradeVersion)));
    assert!(matches!(member.downgrade_enable(&admin, "3.7").await, Err(FlowError::InvalidDowngradeTarget)));
    assert_eq!(member.downgrade_cancel(&admin).await.unwrap().body, "3.7", "as in etcd, no error without one");
    assert_eq!(member.downgrade_enable(&admin, "3.6").await.unwrap().body, "3.7");
    assert!(matches!(member.downgrade_validate(&admin, "3.6").await, Err(FlowError::DowngradeInProcess)));
    assert_eq!(member.status().body.downgrade_target.as_deref(), Some("3.6.0"));
    for (target, expected) in [(None, "3.6.0"), (Some(()), "3.7.0")] {
        if target.is_some() {
            member.downgrade_cancel(&admin).await.unwrap();
        }
        let reached = async {
            while member.status().body.storage_version != expected {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
    }
    assert_eq!(member.status().body.downgrade_target, None);
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_member_can_be_moved_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let admin = Administrator::bootstrap();
    let own = member.header().member_id;
    let urls = |url: &str| vec![url.to_owned()];
    assert!(matches!(member.member_add(&admin, &urls("bad")).await, Err(FlowError::BadMemberUrls)));
    assert!(matches!(member.member_add(&admin, &urls("http://127.0.0.1:1")).await, Err(FlowError::PeerUrlExists)));
    assert!(matches!(member.member_add(&admin, &urls("http://127.0.0.1:9")).await, Err(FlowError::SingleMember)));
    assert!(matches!(member.member_remove(&admin, 7).await, Err(FlowError::MemberNotFound)));
    assert!(matches!(member.member_remove(&admin, own).await, Err(FlowError::NotEnoughStartedMembers)));
    assert!(matches!(member.member_promote(&admin, own).await, Err(FlowError::NotLearner)));
    assert!(matches!(member.move_leader(&admin, 7).await, Err(FlowError::BadLeaderTransferee)));
    member.move_leader(&admin, own).await.unwrap();
    assert!(matches!(member.member_update(&admin, 7, urls("x")).await, Err(FlowError::MemberNotFound)));
    member.member_update(&admin, own, urls("http://127.0.0.1:9")).await.unwrap();
    member.shutdown().await;
    drop(member);
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    assert_eq!(member.members(true).await.unwrap().body[0].peer_urls, urls("http://127.0.0.1:9"));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_goes_on_after_a_restart_with_what_it_had_left() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let caller = Caller::internal();
    for id in [1, 2] {
        member.lease_grant(&caller, id, 100).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(3200)).await;
    member.lease_keep_alive(&caller, 2).await.unwrap();
    member.shutdown().await;
    drop(member);
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    // One election timeout more, as after every start.
    let left = async |id| member.lease_time_to_live(&caller, id, false).await.unwrap().body;
    let (run, kept) = (left(1).await, left(2).await);
    assert!((95..=98).contains(&run.ttl), "{}", run.ttl);
    assert!(kept.ttl >= 99, "{}", kept.ttl);
    assert_eq!((run.granted_ttl, kept.granted_ttl), (100, 100));
    // A sign of life gives it all of its time again.
    assert_eq!(member.lease_keep_alive(&caller, 1).await.unwrap().body, 100);
    assert!(left(1).await.ttl >= 99);
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_of_one_revision_whatever_is_written_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    let keys = 3000;
    for number in 0..keys {
        write(&member, put(format!("/secret/{number:05}"), "before")).await.unwrap();
    }
    let newest = member.header().revision;
    let query = RangeQuery { limit: 2500, ..RangeQuery::all(KeyRange::prefix(b"/secret/")) };
    let mut list = member.list(&Caller::internal(), query).await.unwrap();
    let first = list.next().await.unwrap().unwrap();
    assert_eq!((first.kvs.len(), first.end), (10, None));
    let range = KeyRange::from_wire("/secret/00500".into(), "/secret/01500".into());
    member.write(&Caller::internal(), Operation::DeleteRange(DeleteRange { range, prev_kv: false })).await.unwrap();
    for number in 1500..2000 {
        write(&member, put(format!("/secret/{number:05}"), "after")).await.unwrap();
    }
    write(&member, put("/secret/00020x", "new")).await.unwrap();
    let (mut seen, mut pieces, mut end) = (first.kvs, 1, None);
    while let Some(piece) = list.next().await.unwrap() {
        assert!(end.is_none(), "nothing comes after the end");
        seen.extend(piece.kvs);
        (pieces, end) = (pieces + 1, piece.end);
    }
    let expected: Vec<_> = (0..2500).map(|number| format!("/secret/{number:05}").into_bytes()).collect();
    assert_eq!(seen.iter().map(|kv| kv.key.to_vec()).collect::<Vec<_>>(), expected);
    assert!(seen.iter().all(|kv| kv.value.expose() == b"before" && kv.mod_revision <= newest));
    let end = end.unwrap();
    assert_eq!((end.header.revision, end.more, end.count), (newest, true, keys));
    assert!(pieces > 5, "{pieces}");
    member.shutdown().await;
}

//! A member as its doors see it, without the doors.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::fixture::{config, put, read, write};
use auth::{Administrator, Caller};
use flow::{DeliveryBody, FlowError, InstallPlugin, Member, MemberConfig, Progress, Upload, WatchSpec};
use types::{
    Compare, CompareResult, CompareTarget, DeleteRange, KeyRange, OpOutcome, Operation, RangeQuery, Txn, TxnOp,
};

fn deny_all() -> InstallPlugin {
    InstallPlugin {
        name: "deny-all".to_owned(),
        code: Upload { component: guests::deny_all().into(), ..Upload::default() },
        ..InstallPlugin::default()
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
    tokio::time::sleep(Duration::from_secs(1)).await;
    member.plugin_install(&Administrator::bootstrap(), deny_all()).await.unwrap();
    let at_installation = member.header().revision;
    tokio::time::sleep(Duration::from_secs(1)).await;
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
        let mut grant = Box::pin(member.lease_grant(&caller, 7, 600));
        assert!(futures::poll!(&mut grant).is_pending(), "the grant is under way when its caller goes away");
    }
    let granted = async {
        while member.lease_time_to_live(&caller, 7, false).await.unwrap().body.ttl < 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), granted).await.unwrap();
    assert_eq!(member.lease_keep_alive(&caller, 7).await.unwrap().body, 600);
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
    assert!((60..=98).contains(&run.ttl), "{}", run.ttl);
    assert!(kept.ttl > run.ttl && kept.ttl >= 63, "{}", kept.ttl);
    assert_eq!((run.granted_ttl, kept.granted_ttl), (100, 100));
    // A sign of life gives it all of its time again.
    assert_eq!(member.lease_keep_alive(&caller, 1).await.unwrap().body, 100);
    assert!(left(1).await.ttl >= 90);
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

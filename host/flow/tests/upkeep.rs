//! What keeps a member going: space, compaction, snapshots, versions and members.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::fixture::{config, put, read, write};
use auth::{Administrator, BackupOperator, Caller};
use flow::{Alarm, AutoCompaction, FlowError, Member, MemberConfig, Snapshot, SnapshotStart};
use types::{DeleteRange, KeyRange, Operation, RangeQuery};

/// Writes what cannot be compressed under `key...` until there is no room for more.
async fn fill(member: &Member) {
    let mut noise = 1_u64;
    let full = loop {
        let value: String = (0..50_000)
            .map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'!' + (noise >> 33) as u8 % 90)
            })
            .collect();
        match write(member, put(format!("key{noise}"), &value)).await {
            Ok(revision) => assert!(revision < 1000, "the quota is never reached"),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, FlowError::NoSpace), "{full}");
}

/// Deletes what [`fill`] wrote, and its history.
async fn empty(member: &Member) {
    let range = KeyRange::from_wire("key".into(), "kez".into());
    let delete = Operation::DeleteRange(DeleteRange { range, prev_kv: false });
    let revision = member.write(&Caller::internal(), delete).await.unwrap().header.revision;
    member.compact(&Caller::internal(), revision, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_member_refuses_growth_until_it_was_cleaned_and_the_alarm_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let small = MemberConfig { quota_backend_bytes: 4 << 20, ..config(dir.path(), &[]) };
    let member = Member::start(small.clone()).await.unwrap();
    fill(&member).await;
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
    let before = member.status().body.db_size;
    empty(&member).await;
    member.defragment(&admin).await.unwrap();
    assert!(member.status().body.db_size < before / 2, "{} of {before} bytes", member.status().body.db_size);
    assert!(matches!(write(&member, small_put()).await, Err(FlowError::NoSpace)), "the alarm still stands");
    member.alarm_set(&admin, false, Alarm { kind: 1, member_id: own }).await.unwrap();
    write(&member, small_put()).await.unwrap();
    member.shutdown().await;
}

/// What was deleted and compacted is given back without a call, and then the alarm goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_member_that_was_cleaned_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let small = MemberConfig { quota_backend_bytes: 4 << 20, ..config(dir.path(), &[]) };
    let member = Member::start(small).await.unwrap();
    fill(&member).await;
    let (own, before) = (member.header().member_id, member.status().body.db_size);
    assert_eq!(member.alarms().body, [(own, 1)]);
    empty(&member).await;
    let cleared = async {
        while !member.alarms().body.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    // It looks every few seconds, and waits half a minute once there is room.
    tokio::time::timeout(Duration::from_secs(240), cleared).await.unwrap();
    assert!(member.status().body.db_size < before / 2, "{} of {before} bytes", member.status().body.db_size);
    write(&member, put("key", "x")).await.unwrap();
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
    let mut snapshot = member.snapshot(&BackupOperator::bootstrap(), SnapshotStart::Once).await.unwrap();
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
    drop(member.snapshot(&BackupOperator::bootstrap(), SnapshotStart::Once).await.unwrap());
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

async fn received(mut snapshot: Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = snapshot.pieces.recv().await {
        bytes.extend_from_slice(&piece.expect("a piece of the snapshot").blob);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_gone_on_with_from_any_byte_until_all_of_it_has_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/secret/"])).await.unwrap();
    write(&member, put("/secret/a", "canary")).await.unwrap();
    let operator = BackupOperator::bootstrap();
    let first = member.snapshot(&operator, SnapshotStart::Resumable).await.unwrap();
    let id = first.id.clone().unwrap();
    let whole = received(first).await;
    write(&member, put("/secret/a", "written meanwhile")).await.unwrap();
    let resumed = async |id: &str, offset: usize| {
        let start = SnapshotStart::Resume { id: id.to_owned(), offset: offset as u64 };
        Ok::<_, FlowError>(received(member.snapshot(&operator, start).await?).await)
    };
    let length = whole.len();
    for offset in [0, 1, 64 * 1024 - 1, 64 * 1024, length / 2, length - 32, length - 1] {
        assert!(resumed(&id, offset).await.unwrap() == whole[offset.min(length)..], "from {offset} of {length}");
    }
    assert!(matches!(resumed(&id, length + 1).await, Err(FlowError::SnapshotGone)));
    assert!(matches!(resumed("another", 0).await, Err(FlowError::SnapshotGone)));
    assert_eq!(std::fs::read_dir(dir.path().join("data/backup")).unwrap().count(), 1, "it is kept once");
    assert!(resumed(&id, length).await.unwrap().is_empty());
    assert!(matches!(resumed(&id, 0).await, Err(FlowError::SnapshotGone)), "all of it has arrived");
    assert_eq!(std::fs::read_dir(dir.path().join("data/backup")).unwrap().count(), 0);
    member.shutdown().await;
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
async fn the_only_member_can_be_moved_and_neither_removed_nor_promoted() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let admin = Administrator::bootstrap();
    let own = member.header().member_id;
    let urls = |url: &str| vec![url.to_owned()];
    assert!(matches!(member.member_add(&admin, &urls("bad"), false).await, Err(FlowError::BadMemberUrls)));
    let taken = member.member_add(&admin, &urls("http://127.0.0.1:1"), false).await;
    assert!(matches!(taken, Err(FlowError::PeerUrlExists)));
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
async fn members_that_were_added_and_never_start_cost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let admin = Administrator::bootstrap();
    let add = async |port: u16, is_learner| {
        let added = member.member_add(&admin, &[format!("http://127.0.0.1:{port}")], is_learner).await;
        added.map(|reply| (reply.body.member, reply.body.members.len()))
    };
    let (learner, members) = add(2, true).await.unwrap();
    assert!(learner.is_learner && learner.name.is_empty() && members == 2);
    assert!(matches!(add(3, true).await, Err(FlowError::TooManyLearners)));
    let promoted = member.member_promote(&admin, learner.id).await;
    assert!(matches!(promoted, Err(FlowError::LearnerNotReady)), "{promoted:?}");
    let (voter, members) = add(4, false).await.unwrap();
    assert!(!voter.is_learner && members == 3);
    assert!(matches!(add(5, false).await, Err(FlowError::NotEnoughStartedMembers)));
    assert!(matches!(member.member_promote(&admin, voter.id).await, Err(FlowError::NotLearner)));
    write(&member, put("a", "1")).await.unwrap();
    for id in [voter.id, learner.id] {
        member.member_remove(&admin, id).await.unwrap();
    }
    assert!(matches!(member.member_remove(&admin, voter.id).await, Err(FlowError::MemberNotFound)));
    assert_eq!(member.members(true).await.unwrap().body.len(), 1);
    assert_eq!(member.members_page().unwrap().removed, [voter.id, learner.id], "they could come back");
    assert_eq!(read(&member, "a").await.unwrap(), b"1");
    member.shutdown().await;
}

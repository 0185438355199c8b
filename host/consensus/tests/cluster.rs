//! Three members in one process: elections, forwarded proposals, reads on any member, snapshots, membership.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use consensus::{ConsensusError, PeerNode, Proposal, RebuildCause, StartError};
use fixture::{Members, PATIENCE};
use store::Store;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn every_member_takes_proposals_and_reads_what_others_wrote() {
    let members = Members::found(3).await;
    for (id, member) in &members.running {
        let text = format!("3.7.{id}");
        member.propose(&text).await.unwrap();
        assert_eq!(member.state(), text, "answered before it was applied by member {id}");
        for (other, reader) in &members.running {
            reader.consensus.confirm_read().await.unwrap();
            assert_eq!(reader.state(), text, "member {other} confirmed a read that is older than the write");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_an_older_version_take_proposals_by_a_call_each() {
    let members = Members::found_older(3).await;
    for round in 1..=2 {
        for (id, member) in &members.running {
            member.propose(&format!("3.{round}.{id}")).await.unwrap();
            assert_eq!(member.state(), format!("3.{round}.{id}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_proposals_at_once_are_all_carried_out() {
    let members = Members::found(3).await;
    let proposals = members.running.values().flat_map(|member| (0..200).map(move |n| (member, format!("3.7.{n}"))));
    let proposed = futures::future::join_all(proposals.map(async |(member, text)| member.propose(&text).await)).await;
    assert_eq!(proposed.into_iter().filter(Result::is_ok).count(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_outlives_its_leader_and_takes_it_back_as_a_follower() {
    let mut members = Members::found(3).await;
    let first = members.leader().await;
    members.of(first).propose("3.7.1").await.unwrap();
    members.stop(first).await;
    let (second, term) = (members.leader().await, |members: &Members, id| members.of(id).consensus.term());
    let after_election = term(&members, second);
    for (id, member) in &members.running {
        member.consensus.confirm_read().await.unwrap();
        assert_eq!(member.state(), "3.7.1", "member {id} lost an acknowledged write");
    }
    for (id, member) in &members.running {
        member.propose(&format!("3.8.{id}")).await.unwrap();
    }
    members.restart(first).await;
    members.of(first).consensus.confirm_read().await.unwrap();
    assert_eq!(members.of(first).state(), members.of(second).state());
    assert_eq!(members.leader().await, second);
    assert_eq!(term(&members, second), after_election, "the member that came back deposed the leader");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_nothing_is_written_and_nothing_confirmed() {
    let mut members = Members::found(3).await;
    let leader = members.leader().await;
    members.of(leader).propose("3.7.1").await.unwrap();
    let others: Vec<u64> = members.running.keys().copied().filter(|id| *id != leader).collect();
    for other in others {
        members.stop(other).await;
    }
    let alone = members.of(leader);
    assert!(alone.consensus.confirm_read().await.is_err());
    let written = alone.propose("3.8.0").await;
    assert!(matches!(written, Err(ConsensusError::NoLeader | ConsensusError::Timeout | ConsensusError::LeaderChanged)));
    assert_eq!(alone.state(), "3.7.1");
    assert_eq!(alone.consensus.leadership().leader, None, "a leader without a majority still counts itself as one");
}

/// What follows from a leader's own clock is nothing to another one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_as_leader_goes_to_no_other() {
    let members = Members::found(3).await;
    let leader = members.leader().await;
    let follower = members.running.keys().copied().find(|id| *id != leader).unwrap();
    members.of(leader).propose("3.7.1").await.unwrap();
    let as_leader = |id| members.of(id).consensus.propose_as_leader(fixture::version("3.7.2"));
    assert_eq!(as_leader(follower).await, Err(ConsensusError::NotLeader));
    for member in members.running.values() {
        member.consensus.confirm_read().await.unwrap();
        assert_eq!(member.state(), "3.7.1");
    }
    as_leader(leader).await.unwrap();
    assert_eq!(members.of(leader).state(), "3.7.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_cannot_run_a_component_say_so_and_silent_ones_are_told_apart() {
    let mut members = Members::found(3).await;
    let asking = members.leader().await;
    let mut others: Vec<u64> = members.running.keys().copied().filter(|id| *id != asking).collect();
    let put = Proposal::put_component("d".into(), "bytes".into());
    members.of(asking).consensus.propose(put).await.unwrap().result.unwrap();
    let stopped = others.pop().unwrap();
    members.stop(stopped).await;
    let mut unprepared = members.of(asking).consensus.prepare_voters("d".into(), "".into()).await;
    unprepared.sort_by_key(|member| member.refuses);
    let told: Vec<_> = unprepared.iter().map(|member| (member.member, member.refuses)).collect();
    assert_eq!(told, [(stopped, false), (others[0], true)]);
    assert_eq!(unprepared[1].reason, "no engine for d");
    for (record, refusing) in [(fixture::PROVABLE, 0), (&b"other"[..], 1)] {
        let unproved = members.of(asking).consensus.prove_key(&Bytes::from_static(record)).await;
        let refused: Vec<_> = unproved.iter().filter(|member| member.refuses).map(|member| member.member).collect();
        assert_eq!(refused, vec![others[0]; refusing], "{unproved:?}");
        assert!(unproved.iter().any(|member| member.member == stopped && !member.refuses), "{unproved:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_to_the_member_that_was_named() {
    let members = Members::found(3).await;
    let leader = members.leader().await;
    let to = *members.running.keys().find(|id| **id != leader).unwrap();
    members.of(leader).consensus.transfer_leader(to).await.unwrap();
    assert_eq!(members.leader().await, to);
    members.of(leader).propose("3.7.9").await.unwrap();
    assert_eq!(members.of(leader).consensus.transfer_leader(to).await, Err(ConsensusError::NotLeader));
    assert_eq!(members.of(to).consensus.transfer_leader(99).await, Err(ConsensusError::NoSuchMember));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_the_log_has_left_behind_gets_a_snapshot() {
    let mut members = Members::found(3).await;
    let leader = members.leader().await;
    let behind = *members.running.keys().find(|id| **id != leader).unwrap();
    let before = members.of(behind).consensus.status().last_index;
    members.stop(behind).await;
    // Enough that the log is purged, which is done a thousand entries at a time.
    let writer = members.of(leader);
    for round in 0..30 {
        let texts: Vec<_> = (0..100).map(|number| format!("4.{round}.{number}")).collect();
        futures::future::try_join_all(texts.iter().map(|text| writer.propose(text))).await.unwrap();
    }
    writer.propose("5.0.0").await.unwrap();
    let purged = async {
        while members.of(leader).consensus.first_index() <= before + 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, purged).await.expect("the log was never purged, so this proves nothing");
    members.restart(behind).await;
    members.of(behind).consensus.confirm_read().await.unwrap();
    assert_eq!(members.of(behind).state(), "5.0.0");
    members.of(behind).propose("5.0.1").await.unwrap();
    assert_eq!(members.of(behind).state(), "5.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_moved_and_removed_from_any_member() {
    let members = Members::found(3).await;
    let leader = members.leader().await;
    let (asked, removed) = {
        let mut others = members.running.keys().copied().filter(|id| *id != leader);
        (others.next().unwrap(), others.next().unwrap())
    };
    let consensus = &members.of(asked).consensus;
    assert_eq!(consensus.promote(leader).await, Err(ConsensusError::NotLearner));
    assert_eq!(consensus.remove(99, true).await, Err(ConsensusError::NoSuchMember));
    let node = PeerNode { peer_urls: vec!["http://127.0.0.1:9".to_owned()] };
    consensus.add_learner(42, node, true).await.unwrap();
    assert!(consensus.membership().learners.contains(&42));
    members.of(leader).propose("3.7.1").await.unwrap();
    assert_eq!(consensus.promote(42).await, Err(ConsensusError::LearnerNotReady));
    consensus.set_peer_urls(42, vec!["http://127.0.0.1:10".to_owned()]).await.unwrap();
    assert_eq!(consensus.membership().nodes[&42].peer_urls, ["http://127.0.0.1:10"]);
    consensus.remove(42, true).await.unwrap();
    consensus.remove(removed, true).await.unwrap();
    let voters: Vec<u64> = consensus.membership().voters.into_iter().collect();
    assert_eq!(voters, {
        let mut both = vec![leader, asked];
        both.sort_unstable();
        both
    });
    members.of(leader).propose("3.7.2").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_change_is_refused_while_too_few_members_answer() {
    let mut members = Members::found(3).await;
    let leader = members.leader().await;
    let (asked, down) = {
        let mut others = members.running.keys().copied().filter(|id| *id != leader);
        (others.next().unwrap(), others.next().unwrap())
    };
    members.stop(down).await;
    // Until it counts as one that does not answer.
    tokio::time::sleep(Duration::from_millis(4500)).await;
    let node = || PeerNode { peer_urls: vec!["http://127.0.0.1:9".to_owned()] };
    for id in [leader, asked] {
        let consensus = &members.of(id).consensus;
        assert_eq!(consensus.add_learner(42, node(), true).await, Err(ConsensusError::Unhealthy));
        assert_eq!(consensus.add_voter(42, node(), true).await, Err(ConsensusError::Unhealthy));
        assert_eq!(consensus.remove(leader, true).await, Err(ConsensusError::Unhealthy));
    }
    let consensus = &members.of(asked).consensus;
    assert!(!consensus.membership().nodes.contains_key(&42));
    consensus.add_learner(42, node(), false).await.unwrap();
    consensus.remove(42, true).await.unwrap();
    consensus.remove(down, true).await.unwrap();
    assert!(!consensus.membership().voters.contains(&down));
    consensus.add_learner(42, node(), true).await.unwrap();
}

/// Cuts every file of the state short, and none of the snapshot that shares them.
fn damage(state: &Path) {
    for file in std::fs::read_dir(state.join("current")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_replaced_by_the_leaders_and_the_log_goes_on_from_it() {
    let mut members = Members::found(3).await;
    let leader = members.leader().await;
    let hurt = *members.running.keys().find(|id| **id != leader).unwrap();
    members.of(hurt).propose("3.7.1").await.unwrap();
    members.stop(hurt).await;
    // What it lacks when it comes back, and what it has in its log but not in the state that it gets.
    members.of(leader).propose("3.7.2").await.unwrap();
    damage(&members.state_dir(hurt));
    assert!(Store::open(&members.state_dir(hurt)).is_err_and(|error| error.is_damage()), "it is not damaged");
    members.rebuild(hurt, RebuildCause::Damaged).await.unwrap();
    members.of(leader).propose("3.7.3").await.unwrap();
    members.restart(hurt).await;
    members.of(hurt).consensus.confirm_read().await.unwrap();
    assert_eq!(members.of(hurt).state(), "3.7.3");
    members.of(hurt).propose("3.7.4").await.unwrap();
    assert_eq!(members.of(hurt).state(), "3.7.4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_goes_on_from_an_own_snapshot_and_without_one_or_others_not_at_all() {
    let mut members = Members::found(1).await;
    members.of(1).propose("3.7.1").await.unwrap();
    members.stop(1).await;
    damage(&members.state_dir(1));
    let refused = members.rebuild(1, RebuildCause::Damaged).await;
    assert!(matches!(refused, Err(StartError::Unrecoverable { .. })), "{refused:?}");

    let mut members = Members::found(1).await;
    for number in 0..250 {
        members.of(1).propose(&format!("3.8.{number}")).await.unwrap();
    }
    snapshot_other_than(&members.state_dir(1), "").await;
    members.of(1).propose("3.9.0").await.unwrap();
    members.stop(1).await;
    damage(&members.state_dir(1));
    members.rebuild(1, RebuildCause::Damaged).await.unwrap();
    members.restart(1).await;
    assert_eq!(members.of(1).state(), "3.9.0", "the log behind the snapshot was not applied again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_snapshot_that_the_log_does_not_follow_is_not_gone_on_from() {
    let mut members = Members::found(3).await;
    let state = members.state_dir(1);
    for number in 0..250 {
        members.of(1).propose(&format!("3.8.{number}")).await.unwrap();
    }
    let older = snapshot_other_than(&state, "").await;
    let (snapshots, aside) = (state.with_file_name("snapshot"), tempfile::tempdir().unwrap());
    for file in std::fs::read_dir(snapshots.join(&older)).unwrap().map(|file| file.unwrap()) {
        std::fs::copy(file.path(), aside.path().join(file.file_name())).unwrap();
    }
    members.of(1).propose("3.9.0").await.unwrap();
    members.of(1).consensus.forget().await.unwrap();
    let newer = snapshot_other_than(&state, &older).await;
    members.of(1).propose("3.9.1").await.unwrap();
    members.stop(1).await;
    std::fs::remove_dir_all(snapshots.join(newer)).unwrap();
    std::fs::rename(aside.path(), snapshots.join(older)).unwrap();
    damage(&state);
    members.rebuild(1, RebuildCause::Damaged).await.unwrap();
    members.restart(1).await;
    members.of(1).consensus.confirm_read().await.unwrap();
    assert_eq!(members.of(1).state(), "3.9.1");
}

/// Waits until a member has a finished snapshot of another name; answers it.
async fn snapshot_other_than(state: &Path, name: &str) -> String {
    let made = async {
        loop {
            let entries = std::fs::read_dir(state.with_file_name("snapshot")).unwrap();
            let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            // One that is being made has a longer or shorter name.
            if let Some(found) = names.find(|found| found.len() == 20 && found != name) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, made).await.expect("no snapshot was made")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_goes_on_alone_with_all_that_it_has() {
    let mut members = Members::found(3).await;
    members.of(1).propose("3.7.1").await.unwrap();
    // A majority may be the other two.
    members.of(2).consensus.confirm_read().await.unwrap();
    for id in [1, 2, 3] {
        members.stop(id).await;
    }
    members.forced = true;
    members.restart(2).await;
    let alone = members.of(2);
    alone.consensus.confirm_read().await.unwrap();
    assert_eq!(alone.state(), "3.7.1");
    assert_eq!(alone.consensus.membership().nodes.into_keys().collect::<Vec<_>>(), [2]);
    alone.propose("3.7.2").await.unwrap();
    assert_eq!(alone.state(), "3.7.2");
    members.stop(2).await;
    // With the flag forgotten and without it.
    members.restart(2).await;
    members.stop(2).await;
    members.forced = false;
    members.restart(2).await;
    members.of(2).propose("3.7.3").await.unwrap();
    assert_eq!(members.of(2).consensus.membership().voters.into_iter().collect::<Vec<_>>(), [2]);
}

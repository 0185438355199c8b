//! Plugins in force on a member, as writers and administrators meet them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use crate::fixture::{config, put, read, write};
use auth::{Administrator, Auditor, Caller};
use flow::{Binding, FlowError, Hindsight, InstallPlugin, Member, MemberConfig, Replay, Upload};
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use store::command::PluginChange;
use types::{KeyRange, RangeQuery};

fn admin() -> Administrator {
    Administrator::bootstrap()
}

fn plugin(component: Vec<u8>, binding: Binding) -> InstallPlugin {
    InstallPlugin { name: "p".to_owned(), code: unsigned(component), binding, force: false }
}

fn unsigned(component: Vec<u8>) -> Upload {
    Upload { component: component.into(), ..Upload::default() }
}

/// Many at once that each find room for one more: what they read is looked at again when they are carried out.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_has_read_still_holds_when_its_write_is_carried_out() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let reads = vec![guests::PREFIX.into()];
    let wanted = plugin(guests::at_most_two(), Binding { reads, ..Binding::default() });
    member.plugin_install(&admin(), wanted).await.unwrap();

    for round in 0..10 {
        let writers = (0..16).map(|writer| {
            let (member, key) = (member.clone(), format!("{}{round}-{writer}", guests::PREFIX));
            tokio::spawn(async move { write(&member, put(key, "x")).await })
        });
        let mut written = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(_) => written += 1,
                Err(FlowError::Admission(_)) => {}
                Err(error) => panic!("neither written nor denied: {error}"),
            }
        }
        assert_eq!(written, 2, "two fit, and exactly two");
        let all = RangeQuery::all(KeyRange::prefix(guests::PREFIX.as_bytes()));
        let found = member.range(&Caller::internal(), all).await.unwrap().body;
        assert_eq!(found.count, 2);
        for kv in found.kvs {
            let range = KeyRange::single(kv.key);
            let delete = types::Operation::DeleteRange(types::DeleteRange { range, prev_kv: false });
            // Its deletes are reviewed, too, and it counts two before each.
            member.plugin_change(&admin(), "p", PluginChange::Disable).await.unwrap();
            member.write(&Caller::internal(), delete).await.unwrap();
            member.plugin_change(&admin(), "p", PluginChange::Enable).await.unwrap();
        }
    }
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_upgraded_bound_rolled_back_and_turned_off() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let binding = Binding { prefixes: vec!["/guarded/x/".into()], ..Binding::default() };
    member.plugin_install(&admin(), plugin(guests::allow_all(), binding)).await.unwrap();
    write(&member, put("/guarded/x/a", "1")).await.unwrap();

    let (upgraded, _) = member.plugin_upgrade(&admin(), "p", unsigned(guests::deny_all()), false).await.unwrap();
    assert_eq!(upgraded.prefixes, ["/guarded/x/"], "it is bound as before");
    assert!(matches!(write(&member, put("/guarded/x/a", "2")).await, Err(FlowError::Admission(_))));
    write(&member, put("/guarded/y", "2")).await.unwrap();

    let wider = Binding { prefixes: vec!["/guarded/".into()], ..Binding::of(&upgraded) };
    let stale = member.plugin_bind(&admin(), "p", upgraded.policy_epoch - 1, wider.clone()).await.unwrap_err();
    assert!(stale.to_string().contains("changed meanwhile"), "{stale}");
    member.plugin_bind(&admin(), "p", upgraded.policy_epoch, wider).await.unwrap();
    assert!(write(&member, put("/guarded/y", "3")).await.is_err());

    member.plugin_change(&admin(), "p", PluginChange::RollBack).await.unwrap();
    write(&member, put("/guarded/y", "4")).await.unwrap();
    assert!(write(&member, put("/guarded/x/a", "4")).await.is_err());
    member.plugin_change(&admin(), "p", PluginChange::Disable).await.unwrap();
    write(&member, put("/guarded/x/a", "5")).await.unwrap();
    member.plugin_change(&admin(), "p", PluginChange::Enable).await.unwrap();
    assert!(write(&member, put("/guarded/x/a", "6")).await.is_err());
    assert_eq!(read(&member, "/guarded/x/a").await.unwrap(), b"5");

    for (wrong, said) in [
        (Binding { users: vec!["alice".to_owned()], ..Binding::default() }, "USER:name"),
        (Binding { reads: vec!["".into()], ..Binding::default() }, "prefixes"),
        (
            Binding { operations: Some(flow::PluginOperations { put: false, delete: false }), ..Binding::default() },
            "put",
        ),
    ] {
        let refused = member.plugin_install(&admin(), plugin(guests::allow_all(), wrong)).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    member.shutdown().await;
}

fn signed(component: Vec<u8>, pair: &KeyPair) -> Upload {
    Upload { signature: pair.sign(&component).unwrap().into(), component: component.into() }
}

fn trusting(dir: &Path, pairs: &[&KeyPair]) -> MemberConfig {
    let path = dir.join("trusted.pem");
    std::fs::write(&path, pairs.iter().map(|pair| pair.public_key_pem()).collect::<String>()).unwrap();
    MemberConfig { plugin_trusted_keys: Some(path), ..config(dir, &[]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_with_trusted_keys_takes_what_they_have_signed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, strange) =
        (KeyPair::generate_for(&PKCS_ED25519).unwrap(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    // What is in force from before stays, but is not put in force again.
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let before = plugin(guests::deny_all(), Binding::default());
    member.plugin_install(&admin(), before.clone()).await.unwrap();
    member.shutdown().await;

    let member = Member::start(trusting(dir.path(), &[&ours])).await.unwrap();
    assert!(matches!(write(&member, put("/guarded/a", "1")).await, Err(FlowError::Admission(_))));
    for (code, said) in [
        (unsigned(guests::allow_all()), "runs signed plugins only"),
        (signed(guests::allow_all(), &strange), "not that of a key"),
        (Upload { component: guests::allow_all().into(), ..signed(guests::deny_all(), &ours) }, "not that of a key"),
    ] {
        let epoch = member.plugins(&Auditor::bootstrap()).unwrap().1;
        let wanted = InstallPlugin { code: code.clone(), ..before.clone() };
        let refused = member.plugin_install(&admin(), wanted).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
        let refused = member.plugin_upgrade(&admin(), "p", code.clone(), true).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
        assert!(member.plugin_replay(&admin(), code, Binding::default(), 0).await.is_err());
        assert_eq!(member.plugins(&Auditor::bootstrap()).unwrap().1, epoch, "nothing was changed");
    }
    member.plugin_upgrade(&admin(), "p", signed(guests::allow_all(), &ours), false).await.unwrap();
    write(&member, put("/guarded/a", "2")).await.unwrap();
    assert!(member.plugin_change(&admin(), "p", PluginChange::RollBack).await.is_err(), "that one is not signed");

    // Nobody is trusted any more: it goes on, can be turned off, and not on again.
    trusting(dir.path(), &[&strange]);
    member.plugin_change(&admin(), "p", PluginChange::Disable).await.unwrap();
    let refused = member.plugin_change(&admin(), "p", PluginChange::Enable).await.unwrap_err().to_string();
    assert!(refused.contains("not that of a key"), "{refused}");
    member.shutdown().await;
}

async fn objections(mut replay: Replay) -> (u64, Vec<(i64, String, Hindsight)>) {
    let (mut reviewed, mut found) = (0, Vec::new());
    while let Some(piece) = replay.next().await.unwrap() {
        reviewed = piece.reviewed;
        assert!(piece.revision <= piece.last_revision);
        found.extend(piece.objections.into_iter().map(|objection| {
            (objection.revision, String::from_utf8(objection.key.to_vec()).unwrap(), objection.hindsight)
        }));
    }
    (reviewed, found)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_what_a_plugin_would_have_made_of_the_past() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &["/guarded/sealed/"])).await.unwrap();
    let replay = async |component: Vec<u8>, binding: Binding, since: i64| {
        objections(member.plugin_replay(&admin(), unsigned(component), binding, since).await.unwrap()).await
    };
    let nothing = replay(guests::deny_exclamation(), Binding::default(), 0).await;
    assert_eq!((nothing.0, nothing.1.len()), (0, 0));

    let mut shouted = Vec::new();
    // More than one piece of it.
    for round in 0..300 {
        write(&member, put("/guarded/quiet", "calm")).await.unwrap();
        write(&member, put("/elsewhere", "loud!")).await.unwrap();
        if round % 100 == 0 {
            shouted.push(write(&member, put("/guarded/loud", "!loud")).await.unwrap());
        }
    }
    let sealed = write(&member, put("/guarded/sealed/s", "!secret")).await.unwrap();

    let revisions = |found: &[(i64, String, Hindsight)]| found.iter().map(|found| found.0).collect::<Vec<_>>();
    let (reviewed, found) = replay(guests::deny_exclamation(), Binding::default(), 0).await;
    assert_eq!((reviewed, found.len()), (304, 4));
    assert_eq!(revisions(&found[..3]), shouted);
    assert!(matches!(&found[0].2, Hindsight::Denied { .. }), "{:?}", found[0].2);
    assert!(matches!(&found[3].2, Hindsight::Failed(_)), "it fails on what it is not shown: {:?}", found[3].2);
    let seeing = Binding { sees_sealed: true, ..Binding::default() };
    let (_, found) = replay(guests::deny_exclamation(), seeing, shouted[2]).await;
    assert_eq!(revisions(&found), [shouted[2], sealed]);
    let Hindsight::Denied { message, .. } = &found[1].2 else { panic!("{:?}", found[1].2) };
    assert!(message.contains("withheld"), "it could quote the value: {message}");
    let mutating = Binding { may_mutate: true, ..Binding::default() };
    let (_, found) = replay(guests::change_to_exclamation(), mutating, shouted[2]).await;
    assert!(matches!(&found[0].2, Hindsight::Passed { changed: true, .. }), "{:?}", found[0].2);

    // It reads the store as it was before each write.
    write(&member, put(guests::LOCK, "x")).await.unwrap();
    let locked = write(&member, put("/guarded/quiet", "calm")).await.unwrap();
    let range = KeyRange::single(guests::LOCK);
    let delete = types::Operation::DeleteRange(types::DeleteRange { range, prev_kv: false });
    let deleted = member.write(&Caller::internal(), delete).await.unwrap().header.revision;
    write(&member, put("/guarded/quiet", "calm")).await.unwrap();
    let reading = Binding { reads: vec![guests::PREFIX.into()], ..Binding::default() };
    let (_, found) = replay(guests::while_free(), reading, sealed).await;
    assert_eq!(revisions(&found), [locked, deleted]);

    assert!(member.plugins(&Auditor::bootstrap()).unwrap().0.is_empty(), "nothing was installed");
    let future = member.plugin_replay(&admin(), unsigned(guests::trap()), Binding::default(), 100_000).await;
    assert!(future.is_err_and(|error| error.to_string().contains("future revision")));
    member.compact(&Caller::internal(), sealed, true).await.unwrap();
    let compacted = member.plugin_replay(&admin(), unsigned(guests::trap()), Binding::default(), 5).await;
    assert!(compacted.is_err_and(|error| error.to_string().contains("compacted")));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plugins_say_of_a_write_that_one_of_them_denies_is_in_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let mut audit = member.audit_tail(&Auditor::bootstrap(), 0).await.unwrap();
    member.plugin_install(&admin(), plugin(guests::deny_with_remarks(), Binding::default())).await.unwrap();
    let key = format!("{}a", guests::PREFIX);
    assert!(matches!(write(&member, put(key, "only-the-drum-knows")).await, Err(FlowError::Admission(_))));
    let line = audit.next().await.unwrap();
    let expected = r#""what":{"code":"denied","denied by":"p","notes":"p: noted","warnings":"p: look out"}"#;
    assert!(line.contains(r#""stage":"remarked""#) && line.contains(expected), "{line}");
    assert!(!line.contains("only-the-drum-knows"), "{line}");
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plugins_say_of_a_write_that_they_let_pass_is_in_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(config(dir.path(), &[])).await.unwrap();
    let mut audit = member.audit_tail(&Auditor::bootstrap(), 0).await.unwrap();
    let binding = Binding { may_mutate: true, ..Binding::default() };
    member.plugin_install(&admin(), plugin(guests::change_to_exclamation(), binding)).await.unwrap();
    let revision = write(&member, put(format!("{}a", guests::PREFIX), "only-the-drum-knows")).await.unwrap();
    let line = audit.next().await.unwrap();
    let expected = format!(r#""what":{{"notes":"p: seen","revision":"{revision}","warnings":"p: changed"}}"#);
    assert!(line.contains(r#""stage":"remarked""#) && line.contains(&expected), "{line}");
    assert!(!line.contains("only-the-drum-knows"), "{line}");
    member.shutdown().await;
}

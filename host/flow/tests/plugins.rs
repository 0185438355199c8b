//! Plugins in force on a member, as writers and administrators meet them.

mod fixture;

use auth::{Administrator, Caller};
use fixture::{config, put, read, write};
use flow::{Binding, FlowError, InstallPlugin, Member};
use store::command::PluginChange;
use types::{KeyRange, RangeQuery};

fn admin() -> Administrator {
    Administrator::bootstrap()
}

fn plugin(component: Vec<u8>, binding: Binding) -> InstallPlugin {
    InstallPlugin { name: "p".to_owned(), component: component.into(), binding, force: false }
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

    let (upgraded, _) = member.plugin_upgrade(&admin(), "p", guests::deny_all().into(), false).await.unwrap();
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

//! A root key that is lost, and data that two clusters are made of.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use auth::{Auditor, Caller};
use flow::{FlowError, Member, StartError};
use seal::{
    DataKeyRecord, KeyFileConfig, KeyState, NamedProvider, ProviderConfig, RecoveryCosts, RecoveryKey,
    RecoveryRecipient, SealError, SealRule, unwrap_elsewhere,
};
use types::{KeyRange, RangeQuery};

use crate::fixture::{config, put, read, write};
use crate::sealing::{PATIENCE, admin, settled, states};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_root_key_is_recovered_from_with_a_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let passphrase = "only the drum knows";
    let costs = RecoveryCosts::new(19456, 1, 1).unwrap();
    let recipient = RecoveryRecipient::create(passphrase, costs).unwrap();
    let mut config = config(dir.path(), &["/s/"]);
    config.seal.as_mut().unwrap().recovery = vec![recipient.to_string()];
    let member = Member::start(config.clone()).await.unwrap();
    write(&member, put("/s/a", "one")).await.unwrap();
    member.shutdown().await;
    drop(member);
    std::fs::remove_file(dir.path().join("root.key")).unwrap();
    seal::KeyFile::create(dir.path().join("root.key")).unwrap();

    let refused = Member::start(config.clone()).await;
    assert!(matches!(refused, Err(StartError::Seal(SealError::WrongRootKey { .. }))), "{:?}", refused.err());
    let member = Member::start(flow::MemberConfig { seal_recovering: true, ..config.clone() }).await.unwrap();
    let query = RangeQuery::all(KeyRange::single("/s/a"));
    let closed = member.range(&Caller::internal(), query).await;
    assert!(matches!(closed, Err(FlowError::Seal(SealError::WrongRootKey { .. }))), "{:?}", closed.err());
    assert!(!member.key_complaints().is_empty());
    let (cluster_id, records) = member.wrapped_keys(&admin()).unwrap();
    let keys = records.into_iter().map(|record| {
        let record = DataKeyRecord::decode(record).unwrap();
        let key = RecoveryKey::derive(passphrase, &recipient).unwrap();
        (record.id, unwrap_elsewhere(cluster_id, &record, key).unwrap().to_vec().into())
    });
    let keys: Vec<(u32, types::Plain)> = keys.collect();
    // What is not the data key takes the place of no wrap.
    for half in [0..32, 32..64] {
        let mut wrong = keys[0].1.expose().to_vec();
        wrong[half].iter_mut().for_each(|byte| *byte ^= 1);
        let refused = member.recover_keys(&admin(), vec![(keys[0].0, wrong.into())]).await;
        assert!(matches!(refused, Err(FlowError::Seal(SealError::WrongMaterial { .. }))), "{:?}", refused.err());
    }
    assert_eq!(member.recover_keys(&admin(), keys.clone()).await.unwrap().0, 1);
    let other = vec![(keys[0].0, vec![7; 64].into())];
    let refused = member.recover_keys(&admin(), other).await;
    assert!(matches!(refused, Err(FlowError::Seal(SealError::WrongMaterial { .. }))), "{:?}", refused.err());
    assert_eq!(member.recover_keys(&admin(), keys).await.unwrap().0, 1, "it is the one in use");
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"one"[..]));
    member.shutdown().await;
    drop(member);
    let member = Member::start(config).await.unwrap();
    assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"one"[..]));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_for_now_keeps_nothing_else_from_being_sealed_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), &["/b/n/", "/b/"]);
    let (seal, path) = (config.seal.as_mut().unwrap(), dir.path().join("other.key"));
    seal::KeyFile::create(&path).unwrap();
    let kind = ProviderConfig::KeyFile(KeyFileConfig { path: path.clone() });
    seal.providers.push(NamedProvider { name: "other".to_owned(), kind });
    seal.default_provider = Some("main".to_owned());
    seal.rules[0].provider = "other".to_owned();
    let member = Member::start(config.clone()).await.unwrap();
    // In the order of the keys it lies between others.
    for key in ["/b/1", "/b/n/x/1", "/b/z"] {
        write(&member, put(key, "one")).await.unwrap();
    }
    settled(&member).await;
    member.shutdown().await;
    drop(member);
    std::fs::remove_file(&path).unwrap();
    seal::KeyFile::create(&path).unwrap();

    let member = Member::start(flow::MemberConfig { seal_recovering: true, ..config }).await.unwrap();
    // What lies there has to be opened for it, and cannot be.
    member.set_seal_rule(&admin(), SealRule { sealed: false, ..SealRule::seal("/b/n/x/".into()) }, true).await.unwrap();
    member.rotate_keys(&admin(), Some(&"/b/".into()), false).await.unwrap();
    let status = async || member.key_status(&Auditor::bootstrap()).await.unwrap();
    let sealed_anew = async {
        while status().await.keys.iter().any(|key| key.state == KeyState::Retired && key.records > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, sealed_anew).await.unwrap();
    let status = status().await;
    assert!(!status.settled, "nothing is destroyed before all of it was seen");
    assert!(status.keys.iter().all(|key| key.state != KeyState::Destroyed), "{:?}", status.keys);
    for key in ["/b/1", "/b/z"] {
        assert_eq!(read(&member, key).await.as_deref(), Some(&b"one"[..]));
    }
    member.shutdown().await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// The secret part of a member's active data key.
fn active_material(member: &Member, root: &Path) -> Vec<u8> {
    let (cluster_id, records) = member.wrapped_keys(&admin()).unwrap();
    let records = records.into_iter().map(|record| DataKeyRecord::decode(record).unwrap());
    let active = records.into_iter().find(|record| record.state() == KeyState::Active).unwrap();
    unwrap_elsewhere(cluster_id, &active, seal::KeyFile::open(root).unwrap()).unwrap()[..32].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_made_of_the_same_data_share_no_data_key_that_seals() {
    let dir = tempfile::tempdir().unwrap();
    let (config, root) = (config(dir.path(), &["/s/"]), dir.path().join("root.key"));
    let member = Member::start(config.clone()).await.unwrap();
    write(&member, put("/s/a", "one")).await.unwrap();
    let mut materials = vec![active_material(&member, &root)];
    member.shutdown().await;
    drop(member);
    for name in ["one", "other"] {
        let data_dir = dir.path().join(name);
        copy(&config.data_dir, &data_dir);
        let forced = flow::MemberConfig { data_dir, force_new_cluster: true, ..config.clone() };
        let member = Member::start(forced).await.unwrap();
        materials.push(active_material(&member, &root));
        assert_eq!(states(&settled(&member).await), [(1, KeyState::Destroyed, 0), (2, KeyState::Active, 1)]);
        assert_eq!(read(&member, "/s/a").await.as_deref(), Some(&b"one"[..]));
        member.shutdown().await;
    }
    materials.sort();
    materials.dedup();
    assert_eq!(materials.len(), 3);
}

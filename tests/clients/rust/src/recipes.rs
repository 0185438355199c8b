//! Leases, the Lock and Election services, users and roles.

use std::time::Duration;

use etcd_client::{
    Client, Error, LeaseTimeToLiveOptions, LockOptions, Permission, ProclaimOptions, PutOptions, ResignOptions,
};
use tokio::time::{sleep, timeout};

use crate::{connect, refused};

/// Long enough that no lease ends during a run.
const LEASE_SECONDS: i64 = 30;

pub(crate) async fn lease(client: &mut Client) -> Result<(), Error> {
    let id = client.lease_grant(LEASE_SECONDS, None).await?.id();
    client.put("rs/lease", "1", Some(PutOptions::new().with_lease(id))).await?;
    let (mut keeper, mut answers) = client.lease_keep_alive(id).await?;
    keeper.keep_alive().await?;
    assert_eq!(answers.message().await?.expect("the stream goes on").ttl(), LEASE_SECONDS);
    let told = client.lease_time_to_live(id, Some(LeaseTimeToLiveOptions::new().with_keys())).await?;
    assert_eq!((told.granted_ttl(), told.keys()), (LEASE_SECONDS, &[b"rs/lease".to_vec()][..]));
    assert!(client.leases().await?.leases().iter().any(|lease| lease.id() == id));
    client.lease_revoke(id).await?;
    assert_eq!(client.get("rs/lease", None).await?.count(), 0);
    refused(client.lease_revoke(id).await.map(drop), "etcdserver: requested lease not found");
    Ok(())
}

pub(crate) async fn lock(client: &mut Client) -> Result<(), Error> {
    let mut held = Vec::new();
    for _ in 0..2 {
        let lease = client.lease_grant(LEASE_SECONDS, None).await?.id();
        held.push(LockOptions::new().with_lease(lease));
    }
    let (second, first) = (held.pop(), held.pop());
    let key = client.lock("rs/lock", first).await?.key().to_vec();
    assert!(key.starts_with(b"rs/lock/"));
    let mut other = client.clone();
    let mut waiting = Box::pin(other.lock("rs/lock", second));
    assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "it is held");
    client.unlock(key).await?;
    let key = waiting.await?.key().to_vec();
    client.unlock(key).await?;
    // Without a lease the server grants one, which ends by itself.
    let key = client.lock("rs/lock", None).await?.key().to_vec();
    client.unlock(key).await?;
    Ok(())
}

pub(crate) async fn election(client: &mut Client) -> Result<(), Error> {
    refused(client.leader("rs/election").await.map(drop), "election: no leader");
    let lease = client.lease_grant(LEASE_SECONDS, None).await?.id();
    let won = client.campaign("rs/election", "one", lease).await?;
    let leader = won.leader().expect("who won leads").clone();
    let mut observed = client.observe("rs/election").await?;
    assert_eq!(observed.message().await?.unwrap().kv().unwrap().value(), b"one");
    client.proclaim("two", Some(ProclaimOptions::new().with_leader(leader.clone()))).await?;
    assert_eq!(observed.message().await?.unwrap().kv().unwrap().value(), b"two");
    let other = client.lease_grant(LEASE_SECONDS, None).await?.id();
    let mut rival = client.clone();
    let next = tokio::spawn(async move { rival.campaign("rs/election", "three", other).await.map(drop) });
    sleep(Duration::from_millis(200)).await;
    assert!(!next.is_finished(), "one leads");
    client.resign(Some(ResignOptions::new().with_leader(leader.clone()))).await?;
    next.await.expect("the rival does not panic")?;
    assert_eq!(observed.message().await?.unwrap().kv().unwrap().value(), b"three");
    let late = client.proclaim("four", Some(ProclaimOptions::new().with_leader(leader))).await;
    refused(late.map(drop), "election: not leader");
    client.lease_revoke(other).await?;
    Ok(())
}

pub(crate) async fn auth(client: &mut Client) -> Result<(), Error> {
    for (name, password, role) in [("root", "r00t", "root"), ("erin", "s3cret", "reader")] {
        client.user_add(name, password, None).await?;
        client.role_add(role).await?;
        client.user_grant_role(name, role).await?;
    }
    client.role_grant_permission("reader", Permission::read("rs/auth/").with_prefix()).await?;
    client.auth_enable().await?;
    let mut root = connect(Some(("root", "r00t"))).await?;
    root.put("rs/auth/a", "1", None).await?;
    refused(connect(Some(("erin", "wrong"))).await, "etcdserver: authentication failed, invalid user ID or password");
    let mut erin = connect(Some(("erin", "s3cret"))).await?;
    assert_eq!(erin.get("rs/auth/a", None).await?.kvs()[0].value(), b"1");
    refused(erin.put("rs/auth/a", "2", None).await, "etcdserver: permission denied");
    refused(erin.get("rs/other", None).await, "etcdserver: permission denied");
    assert_eq!(root.role_get("reader").await?.permissions().len(), 1);
    root.auth_disable().await?;
    assert_eq!(client.get("rs/auth/a", None).await?.count(), 1);
    Ok(())
}

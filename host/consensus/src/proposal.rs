//! The only door into the log.

use admission::SealedWrite;
use auth::{Standing, TokenDigest};
use bytes::Bytes;
use store::{
    AlarmRecord, ChangeCluster, ClusterChange, Command, PluginRecord, SetAlarm,
    command::{
        Body, ChangeKeyring, ChangePlugin, Compact, LeaseCheckpoint, LeaseGrant, LeaseRemaining, LeaseRevoke,
        PluginChange, PutComponent, RecordAction, RemovePlugin, ReserveUses, Rewrap, Rewrapped,
    },
    users::{AuthChange, Author, ChangeAuth, TellToken},
};

/// A command that may enter the log.
///
/// A client's write gets in only as a [`SealedWrite`], which only a review can make: nothing that was not passed by every
/// plugin in force, and sealed where it has to be, can be proposed.
pub struct Proposal(Command);

impl Proposal {
    /// A client's write.
    #[must_use]
    pub fn write(write: SealedWrite) -> Self {
        Self(write.into_command())
    }

    /// Forgets history before `revision`.
    #[must_use]
    pub fn compact(_by: &Standing, revision: i64) -> Self {
        Self(Body::Compact(Compact { revision }).into())
    }

    /// Creates a lease.
    #[must_use]
    pub fn grant_lease(_by: &Standing, id: i64, ttl_seconds: i64) -> Self {
        Self(Body::LeaseGrant(LeaseGrant { id, ttl_seconds }).into())
    }

    /// Notes how long leases have left.
    #[must_use]
    pub fn checkpoint_leases(leases: Vec<LeaseRemaining>) -> Self {
        Self(Body::LeaseCheckpoint(LeaseCheckpoint { leases }).into())
    }

    /// Ends a lease and deletes its keys, if its author may write them all when it is applied.
    #[must_use]
    pub fn revoke_lease(by: &Standing, id: i64) -> Self {
        Self(Body::LeaseRevoke(LeaseRevoke { id, author: Author::of(by.actor()) }).into())
    }

    /// Changes users or roles, if its author may do that when it is applied.
    #[must_use]
    pub fn change_auth(by: &Standing, change: AuthChange) -> Self {
        Self(Body::ChangeAuth(ChangeAuth { author: Author::of(by.actor()), change: Some(change) }).into())
    }

    /// Tells every member of a token that was given for a password which was right at `auth_revision`.
    #[must_use]
    pub fn tell_token(user: &str, auth_revision: u64, digest: TokenDigest) -> Self {
        let digest = Bytes::copy_from_slice(&digest);
        Self(Body::TellToken(TellToken { user: user.to_owned(), auth_revision, digest }).into())
    }

    /// Notes what an administrator does.
    #[must_use]
    pub fn record_action(event: Bytes) -> Self {
        Self(Body::RecordAction(RecordAction { event }).into())
    }

    /// Has the state keep a component that a plugin is about to have.
    #[must_use]
    pub fn put_component(digest: Bytes, component: Bytes) -> Self {
        Self(Body::PutComponent(PutComponent { digest, component }).into())
    }

    /// Installs or replaces a plugin.
    #[must_use]
    pub fn put_plugin(plugin: PluginRecord) -> Self {
        Self(Body::PutPlugin(plugin).into())
    }

    /// Turns a plugin off or on, or puts back what it replaced, unless it was changed since `base_epoch`.
    #[must_use]
    pub fn change_plugin(name: &str, change: PluginChange, base_epoch: u64) -> Self {
        Self(Body::ChangePlugin(ChangePlugin { name: name.to_owned(), change: change.into(), base_epoch }).into())
    }

    /// Removes a plugin.
    #[must_use]
    pub fn remove_plugin(name: &str) -> Self {
        Self(Body::RemovePlugin(RemovePlugin { name: name.to_owned() }).into())
    }

    /// Changes what is sealed, or with which data keys, unless another policy change came first.
    #[must_use]
    pub fn change_keyring(change: ChangeKeyring) -> Self {
        Self(Body::ChangeKeyring(change).into())
    }

    /// Puts values in the place of the same ones, sealed otherwise under a policy epoch.
    #[must_use]
    pub fn rewrap(expected_epoch: u64, items: Vec<Rewrapped>) -> Self {
        Self(Body::Rewrap(Rewrap { expected_epoch, items }).into())
    }

    /// Notes that a member is about to use a data key so many times.
    #[must_use]
    pub fn reserve_uses(prefix: Bytes, id: u32, count: u64) -> Self {
        Self(Body::ReserveUses(ReserveUses { prefix, id, count }).into())
    }

    /// Raises or clears an alarm.
    #[must_use]
    pub fn set_alarm(raised: bool, alarm: AlarmRecord) -> Self {
        Self(Body::SetAlarm(SetAlarm { raised, alarm }).into())
    }

    /// Changes the cluster.
    #[must_use]
    pub fn change_cluster(change: ClusterChange) -> Self {
        Self(Body::ChangeCluster(ChangeCluster { change: Some(change) }).into())
    }

    pub(crate) fn into_command(self) -> Command {
        self.0
    }
}

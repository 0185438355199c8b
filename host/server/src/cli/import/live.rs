//! `strongroom import etcd --from ...`: from an etcd that runs, up to the moment of the switch-over.
//!
//! ```text
//!  its snapshot -> data directory -> what it writes since, by a watch -> interrupt -> the rest -> compared -> finished
//!                                                                            ^                     |
//!                                                                            '---- written to -----'
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flow::offline::{self, Change, Happened, Imported, Importing};
use indicatif::ProgressBar;
use proto::mvccpb::{self, event::EventType};

use super::counting;
use super::running::{Access, Etcd, Watch};
use crate::cli::client::ClientError;

/// How often the rest is taken and all of it compared: an etcd that is written to each time is not about to be switched over from.
const ROUNDS_MAX: u32 = 10;

/// Between two of these rounds: a lease that ends takes its keys with it within a second or so.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

/// Where an etcd is, and until when it is followed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Source {
    #[command(flatten)]
    access: Access,
    /// Do not wait to be interrupted: take what there is now, and not what is written while that is compared
    #[arg(long, requires = "from", help_heading = "An etcd that runs")]
    at_once: bool,
}

impl Source {
    /// Whether an etcd is named.
    pub(crate) fn is_named(&self) -> bool {
        !self.access.from.is_empty()
    }

    /// Imports from it; `import` names everything but the file, which is made here and removed.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; nothing is left of the data directory then.
    pub(crate) async fn import(&self, import: offline::Import) -> Result<Imported, ClientError> {
        import.check_members()?;
        let etcd = self.access.connect().await?;
        let dir = tempfile::tempdir()?;
        let source = dir.path().join("etcd.db");
        let fetched = counting("bytes of its snapshot fetched");
        etcd.save(&source, &fetched).await?;
        fetched.finish_and_clear();
        let bar = counting("changes imported");
        let mut importing =
            Importing::begin(&offline::Import { source, ..import }, &mut |done| bar.set_position(done))?;
        drop(dir);
        etcd.log_in().await?;
        let mut watch = etcd.watch(importing.revision() + 1).await?;
        bar.set_message(if self.at_once {
            "changes imported"
        } else {
            "changes imported; Ctrl-C when nobody writes any more"
        });
        let mut open = Vec::new();
        let mut interrupted = Box::pin(async {
            if !self.at_once {
                // Without signals there is nothing to wait for.
                let _ = tokio::signal::ctrl_c().await;
            }
        });
        loop {
            tokio::select! {
                biased;
                () = &mut interrupted => break,
                followed = follow(&etcd, &mut watch, &mut importing, &mut open) => followed?,
            }
            bar.set_position(importing.changes());
        }
        bar.set_message("changes imported; taking the rest, and comparing");
        self.complete(&etcd, &mut watch, &mut importing, &mut open, &bar).await?;
        bar.finish_and_clear();
        Ok(importing.finish().await?)
    }

    /// Takes the rest, until all that the etcd holds is here and nothing else.
    async fn complete(
        &self,
        etcd: &Etcd,
        watch: &mut Watch,
        importing: &mut Importing,
        open: &mut Vec<mvccpb::Event>,
        bar: &ProgressBar,
    ) -> Result<(), ClientError> {
        for _ in 0..ROUNDS_MAX {
            etcd.log_in().await?;
            let newest = etcd.newest().await?;
            while importing.revision() < newest {
                follow(etcd, watch, importing, open).await?;
                bar.set_position(importing.changes());
            }
            let revision = importing.revision();
            let attached = etcd.compare(importing, revision).await?;
            etcd.check_users(importing).await?;
            let leases = etcd.leases().await?;
            // What was written meanwhile is not here, and a lease that ended meanwhile has left its keys here.
            let is_whole = self.at_once || etcd.newest().await? == revision;
            if is_whole && first_gone(&attached, &leases).is_none() {
                importing.set_leases(leases);
                return Ok(());
            }
            tokio::time::sleep(ROUND_PAUSE).await;
        }
        Err(etcd.still_written())
    }
}

/// Takes what the watch tells next; those of a part of an answer wait for the rest of it. A watch that broke is begun again behind what
/// was taken.
async fn follow(
    etcd: &Etcd,
    watch: &mut Watch,
    importing: &mut Importing,
    open: &mut Vec<mvccpb::Event>,
) -> Result<(), ClientError> {
    let Some(answer) = watch.next().await else {
        open.clear();
        *watch = etcd.watch_again(importing.revision()).await?;
        return Ok(());
    };
    if answer.canceled {
        return Err(etcd.refused(&format!("{}; import again", answer.cancel_reason)));
    }
    open.extend(answer.events);
    if !answer.fragment {
        importing.take(by_revision(std::mem::take(open)))?;
    }
    Ok(())
}

/// A lease that keys are under and that is not there any more.
fn first_gone(attached: &BTreeSet<i64>, leases: &[offline::LeaseRecord]) -> Option<i64> {
    let known: BTreeSet<i64> = leases.iter().map(|lease| lease.id).collect();
    attached.difference(&known).next().copied()
}

fn by_revision(events: Vec<mvccpb::Event>) -> Vec<Happened> {
    let mut happened: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
    for event in events {
        let is_delete = event.r#type() == EventType::Delete;
        let Some(kv) = event.kv else { continue };
        let changes = happened.entry(kv.mod_revision).or_default();
        changes.push(if is_delete { Change::Delete(kv.key) } else { Change::Put(offline::key_value(kv)) });
    }
    happened.into_iter().map(|(revision, changes)| Happened { revision, changes }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_keys_are_under_has_to_be_there() {
        let lease = |id| offline::LeaseRecord { id, ttl_seconds: 60, remaining_seconds: 7 };
        let (attached, none) = (BTreeSet::from([3, 5]), BTreeSet::new());
        assert_eq!(first_gone(&attached, &[lease(5), lease(3), lease(9)]), None);
        assert_eq!(first_gone(&attached, &[lease(3)]), Some(5));
        assert_eq!(first_gone(&attached, &[]), Some(3));
        assert_eq!(first_gone(&none, &[lease(1)]), None);
    }

    #[test]
    fn events_are_told_apart_by_their_revisions_and_stay_in_order() {
        let event = |key: &'static str, revision: i64, is_delete: bool| mvccpb::Event {
            r#type: i32::from(is_delete),
            kv: Some(mvccpb::KeyValue { key: key.into(), mod_revision: revision, ..mvccpb::KeyValue::default() }),
            ..mvccpb::Event::default()
        };
        let happened = by_revision(vec![event("a", 4, false), event("b", 4, true), event("a", 5, true)]);
        let told: Vec<_> = happened.iter().map(|happened| (happened.revision, happened.changes.len())).collect();
        assert_eq!(told, [(4, 2), (5, 1)]);
        assert!(matches!(&happened[0].changes[1], Change::Delete(key) if key == "b"));
    }
}

//! `strongroom import etcd --from ...`: from an etcd that runs, up to the moment of the switch-over.
//!
//! ```text
//!  its snapshot -> data directory -> what it writes since, by a watch -> interrupt -> the rest -> compared -> finished
//!                                                                            ^                     |
//!                                                                            '---- written to -----'
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use flow::offline::{self, Change, Happened, Imported, Importing};
use indicatif::ProgressBar;
use proto::etcdserverpb::{
    AuthStatusRequest, LeaseLeasesRequest, LeaseTimeToLiveRequest, RangeRequest, SnapshotRequest, WatchCreateRequest,
    WatchRequest, WatchResponse, auth_client::AuthClient, kv_client::KvClient, lease_client::LeaseClient,
    maintenance_client::MaintenanceClient, watch_client::WatchClient, watch_request::RequestUnion,
};
use proto::mvccpb::{self, event::EventType};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::counting;
use crate::cli::client::{ClientError, innermost, read};

/// Keys of a page when all of them are compared.
const PAGE_KEYS: i64 = 1000;

/// Largest answer: a page of the largest values.
const ANSWER_BYTES_MAX: usize = usize::MAX;

/// How often the rest is taken and all of it compared: an etcd that is written to each time is not about to be switched over from.
const ROUNDS_MAX: u32 = 10;

/// Between two of these rounds: a lease that ends takes its keys with it within a second or so.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

/// An endpoint that does not answer a connection attempt for this long is taken for gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where an etcd is, and who is asking.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "An etcd that runs")]
pub(crate) struct Source {
    /// Import from an etcd that runs, at https://HOST:PORT or http://HOST:PORT, rather than from a file; goes on with what it
    /// writes until interrupted (Ctrl-C), when nobody writes any more
    #[arg(long, value_name = "URL", conflicts_with = "source", required_unless_present = "source")]
    from: Option<String>,
    /// Authority of its certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "from")]
    cacert: Option<PathBuf>,
    /// Certificate to show to it (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["from", "key"])]
    cert: Option<PathBuf>,
    /// Private key of that (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Do not wait to be interrupted: take what there is now, and not what is written while that is compared
    #[arg(long, requires = "from")]
    at_once: bool,
}

impl Source {
    /// Whether an etcd is named.
    pub(crate) fn is_named(&self) -> bool {
        self.from.is_some()
    }

    /// Imports from it; `import` names everything but the file, which is made here and removed.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; nothing is left of the data directory then.
    pub(crate) async fn import(&self, import: offline::Import) -> Result<Imported, ClientError> {
        import.check_members()?;
        let etcd = Etcd { channel: self.connect().await?, endpoint: self.from.clone().unwrap_or_default() };
        let dir = tempfile::tempdir()?;
        let source = dir.path().join("etcd.db");
        etcd.save(&source).await?;
        let bar = counting("changes imported");
        let mut importing =
            Importing::begin(&offline::Import { source, ..import }, &mut |done| bar.set_position(done))?;
        drop(dir);
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
            let answer = tokio::select! {
                biased;
                () = &mut interrupted => break,
                answer = watch.answers.message() => answer,
            };
            etcd.take(&mut importing, &mut open, answer)?;
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
            let newest = etcd.newest().await?;
            while importing.revision() < newest {
                etcd.take(importing, open, watch.answers.message().await)?;
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

    async fn connect(&self) -> Result<Channel, ClientError> {
        let endpoint = self.from.clone().unwrap_or_default();
        let unusable = |reason: String| ClientError::Unreachable { endpoint: endpoint.clone(), reason };
        let mut target = Endpoint::from_shared(endpoint.clone()).map_err(|error| unusable(error.to_string()))?;
        if endpoint.starts_with("https://") {
            let mut tls = ClientTlsConfig::new();
            if let Some(authority) = &self.cacert {
                tls = tls.ca_certificate(Certificate::from_pem(read(authority)?));
            }
            if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            target = target.tls_config(tls).map_err(|error| unusable(error.to_string()))?;
        }
        target.connect_timeout(CONNECT_TIMEOUT).connect().await.map_err(|error| unusable(innermost(&error)))
    }
}

/// An etcd that runs.
struct Etcd {
    channel: Channel,
    endpoint: String,
}

/// A watch on everything; it ends with its questions.
struct Watch {
    answers: Streaming<WatchResponse>,
    _questions: mpsc::Sender<WatchRequest>,
}

impl Etcd {
    fn failed(&self, status: &tonic::Status) -> ClientError {
        ClientError::Refused { message: format!("{}: {}", self.endpoint, status.message()) }
    }

    fn still_written(&self) -> ClientError {
        let message = format!(
            "{}: keys were written, or leases ended, each time that all of it was compared; stop whoever writes, and import again",
            self.endpoint
        );
        ClientError::Refused { message }
    }

    fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    async fn save(&self, to: &Path) -> Result<(), ClientError> {
        let unwritable = ClientError::unwritable(to);
        let mut client = MaintenanceClient::new(self.channel.clone());
        let pieces = client.snapshot(SnapshotRequest {}).await;
        let mut pieces = pieces.map_err(|status| self.failed(&status))?.into_inner();
        let mut file = BufWriter::new(File::create_new(to).map_err(&unwritable)?);
        while let Some(piece) = pieces.message().await.map_err(|status| self.failed(&status))? {
            file.write_all(&piece.blob).map_err(&unwritable)?;
        }
        file.flush().map_err(&unwritable)
    }

    async fn watch(&self, from: i64) -> Result<Watch, ClientError> {
        let everything = WatchCreateRequest {
            key: Bytes::from_static(&[0]),
            range_end: Bytes::from_static(&[0]),
            start_revision: from,
            ..WatchCreateRequest::default()
        };
        let (questions, asked) = mpsc::channel(1);
        let question = WatchRequest { request_union: Some(RequestUnion::CreateRequest(everything)) };
        // There is room for one.
        let _ = questions.send(question).await;
        let mut client = WatchClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let answers = client.watch(ReceiverStream::new(asked)).await.map_err(|status| self.failed(&status))?;
        Ok(Watch { answers: answers.into_inner(), _questions: questions })
    }

    /// Takes the events of an answer; those of a part of one wait for the rest of it.
    fn take(
        &self,
        importing: &mut Importing,
        open: &mut Vec<mvccpb::Event>,
        answer: Result<Option<WatchResponse>, tonic::Status>,
    ) -> Result<(), ClientError> {
        let ended = || ClientError::Refused { message: format!("{}: the watch ended; import again", self.endpoint) };
        let answer = answer.map_err(|status| self.failed(&status))?.ok_or_else(ended)?;
        if answer.canceled {
            let message = format!("{}: {}; import again", self.endpoint, answer.cancel_reason);
            return Err(ClientError::Refused { message });
        }
        open.extend(answer.events);
        if !answer.fragment {
            importing.take(by_revision(std::mem::take(open)))?;
        }
        Ok(())
    }

    async fn newest(&self) -> Result<i64, ClientError> {
        let query = RangeRequest { key: Bytes::from_static(&[0]), count_only: true, ..RangeRequest::default() };
        let answer = self.kv().range(query).await.map_err(|status| self.failed(&status))?.into_inner();
        Ok(answer.header.map_or(0, |header| header.revision))
    }

    /// All keys as of a revision, page by page. Returns the leases that they are under.
    async fn compare(&self, importing: &Importing, revision: i64) -> Result<BTreeSet<i64>, ClientError> {
        let (mut kv, mut from, mut attached) = (self.kv(), vec![0], BTreeSet::new());
        loop {
            let query = RangeRequest {
                key: from.clone().into(),
                range_end: Bytes::from_static(&[0]),
                limit: PAGE_KEYS,
                revision,
                ..RangeRequest::default()
            };
            let page = kv.range(query).await.map_err(|status| self.failed(&status))?.into_inner();
            let theirs: Vec<_> = page.kvs.into_iter().map(offline::key_value).collect();
            importing.compare(&from, &theirs, !page.more)?;
            attached.extend(theirs.iter().map(|kv| kv.lease).filter(|lease| *lease != 0));
            match theirs.last().filter(|_| page.more) {
                Some(last) => from = [&last.key[..], &[0]].concat(),
                None => return Ok(attached),
            }
        }
    }

    /// Users and roles are known from the snapshot alone: passwords cannot be asked for.
    async fn check_users(&self, importing: &Importing) -> Result<(), ClientError> {
        let status = AuthClient::new(self.channel.clone()).auth_status(AuthStatusRequest {}).await;
        let known = importing.auth_revision();
        match status.map(|status| status.into_inner().auth_revision) {
            Ok(now) if known != 0 && now != known => Err(ClientError::Refused {
                message: format!("{}: users or roles were changed meanwhile; import again", self.endpoint),
            }),
            // Before 3.5 etcd does not tell.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn leases(&self) -> Result<Vec<offline::LeaseRecord>, ClientError> {
        let mut client = LeaseClient::new(self.channel.clone());
        let listed = client.lease_leases(LeaseLeasesRequest {}).await.map_err(|status| self.failed(&status))?;
        let mut leases = Vec::new();
        for lease in listed.into_inner().leases {
            let question = LeaseTimeToLiveRequest { id: lease.id, keys: false };
            let answer = client.lease_time_to_live(question).await.map_err(|status| self.failed(&status))?.into_inner();
            // One that has ended meanwhile has none.
            if answer.ttl > 0 {
                let (id, ttl_seconds, remaining_seconds) = (lease.id, answer.granted_ttl, answer.ttl);
                leases.push(offline::LeaseRecord { id, ttl_seconds, remaining_seconds });
            }
        }
        Ok(leases)
    }
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

//! One case's conversation with one server, written down so that two can be compared.

use harness::{Client, Etcdctl, Kind, Server};
use tonic::{Code, Response, Status};

use crate::render;

/// A server, ways to talk to it, and the record of what it said.
pub(crate) struct Session {
    server: Server,
    etcdctl: Etcdctl,
    /// gRPC to the same server.
    pub(crate) client: Client,
    record: Vec<String>,
    masks: Vec<(String, String)>,
}

/// Runs a case on Strongroom and on etcd, and compares what the sessions wrote down.
pub(crate) async fn agree(case: impl AsyncFn(&mut Session)) {
    let (ours, theirs) =
        tokio::join!(Box::pin(recorded(Server::subject(), &case)), Box::pin(recorded(Server::etcd(), &case)));
    assert!(!theirs.is_empty(), "the case wrote nothing down, so it compares nothing");
    if let Some(difference) = first_difference(&ours, &theirs) {
        panic!("{difference}");
    }
}

async fn recorded(server: impl Future<Output = Server>, case: &impl AsyncFn(&mut Session)) -> Vec<String> {
    let server = server.await;
    let client = server.client().await;
    let mut session = Session { etcdctl: server.etcdctl(), client, server, record: Vec::new(), masks: Vec::new() };
    case(&mut session).await;
    session.record
}

/// Says where two records part, with the lines before it.
fn first_difference(ours: &[String], theirs: &[String]) -> Option<String> {
    let nothing = "(nothing more)".to_owned();
    let at = (0..ours.len().max(theirs.len())).find(|&line| ours.get(line) != theirs.get(line))?;
    let before = ours[at.saturating_sub(4)..at].join("\n");
    let [ours, theirs] = [ours, theirs].map(|record| record.get(at).unwrap_or(&nothing));
    Some(format!("after\n{before}\nStrongroom:\n{ours}\netcd:\n{theirs}\n"))
}

impl Session {
    /// Runs `etcdctl`, which must succeed; writes down and returns what it printed.
    pub(crate) async fn ok(&mut self, arguments: &[&str]) -> String {
        self.ok_with_input(arguments, "").await
    }

    /// As [`Session::ok`], with something to read.
    pub(crate) async fn ok_with_input(&mut self, arguments: &[&str], input: &str) -> String {
        let finished = self.etcdctl.run_with_input(arguments, input).await;
        assert!(finished.success, "{}: etcdctl {arguments:?}: {}", self.name(), finished.error);
        self.note(&format!("etcdctl {}", arguments.join(" ")), &finished.stdout);
        finished.stdout
    }

    /// Runs `etcdctl`, which must fail with an error that ends in these words; writes down all that it complained about.
    pub(crate) async fn fails(&mut self, arguments: &[&str], error: &str) {
        let finished = self.etcdctl.run(arguments).await;
        assert!(!finished.success, "{}: etcdctl {arguments:?} printed {}", self.name(), finished.stdout);
        assert!(finished.error.contains(error), "{}: etcdctl {arguments:?}: {}", self.name(), finished.error);
        self.note(&format!("etcdctl {} fails", arguments.join(" ")), &finished.error);
    }

    /// `etcdctl` itself, for what goes on; see [`Session::note`].
    pub(crate) fn etcdctl(&self) -> &Etcdctl {
        &self.etcdctl
    }

    /// Wants this refusal of a gRPC call, word for word.
    pub(crate) fn refused<T>(&mut self, what: &str, answer: Result<Response<T>, Status>, code: Code, message: &str) {
        let Err(status) = answer else { panic!("{}: {what} was not refused", self.name()) };
        assert_eq!((status.code(), status.message()), (code, message), "{}: {what}", self.name());
        self.note(what, &format!("{code:?} {message}"));
    }

    /// Wants a gRPC answer and takes it out of its envelope. Does not write it down: see `render`.
    pub(crate) fn answered<T>(&self, what: &str, answer: Result<Response<T>, Status>) -> T {
        answer.unwrap_or_else(|status| panic!("{}: {what}: {status}", self.name())).into_inner()
    }

    /// Writes something down.
    pub(crate) fn note(&mut self, what: &str, said: &str) {
        let mut line = format!("{what} => {}", render::without_identities(said));
        for (id, name) in &self.masks {
            line = line.replace(id, name);
        }
        self.record.push(line);
    }

    /// From now on writes down a name in the place of a lease's id, which each server chooses for itself.
    pub(crate) fn mask_lease(&mut self, id: i64, name: &str) {
        self.masks.push((format!("{id:016x}"), name.to_owned()));
        self.masks.push((id.to_string(), name.to_owned()));
    }

    /// Whether this is etcd 3.4, for the few places where 3.7 is known to differ.
    pub(crate) fn is_etcd(&self) -> bool {
        matches!(self.server.kind(), Kind::Member { .. })
    }

    /// The server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    fn name(&self) -> &'static str {
        if self.is_etcd() { "etcd" } else { "Strongroom" }
    }
}

#[test]
fn records_that_differ_are_told_apart() {
    let record = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
    assert_eq!(first_difference(&record(&["a", "b"]), &record(&["a", "b"])), None);
    let difference = first_difference(&record(&["a", "b"]), &record(&["a", "c"])).unwrap();
    assert_eq!(difference, "after\na\nStrongroom:\nb\netcd:\nc\n");
    let shorter = first_difference(&record(&["a"]), &record(&["a", "c"])).unwrap();
    assert!(shorter.contains("(nothing more)"), "{shorter}");
}

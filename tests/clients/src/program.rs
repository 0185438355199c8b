//! The client programs, and one run of one of them.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{process::Command, time::timeout};

use crate::{
    report::Outcome,
    runtime::{Language, Runtime},
    subject::{self, Subject},
};

/// Longest run of a client. Each takes a few seconds, kube-apiserver's suites a minute, and each has a bound of its own; this one
/// is for those that miss theirs.
const RUN_SECONDS_MAX: u64 = 400;

/// A client program.
#[derive(Debug)]
pub(crate) struct Program {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Whose client it is.
    pub(crate) library: &'static str,
    /// What runs it.
    pub(crate) language: Language,
    /// What it is run against.
    pub(crate) subjects: &'static [Subject],
    /// What it has to say it did, in this order.
    features: &'static [&'static str],
}

const PLAIN_AND_TLS: [Subject; 3] = [Subject::Strongroom, Subject::StrongroomTls, Subject::Etcd];

/// For a library that knows no TLS.
const PLAIN: [Subject; 2] = [Subject::Strongroom, Subject::Etcd];

/// One suite is over TLS in any case.
const PLAIN_AND_SEALED: [Subject; 3] = [Subject::Strongroom, Subject::StrongroomSealed, Subject::Etcd];

/// Every client program.
pub(crate) const PROGRAMS: [Program; 9] = [
    Program {
        name: "go",
        library: "go.etcd.io/etcd/client/v3 3.7, concurrency",
        language: Language::Go,
        subjects: &PLAIN_AND_TLS,
        features: &[
            "put",
            "get",
            "stream",
            "txn",
            "watch",
            "lease",
            "lock",
            "election",
            "stm",
            "services",
            "maintenance",
            "auth",
        ],
    },
    Program {
        name: "kubernetes",
        library: "k8s.io/apiserver 0.37, its storage's own tests",
        language: Language::Kubernetes,
        subjects: &PLAIN_AND_SEALED,
        features: &["etcd3", "factory"],
    },
    Program {
        name: "rust",
        library: "etcd-client 0.21",
        language: Language::Rust,
        subjects: &PLAIN_AND_TLS,
        features: &["put", "get", "stream", "txn", "watch", "lease", "lock", "election", "auth"],
    },
    Program {
        name: "python",
        library: "aetcd 1.0",
        language: Language::Python("grpc_client.py"),
        subjects: &PLAIN,
        features: &["put", "get", "txn", "watch", "lease", "lock", "election", "auth"],
    },
    Program {
        name: "python-gateway",
        library: "etcd3gw 2.7",
        language: Language::Python("gateway_client.py"),
        subjects: &PLAIN_AND_TLS,
        features: &["put", "get", "txn", "watch", "lease", "lock", "election", "auth"],
    },
    Program {
        name: "node",
        library: "etcd3 1.1",
        language: Language::Node,
        subjects: &PLAIN_AND_TLS,
        features: &["put", "get", "txn", "watch", "lease", "lock", "election", "auth"],
    },
    Program {
        name: "curl",
        library: "curl, JSON gateway",
        language: Language::Curl,
        subjects: &PLAIN_AND_TLS,
        features: &["put", "get", "txn", "watch", "lease", "lock", "election", "maintenance", "auth"],
    },
    Program {
        name: "etcdctl",
        library: "etcdctl of the path",
        language: Language::Etcdctl,
        subjects: &PLAIN_AND_TLS,
        features: &["put", "get", "txn", "watch", "lease", "lock", "election", "maintenance", "auth"],
    },
    Program {
        name: "etcdctl-new",
        library: "etcdctl 3.7",
        language: Language::EtcdctlBuilt,
        subjects: &PLAIN_AND_TLS,
        features: &["put", "get", "txn", "watch", "lease", "lock", "election", "maintenance", "auth"],
    },
];

impl Program {
    /// Runs it against a server that is only for it.
    pub(crate) async fn run(&self, runtime: &Runtime, subject: Subject) -> Outcome {
        if matches!(self.language, Language::Kubernetes) {
            return match subject.command(&runtime.folder) {
                Ok(variables) => self.drive(runtime, &variables).await,
                Err(why) => Outcome::Failed(why),
            };
        }
        let server = subject.start().await;
        self.drive(runtime, &subject::environment(&server)).await
    }

    async fn drive(&self, runtime: &Runtime, server: &[(String, String)]) -> Outcome {
        let begun = Instant::now();
        let mut command = Command::new(&runtime.program);
        command.args(&runtime.arguments).env_clear().envs(runtime.variables.iter().cloned());
        command.envs(server.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
        let run = timeout(Duration::from_secs(RUN_SECONDS_MAX), command.output()).await;
        let output = match run {
            Err(_) => return Outcome::Failed(format!("it goes on for more than {RUN_SECONDS_MAX} seconds")),
            Ok(Err(error)) => return Outcome::Failed(format!("{} does not start: {error}", runtime.program.display())),
            Ok(Ok(output)) => output,
        };
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        if let Some(missing) = first_missing(self.features, &said) {
            return Outcome::Failed(format!("no {missing}, {}\n{said}{complained}", output.status));
        }
        if !output.status.success() {
            return Outcome::Failed(format!("{}\n{said}{complained}", output.status));
        }
        Outcome::Passed { features: self.features.len(), took: begun.elapsed() }
    }
}

/// The first feature that a program did not say it did.
fn first_missing<'a>(features: &[&'a str], said: &str) -> Option<&'a str> {
    let mut done = said.lines().filter_map(|line| line.strip_prefix("ok "));
    features.iter().find(|feature| done.next() != Some(feature)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_was_left_out_is_missed() {
        let features = ["put", "get", "auth"];
        assert_eq!(first_missing(&features, "ok put\nby the way\nok get\nok auth\n"), None);
        assert_eq!(first_missing(&features, "ok put\nok auth\n"), Some("get"));
        assert_eq!(first_missing(&features, "ok put\nok get\n"), Some("auth"));
        assert_eq!(first_missing(&features, ""), Some("put"));
    }

    #[test]
    fn every_client_has_a_name_of_its_own() {
        for (at, program) in PROGRAMS.iter().enumerate() {
            assert!(PROGRAMS[..at].iter().all(|other| other.name != program.name), "{}", program.name);
            assert!(!program.features.is_empty() && !program.subjects.is_empty(), "{}", program.name);
        }
    }
}

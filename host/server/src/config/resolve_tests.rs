//! What `strongroom serve` makes of flags.

use std::collections::BTreeMap;

use super::error::ConfigErrors;
use super::flags::{FLAGS, Flag, Kind, Support, find};
use super::resolve::resolve;
use super::written::Written;
use super::{ClusterState, Config};

/// etcd's flags with their defaults, one a line: flag, default, group.
const ETCD_FLAGS: &str = include_str!("etcd_flags.tsv");

fn with(flags: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let mut written = Written::default();
    for (name, value) in flags {
        written.set(find(name).unwrap(), (*value).to_owned());
    }
    resolve(&written)
}

fn problems(flags: &[(&str, &str)]) -> String {
    with(flags).unwrap_err().to_string()
}

/// A value of the flag that is not its default and that can be read.
fn other_value(flag: &Flag) -> &'static str {
    match (flag.kind, flag.name) {
        (Kind::Switch, _) if flag.default == "true" => "false",
        (Kind::Switch, _) => "true",
        (_, "snapshot-count" | "heartbeat-interval") => "77",
        (_, "election-timeout") => "7000",
        (_, name) if name.ends_with("-urls") => "https://127.0.0.1:7777",
        (_, "initial-cluster-state") => "existing",
        (_, "log-level") => "debug",
        (_, "log-format") => "console",
        (_, "watch-progress-notify-interval") => "7s",
        _ => "something-else",
    }
}

fn etcd_defaults() -> BTreeMap<&'static str, &'static str> {
    ETCD_FLAGS
        .lines()
        .filter(|line| line.starts_with("--"))
        .map(|line| {
            let mut columns = line.split('\t');
            (columns.next().unwrap().trim_start_matches("--"), columns.next().unwrap())
        })
        .collect()
}

#[test]
fn every_flag_of_etcd_is_known_with_its_default() {
    let etcd = etcd_defaults();
    assert!(etcd.len() > 100, "the table was not read");
    for (name, default) in etcd {
        let flag = find(name).unwrap_or_else(|| panic!("--{name} is not known"));
        let expected = match name {
            "max-concurrent-streams" => "4294967295", // etcd prints the constant's name
            "enable-grpc-gateway" => "false",         // etcd's own default is true; see the table
            "memory-mlock" => "false",                // a switch that etcd prints without its default
            _ => default,
        };
        assert_eq!(flag.default, expected, "--{name}");
    }
}

#[test]
fn no_flag_is_listed_twice() {
    for flag in FLAGS {
        assert_eq!(FLAGS.iter().filter(|other| other.name == flag.name).count(), 1, "--{}", flag.name);
    }
}

#[test]
fn an_honoured_flag_changes_the_configuration_or_is_named_in_the_error() {
    let plain = with(&[]).unwrap();
    for flag in FLAGS.iter().filter(|flag| flag.support == Support::Honoured) {
        match with(&[(flag.name, other_value(flag))]) {
            Ok(config) => assert_ne!(config, plain, "--{} has no effect", flag.name),
            Err(errors) => assert!(errors.to_string().contains(flag.name), "--{}: {errors}", flag.name),
        }
    }
}

#[test]
fn a_flag_that_is_not_honoured_is_refused_by_name() {
    for flag in FLAGS.iter().filter(|flag| flag.support != Support::Honoured) {
        let text = problems(&[(flag.name, other_value(flag))]);
        assert!(text.contains(&format!("--{}", flag.name)), "--{}: {text}", flag.name);
    }
    assert_eq!(
        problems(&[("discovery", "https://x")]),
        "--discovery is not supported by this version of strongroom; remove it"
    );
}

#[test]
fn a_flag_that_says_what_happens_anyhow_is_accepted() {
    let plain = with(&[]).unwrap();
    for flag in FLAGS {
        if let Support::Only(accepted) = flag.support {
            for value in accepted {
                assert_eq!(with(&[(flag.name, value)]).unwrap(), plain, "--{}={value}", flag.name);
            }
        }
    }
    assert_eq!(with(&[("pre-vote", "T")]).unwrap(), plain, "Go's other words for true");
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = problems(&[("discovery", "x"), ("election-timeout", "soon"), ("listen-peer-urls", "nowhere")]);
    assert!(text.starts_with("the configuration has 3 problems:"), "{text}");
    for name in ["--discovery", "--election-timeout", "--listen-peer-urls"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn https_needs_a_certificate_and_http_takes_none() {
    let text = problems(&[
        ("listen-client-urls", "https://127.0.0.1:2379"),
        ("advertise-client-urls", "https://127.0.0.1:2379"),
        ("client-cert-auth", "true"),
    ]);
    for name in ["--cert-file", "--key-file", "--trusted-ca-file"] {
        assert!(text.contains(&format!("{name} is required")), "{text}");
    }
    let text = problems(&[("cert-file", "c.pem"), ("client-cert-auth", "true")]);
    assert!(text.contains("--cert-file is given, but no URL of its listener is https"), "{text}");
    assert!(text.contains("--client-cert-auth is given"), "{text}");
}

#[test]
fn a_trusted_authority_alone_demands_client_certificates() {
    let config = with(&[
        ("listen-peer-urls", "https://127.0.0.1:2380"),
        ("peer-cert-file", "c"),
        ("peer-key-file", "k"),
        ("peer-trusted-ca-file", "a"),
    ])
    .unwrap();
    assert_eq!(config.peer.tls.unwrap().client_authority.unwrap(), std::path::Path::new("a"));
}

#[test]
fn administrators_need_https_an_authority_and_a_rule() {
    let text = problems(&[("listen-admin-urls", "http://127.0.0.1:1")]);
    assert!(text.contains("https only"), "{text}");
    assert!(text.contains("--admin-trusted-ca-file is required"), "{text}");
    assert!(text.contains("--admin-identities is required"), "{text}");
    let whole = [
        ("listen-admin-urls", "https://127.0.0.1:1"),
        ("admin-cert-file", "c"),
        ("admin-key-file", "k"),
        ("admin-trusted-ca-file", "a"),
        ("admin-identities", "URI:spiffe://x/y,CN:root"),
    ];
    assert_eq!(
        with(&whole).unwrap().administrators,
        "URI:spiffe://x/y,CN:root".split(',').map(|r| r.parse().unwrap()).collect()
    );
    assert!(problems(&[("admin-identities", "somebody")]).contains("--admin-identities: "));
}

#[test]
fn administrators_count_on_the_client_listener_when_both_trust_the_same_authority() {
    let flags = |authority| {
        [
            ("listen-client-urls", "https://127.0.0.1:1"),
            ("advertise-client-urls", "https://127.0.0.1:1"),
            ("cert-file", "c"),
            ("key-file", "k"),
            ("trusted-ca-file", authority),
            ("listen-admin-urls", "https://127.0.0.1:2"),
            ("admin-cert-file", "c"),
            ("admin-key-file", "k"),
            ("admin-trusted-ca-file", "a"),
            ("admin-identities", "CN:root"),
        ]
    };
    let same = with(&flags("a")).unwrap();
    assert!(!same.administrators.is_empty());
    assert_eq!(same.client_administrators(), same.administrators);
    let other = with(&flags("b")).unwrap();
    assert_eq!(other.administrators, same.administrators);
    assert!(other.client_administrators().is_empty());
}

#[test]
fn one_member_only() {
    let text = problems(&[("initial-cluster", "a=http://10.0.0.1:2380,b=http://10.0.0.2:2380")]);
    assert_eq!(text, "--initial-cluster names 2 members: this version runs one member");
    assert!(problems(&[("initial-cluster", "a=http://localhost:2380")]).contains("does not name this member"));
    assert!(problems(&[("initial-cluster", "default=http://localhost:1")]).contains("different URLs"));
    with(&[("initial-cluster", "default=http://localhost:2380")]).unwrap();
}

#[test]
fn joining_is_refused_and_a_restart_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().to_str().unwrap();
    let absent = format!("{empty}/absent");
    for data_dir in [empty, &absent] {
        let text = problems(&[("initial-cluster-state", "existing"), ("data-dir", data_dir)]);
        assert!(text.contains("joining a cluster is not supported"), "{text}");
    }
    std::fs::write(directory.path().join("identity"), "").unwrap();
    let config = with(&[("initial-cluster-state", "existing"), ("data-dir", empty)]).unwrap();
    assert_eq!(config.cluster_state, ClusterState::Existing);
}

#[test]
fn the_data_of_etcd_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("member/wal")).unwrap();
    assert!(problems(&[("data-dir", dir.path().to_str().unwrap())]).contains("etcd member"));
}

#[test]
fn defaults_are_etcds() {
    let config = with(&[("name", "infra0")]).unwrap();
    assert_eq!(config.data_dir, std::path::Path::new("infra0.etcd"));
    assert_eq!(config.client.listen[0].to_string(), "http://localhost:2379");
    assert_eq!(config.timing.election.as_millis(), 1000);
    assert_eq!(config.timing.watch_progress.as_secs(), 600);
}

#[test]
fn admin_calls_are_for_named_certificates_unless_the_operator_says_otherwise() {
    assert_eq!(with(&[]).unwrap().admin_access, auth::AdminAccess::Mtls);
    let open = with(&[("admin-access", "any")]).unwrap();
    assert!(open.client_administrators().admit(&auth::Caller::anonymous(None)).is_ok());
    assert!(with(&[]).unwrap().client_administrators().admit(&auth::Caller::anonymous(None)).is_err());
    assert!(problems(&[("admin-access", "all")]).contains("mtls, client-cert or any"));
}

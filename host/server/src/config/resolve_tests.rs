//! What `strongroom serve` makes of flags, but for listeners and TLS: see `doors_tests`.

use std::collections::BTreeMap;
use std::time::Duration;

use flow::AutoCompaction;

use super::error::ConfigErrors;
use super::flags::{Flag, Kind, Support, all, find};
use super::remark::Remark;
use super::resolve::resolve;
use super::written::Written;
use super::{ClusterState, Config, LogOutput};

/// etcd's flags with their defaults and kinds, one a line.
const ETCD_FLAGS: &str = include_str!("etcd_flags.tsv");

pub(super) fn with(flags: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let mut written = Written::default();
    for (name, value) in flags {
        written.set(find(name).unwrap(), (*value).to_owned(), format!("--{name}"));
    }
    resolve(&written)
}

pub(super) fn problems(flags: &[(&str, &str)]) -> String {
    with(flags).unwrap_err().to_string()
}

/// A value of the flag that is not its default and that can be read.
fn other_value(flag: &Flag) -> &'static str {
    match (flag.kind, flag.name) {
        (Kind::Switch, _) if flag.default == "true" => "false",
        (Kind::Switch, _) => "true",
        (Kind::Duration, _) => "7s",
        (_, "election-timeout") => "7000",
        (_, "bcrypt-cost") => "4",
        (Kind::Whole | Kind::Signed, _) => "77",
        (_, name) if name.ends_with("-urls") => "https://127.0.0.1:7777",
        (_, "initial-cluster-state") => "existing",
        (_, "auto-compaction-retention") => "5m",
        (_, "metrics") => "extensive",
        (_, "log-level") => "debug",
        (_, "log-format") => "console",
        (_, "tls-max-version") => "TLS1.2",
        (_, "tls-min-version") => "TLS1.3",
        (_, "log-outputs") => "stdout",
        (_, "admin-access") => "any",
        (_, "cipher-suites") => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        _ => "something-else",
    }
}

/// What an honoured flag needs beside itself to have an effect of its own.
fn company(flag: &Flag) -> &'static [(&'static str, &'static str)] {
    match flag.name {
        "auto-compaction-mode" => &[("auto-compaction-retention", "5")],
        "self-signed-cert-validity" => &[
            ("auto-tls", "true"),
            ("listen-client-urls", "https://127.0.0.1:1"),
            ("advertise-client-urls", "http://a:1"),
        ],
        "backup-interval" | "backup-keep" => &[("backup-dir", "backups")],
        "compact-hash-check-time" => &[("feature-gates", "CompactHashCheck=true")],
        "log-rotation-config-json" => &[("enable-log-rotation", "true"), ("log-outputs", "/tmp/log")],
        _ => &[],
    }
}

fn etcd_flags() -> BTreeMap<&'static str, (&'static str, Kind)> {
    let lines = ETCD_FLAGS.lines().filter(|line| line.starts_with("--"));
    let columns = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    columns
        .map(|columns| {
            let kind = match columns[2] {
                "text" => Kind::Text,
                "switch" => Kind::Switch,
                "whole" => Kind::Whole,
                "signed" => Kind::Signed,
                "duration" => Kind::Duration,
                other => panic!("{other} is no kind"),
            };
            (columns[0].trim_start_matches("--"), (columns[1], kind))
        })
        .collect()
}

#[test]
fn every_flag_of_etcd_is_known_with_its_default_and_its_kind() {
    let etcd = etcd_flags();
    assert!(etcd.len() > 110, "the table was not read");
    for (name, expected) in etcd {
        let flag = find(name).unwrap_or_else(|| panic!("--{name} is not known"));
        assert_eq!((flag.default, flag.kind), expected, "--{name}");
    }
}

#[test]
fn no_flag_is_listed_twice() {
    for flag in all() {
        assert_eq!(all().filter(|other| other.name == flag.name).count(), 1, "--{}", flag.name);
    }
}

#[test]
fn the_defaults_can_be_written_down() {
    let plain = with(&[]).unwrap();
    for flag in all().filter(|flag| !flag.default.is_empty() && flag.name != "listen-client-urls") {
        assert_eq!(with(&[(flag.name, flag.default)]).unwrap(), plain, "--{}={}", flag.name, flag.default);
    }
}

#[test]
fn an_honoured_flag_changes_the_configuration_or_is_named_in_the_error() {
    for flag in all().filter(|flag| flag.support == Support::Honoured && flag.name != "config-file") {
        let mut flags = company(flag).to_vec();
        let plain = with(&flags).unwrap();
        flags.push((flag.name, if flag.name == "auto-compaction-mode" { "revision" } else { other_value(flag) }));
        match with(&flags) {
            Ok(config) => assert_ne!(config, plain, "--{} has no effect", flag.name),
            Err(errors) => assert!(errors.to_string().contains(flag.name), "--{}: {errors}", flag.name),
        }
    }
}

#[test]
fn a_moot_flag_is_accepted_and_named_once_unless_it_says_the_default() {
    let plain = with(&[]).unwrap();
    for flag in all() {
        let Support::Moot(why) = flag.support else { continue };
        let mut config = with(&[(flag.name, other_value(flag))]).unwrap();
        let remark = Remark::Moot { origin: format!("--{}", flag.name), why };
        assert_eq!(std::mem::take(&mut config.remarks), [remark], "--{}", flag.name);
        assert_eq!(config, plain, "--{}", flag.name);
    }
    assert!(with(&[("compact-hash-check-time", "60s")]).unwrap().remarks.is_empty());
}

#[test]
fn a_flag_that_cannot_be_passed_over_is_refused_with_the_reason() {
    for flag in all() {
        let (Support::Refused(why) | Support::Only(_, why)) = flag.support else { continue };
        let text = problems(&[(flag.name, other_value(flag))]);
        assert!(text.contains(&format!("--{}", flag.name)) && text.contains(why), "--{}: {text}", flag.name);
    }
    assert_eq!(
        problems(&[("discovery-srv", "example.org")]),
        "--discovery-srv is not supported: members are not discovered; name them with --initial-cluster"
    );
    assert_eq!(
        problems(&[("discovery-fallback", "proxy")]),
        "--discovery-fallback may only be exit, not \"proxy\": the v2 proxy is gone, in etcd too"
    );
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
fn elections_wait_for_some_heartbeats_and_not_forever() {
    assert!(problems(&[("heartbeat-interval", "201")]).contains("at least 5 times --heartbeat-interval"));
    with(&[("heartbeat-interval", "200")]).unwrap();
    assert!(problems(&[("election-timeout", "50001")]).contains("at most 50000 ms"));
    with(&[("election-timeout", "50000")]).unwrap();
    assert!(problems(&[("heartbeat-interval", "0")]).contains("above 0"));
}

#[test]
fn history_is_kept_by_age_or_by_number() {
    let of = |mode, retention| {
        with(&[("auto-compaction-mode", mode), ("auto-compaction-retention", retention)])
            .unwrap()
            .limits
            .auto_compaction
    };
    assert_eq!(of("periodic", "5m"), AutoCompaction::Periodic(Duration::from_secs(300)));
    assert_eq!(of("periodic", "2"), AutoCompaction::Periodic(Duration::from_secs(7200)));
    assert_eq!(of("periodic", "0"), AutoCompaction::Off);
    assert_eq!(of("revision", "1000"), AutoCompaction::Revision(1000));
    assert_eq!(of("revision", "0"), AutoCompaction::Off);
    assert!(
        problems(&[("auto-compaction-mode", "revision"), ("auto-compaction-retention", "5m")]).contains("revisions")
    );
    assert!(problems(&[("auto-compaction-mode", "weekly")]).contains("periodic or revision"));
}

#[test]
fn the_log_goes_where_it_is_sent() {
    let outputs = |text| with(&[("log-outputs", text)]).unwrap().log.outputs;
    assert_eq!(outputs("default"), [LogOutput::Stderr]);
    assert_eq!(outputs("stdout,stderr,stdout"), [LogOutput::Stderr, LogOutput::Stdout]);
    assert_eq!(outputs("/a,stderr"), [LogOutput::Stderr, LogOutput::File("/a".into())]);
    assert_eq!(outputs("systemd/journal"), [LogOutput::Journal]);
    assert!(problems(&[("log-outputs", "default,/a")]).contains("names default, which stands alone"));
    assert!(problems(&[("enable-log-rotation", "true")]).contains("exactly one file"));
    assert!(problems(&[("enable-log-rotation", "true"), ("log-outputs", "/a,/b")]).contains("exactly one file"));
    let rotated =
        |json| with(&[("enable-log-rotation", "true"), ("log-outputs", "/a"), ("log-rotation-config-json", json)]);
    assert_eq!(rotated(r#"{"maxsize": 7}"#).unwrap().log.rotation.unwrap().size_megabytes, 7);
    for json in ["{", r#"{"maxsize": "7"}"#, r#"{"maxsize": -7}"#, r#"{"size": 7}"#] {
        assert!(rotated(json).unwrap_err().to_string().contains("--log-rotation-config-json is not usable"), "{json}");
    }
    assert!(problems(&[("logger", "capnslog")]).contains("not zap"));
}

#[test]
fn feature_gates_are_checked_and_those_that_compare_data_honoured() {
    let config = with(&[("feature-gates", "LeaseCheckpoint=true, InitialCorruptCheck=false")]).unwrap();
    assert_eq!(config.remarks.len(), 1, "{:?}", config.remarks);
    assert_eq!(config.corruption_checks, flow::CorruptionChecks::default());
    let gates = "CompactHashCheck=true,InitialCorruptCheck=true";
    let checks = with(&[("feature-gates", gates), ("compact-hash-check-time", "30s")]).unwrap().corruption_checks;
    assert_eq!((checks.initial, checks.interval.as_secs()), (true, 30));
    let checks = with(&[("feature-gates", gates), ("corrupt-check-time", "2m")]).unwrap().corruption_checks;
    assert_eq!(checks.interval.as_secs(), 120);
    assert!(problems(&[("feature-gates", "Teleport=true")]).contains("not a feature gate of etcd"));
    assert!(problems(&[("feature-gates", "LeaseCheckpoint")]).contains("NAME=true"));
}

#[test]
fn the_members_of_a_first_start_are_those_that_etcd_takes() {
    let members = "a=http://10.0.0.1:2380,default=http://localhost:2380,b=http://10.0.0.2:2380,a=http://10.0.0.1:1";
    let cluster = with(&[("initial-cluster", members)]).unwrap().cluster;
    let shown = |(name, urls): &(String, Vec<super::url::Url>)| {
        let urls: Vec<_> = urls.iter().map(ToString::to_string).collect();
        format!("{name} {}", urls.join(" "))
    };
    let expected =
        ["a http://10.0.0.1:1 http://10.0.0.1:2380", "b http://10.0.0.2:2380", "default http://localhost:2380"];
    assert_eq!(cluster.members.iter().map(shown).collect::<Vec<_>>(), expected);
    let alone = with(&[("name", "a")]).unwrap().cluster;
    assert_eq!(alone.members.iter().map(shown).collect::<Vec<_>>(), ["a http://localhost:2380"]);
    assert!(problems(&[("initial-cluster", "a=http://localhost:2380")]).contains("does not name this member"));
    assert!(problems(&[("initial-cluster", "default=http://localhost:1")]).contains("different URLs"));
    assert!(problems(&[("initial-cluster", "default=http://localhost:2380,b=x")]).contains("\"b=x\""));
    assert!(problems(&[("initial-cluster", "default=http://localhost:2380,b")]).contains("name=URL"));
    let twice = "default=http://localhost:2380,b=http://localhost:2380";
    assert!(problems(&[("initial-cluster", twice)]).contains("to both b and default"));
}

#[test]
fn who_joins_names_somebody_to_ask_and_who_has_data_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().to_str().unwrap();
    let existing =
        |more: &[(&str, &str)]| with(&[&[("initial-cluster-state", "existing"), ("data-dir", empty)], more].concat());
    assert!(existing(&[]).unwrap_err().to_string().contains("names no other member to ask"));
    let others = [("initial-cluster", "default=http://10.0.0.3:1,b=http://10.0.0.2:2380")];
    let config = existing(&others).unwrap();
    assert_eq!(config.cluster.state, ClusterState::Existing);
    std::fs::write(directory.path().join("identity"), "").unwrap();
    existing(&[]).unwrap();
    with(&[("initial-cluster", "other=http://localhost:1"), ("data-dir", empty)]).unwrap();
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
    assert_eq!(config.timing.warning_unary_request.as_millis(), 300);
    assert_eq!(config.limits, super::Limits::default());
}

/// etcd's sample file as it is handed out, but for the lines of comments.
#[test]
fn etcds_sample_file_is_taken() {
    let text = "name: 'default'\ndata-dir:\nwal-dir:\nsnapshot-count: 10000\nheartbeat-interval: 100\nelection-timeout: 1000\n\
        quota-backend-bytes: 0\nlisten-peer-urls: http://localhost:2380\nlisten-client-urls: http://localhost:2379\n\
        max-snapshots: 5\nmax-wals: 5\ncors:\ninitial-advertise-peer-urls: http://localhost:2380\n\
        advertise-client-urls: http://localhost:2379\ndiscovery:\ndiscovery-fallback: 'proxy'\ndiscovery-proxy:\n\
        discovery-srv:\ninitial-cluster:\ninitial-cluster-token: 'etcd-cluster'\ninitial-cluster-state: 'new'\n\
        strict-reconfig-check: false\nenable-pprof: true\nproxy: 'off'\nproxy-failure-wait: 5000\n\
        client-transport-security:\n  cert-file:\n  key-file:\n  client-cert-auth: false\n  trusted-ca-file:\n  auto-tls: false\n\
        peer-transport-security:\n  cert-file:\n  key-file:\n  client-cert-auth: false\n  trusted-ca-file:\n  auto-tls: false\n\
        self-signed-cert-validity: 1\nlog-level: debug\nlogger: zap\nlog-outputs: [stderr]\nforce-new-cluster: false\n\
        auto-compaction-mode: periodic\nauto-compaction-retention: \"1\"\ntls-min-version: 'TLS1.2'\ntls-max-version: 'TLS1.3'\n";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("etcd.yml");
    std::fs::write(&path, text).unwrap();
    let file = (find("config-file").unwrap(), path.to_str().unwrap().to_owned());
    let config = resolve(&Written::gather(vec![file], []).unwrap()).unwrap();
    assert_eq!(config.limits.auto_compaction, AutoCompaction::Periodic(Duration::from_secs(3600)));
    assert_eq!(config.log.level, tracing::Level::DEBUG);
    assert!(!config.cluster.strict_reconfig_check);
    assert_eq!(config.remarks.len(), 1, "enable-pprof: {:?}", config.remarks);
}

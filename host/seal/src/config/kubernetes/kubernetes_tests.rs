use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::config::{KmsConfig, ProviderConfig, parse};

const HEAD: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";

/// An entry of a file: resources and providers, each as a list in YAML.
fn entry(resources: &str, providers: &str) -> String {
    format!("  - resources: {resources}\n    providers: {providers}\n")
}

fn read_entries(entries: &[String]) -> Result<SealConfig, Vec<String>> {
    parse(format!("{HEAD}resources:\n{}", entries.concat()).as_bytes(), Path::new(""))
}

fn problems(entries: &[String]) -> Vec<String> {
    read_entries(entries).unwrap_err()
}

/// A key of that many bytes.
fn key(name: &str, byte: u8, size: usize) -> String {
    format!("{{name: {name}, secret: {}}}", BASE64_STANDARD.encode(vec![byte; size]))
}

fn aesgcm(name: &str, byte: u8) -> String {
    format!("{{aesgcm: {{keys: [{}]}}}}", key(name, byte, 32))
}

const KMS: &str = "{kms: {apiVersion: v2, name: cloud, endpoint: 'unix:///run/kms.sock'}}";

fn names(config: &SealConfig) -> Vec<&str> {
    config.providers.iter().map(|provider| provider.name.as_str()).collect()
}

fn rules(config: &SealConfig) -> Vec<(&str, bool, &str)> {
    let text = |prefix| std::str::from_utf8(prefix).unwrap();
    config.rules.iter().map(|rule| (text(&rule.prefix), rule.sealed, rule.provider.as_str())).collect()
}

#[test]
fn the_first_provider_writes_and_the_others_only_unwrap() {
    let providers = format!(
        "[{{secretbox: {{keys: [{}, {}]}}}}, {}, {KMS}, {{aescbc: {{keys: [{}]}}}}, {{identity: {{}}}}]",
        key("new", 1, 32),
        key("old", 2, 32),
        aesgcm("new", 3),
        key("older", 4, 24)
    );
    let config = read_entries(&[entry("[secrets, configmaps]", &providers)]).unwrap();
    assert_eq!(names(&config), ["secretbox:new", "secretbox:old", "aesgcm:new", "kms:cloud"]);
    let expected = [("/registry/secrets/", true, "secretbox:new"), ("/registry/configmaps/", true, "secretbox:new")];
    assert_eq!(rules(&config), expected);
    assert_eq!((config.default_provider, config.when_unavailable), (None, WhenUnavailable::ServeRest));
    let ProviderConfig::Kubernetes(old) = &config.providers[1].kind else { panic!("{:?}", config.providers[1]) };
    assert_eq!((old.kind(), old.name()), (KubernetesKeyKind::Secretbox, "old"));
}

#[test]
fn identity_first_means_plain() {
    let providers = format!("[{{identity: {{}}}}, {}]", aesgcm("key1", 1));
    let config = read_entries(&[entry("[secrets]", &providers)]).unwrap();
    assert_eq!(rules(&config), [("/registry/secrets/", false, "")]);
    assert_eq!(names(&config), ["aesgcm:key1"]);
}

#[test]
fn a_plugin_is_read_with_its_timeout() {
    let kind = |more: &str| {
        let provider = format!("[{{kms: {{apiVersion: v2, name: cloud, endpoint: 'unix:///run/kms.sock'{more}}}}}]");
        read_entries(&[entry("[secrets]", &provider)]).map(|mut config| config.providers.remove(0).kind)
    };
    let kms = |timeout| Ok(ProviderConfig::Kms(KmsConfig { endpoint: "/run/kms.sock".into(), timeout }));
    assert_eq!(kind(""), kms(Duration::from_secs(3)));
    assert_eq!(
        kind(", timeout: 1m"),
        Err(vec!["resources[0].providers[0].kms.timeout: it must be from 100ms to 30s".to_owned()])
    );
    assert_eq!(kind(", timeout: 500ms"), kms(Duration::from_millis(500)));
}

/// Its wraps name it by what the file calls it.
#[test]
fn a_plugin_opens_under_its_own_name() {
    let config = read_entries(&[entry("[secrets]", &format!("[{KMS}]"))]).unwrap();
    assert_eq!(config.providers[0].open().unwrap().name(), "kms:cloud");
}

#[test]
fn each_size_of_key_is_taken_where_kubernetes_takes_it() {
    for (kind, size, taken) in [
        ("aesgcm", 16, true),
        ("aesgcm", 24, true),
        ("aesgcm", 32, true),
        ("aesgcm", 31, false),
        ("secretbox", 32, true),
        ("secretbox", 16, false),
        ("aescbc", 33, false),
    ] {
        let providers = format!("[{KMS}, {{{kind}: {{keys: [{}]}}}}]", key("key1", 1, size));
        let result = read_entries(&[entry("[secrets]", &providers)]);
        let place = format!("resources[0].providers[1].{kind}.keys[0].secret: it has {size} bytes");
        assert!(if taken { result.is_ok() } else { result.unwrap_err()[0].starts_with(&place) }, "{kind} {size}");
    }
}

#[test]
fn line_ends_in_a_secret_do_not_count() {
    let encoded = BASE64_STANDARD.encode([7; 32]);
    let (one, other) = encoded.split_at(20);
    let block = format!("[{{secretbox: {{keys: [{{name: a, secret: \"{one}\\r\\n{other}\\n\"}}]}}}}]");
    let plain = format!("[{{secretbox: {{keys: [{{name: a, secret: {encoded}}}]}}}}]");
    assert_eq!(read_entries(&[entry("[secrets]", &block)]), read_entries(&[entry("[secrets]", &plain)]));
}

#[test]
fn mistakes_in_a_provider_have_their_place() {
    let place = "resources[0].providers[0]";
    let cases = [
        ("{}", ": it must have one of kms, aesgcm, secretbox, aescbc, identity"),
        ("{identity: }", ": it must have one of kms, aesgcm, secretbox, aescbc, identity"),
        ("{identity: {}, aesgcm: {keys: []}}", ": it has both aesgcm and identity"),
        ("{identity: {a: 1}}", ".identity.a: there is no such key here"),
        ("{aesgcm: {}}", ".aesgcm.keys: it is missing"),
        ("{aesgcm: {keys: []}}", ".aesgcm.keys: it is empty"),
        ("{aesgcm: {keys: [{secret: AAAAAAAAAAAAAAAAAAAAAA==}]}}", ".aesgcm.keys[0].name: it is missing"),
        ("{aesgcm: {keys: [{name: a}]}}", ".aesgcm.keys[0].secret: it is missing"),
        ("{aesgcm: {keys: [{name: a, secret: '***'}]}}", ".aesgcm.keys[0].secret: it is not base64"),
        (
            "{aesgcm: {keys: [{name: a, secret: AAAA}]}}",
            ".aesgcm.keys[0].secret: it has 3 bytes; its kind has keys of [16, 24, 32]",
        ),
        (
            "{aesgcm: {keys: [{name: AAAAAAAAAAAAAAAAAAAAAA==, secret: AAAAAAAAAAAAAAAAAAAAAA==}]}}",
            ".aesgcm.keys[0].name: it is the key itself",
        ),
        ("{kms: {apiVersion: v2, name: 'a:b', endpoint: 'unix:///k'}}", ".kms.name: it must be without :"),
        (
            "{kms: {apiVersion: v2, name: a, endpoint: 'unix:///k', cachesize: 5}}",
            ".kms.cachesize: there is no such key here",
        ),
        ("{kms: {apiVersion: v2, name: a}}", ".kms.endpoint: it is missing"),
    ];
    for (provider, problem) in cases {
        assert_eq!(
            problems(&[entry("[secrets]", &format!("[{provider}]"))]),
            [format!("{place}{problem}")],
            "{provider}"
        );
    }
    for version in ["apiVersion: v1, ", "", "apiVersion: 2, "] {
        let provider = format!("[{{kms: {{{version}name: a, endpoint: 'unix:///k'}}}}]");
        let problems = problems(&[entry("[secrets]", &provider)]);
        let last = problems.last().unwrap();
        assert!(last.starts_with(&format!("{place}.kms.apiVersion: it must be v2")), "{problems:?}");
    }
}

#[test]
fn nothing_is_written_with_aescbc() {
    let providers = format!("[{{aescbc: {{keys: [{}]}}}}]", key("key1", 1, 32));
    let problems = problems(&[entry("[secrets]", &providers)]);
    assert!(
        problems.len() == 1 && problems[0].starts_with("resources[0].providers[0]: aescbc does not notice"),
        "{problems:?}"
    );
}

#[test]
fn the_first_entry_with_a_resource_counts() {
    let first = entry("[secrets]", &format!("[{}]", aesgcm("one", 1)));
    let second = entry("[secrets, pods]", &format!("[{}]", aesgcm("two", 2)));
    let rest = entry("['*.custom.example', '*.*']", "[{identity: {}}]");
    let config = read_entries(&[first, second, entry("['*.*']", "[{identity: {}}]")]).unwrap();
    let expected = [
        ("/registry/secrets/", true, "aesgcm:one"),
        ("/registry/pods/", true, "aesgcm:two"),
        ("/registry/", false, ""),
    ];
    assert_eq!(rules(&config), expected);
    assert_eq!(names(&config), ["aesgcm:one", "aesgcm:two"], "keys of a later entry still unwrap");
    assert_eq!(problems(&[rest]).len(), 1);
}

#[test]
fn what_a_wildcard_hides_is_a_mistake_as_in_kubernetes() {
    let identity = |resources| entry(resources, "[{identity: {}}]");
    let before = ": a wildcard before it covers it already, so it would have no effect";
    let same = ": another resource of the same list is covered by it";
    let one = |resources| problems(&[identity(resources)]);
    assert_eq!(one("['*.*', secrets]"), [format!("resources[0].resources[1]{before}")]);
    assert_eq!(one("[secrets, '*.*']"), [format!("resources[0].resources[1]{same}")]);
    assert_eq!(one("[secrets, pods, secrets]"), [format!("resources[0].resources[2]{same}")]);
    assert_eq!(one("[a.custom.example, '*.custom.example']"), [format!("resources[0].resources[1]{same}")]);
    let two = problems(&[identity("['*.custom.example']"), identity("[secrets, a.custom.example]")]);
    assert_eq!(two, [format!("resources[1].resources[1]{before}")]);
    assert!(
        read_entries(&[identity("[secrets, a.custom.example]"), identity("['*.custom.example']"), identity("['*.*']")])
            .is_ok()
    );
}

#[test]
fn resources_are_named_by_their_place() {
    let wrong = problems(&[entry("[secrets, '*.apps', 7, Secrets]", &format!("[{KMS}]"))]);
    let expected = [
        "resources[0].resources[1]: resources of this group have no prefix in common; name the resources",
        "resources[0].resources[2]: it must be text, in quotes if need be",
        "resources[0].resources[3]: it must be the plural name of a resource, with its group, in small letters",
    ];
    assert_eq!(wrong, expected);
    assert_eq!(problems(&[entry("[]", &format!("[{KMS}]"))]), ["resources[0].resources: it is empty"]);
    assert_eq!(problems(&[entry("[secrets]", "[]")]), ["resources[0].providers: it is empty"]);
}

#[test]
fn a_key_may_serve_several_entries_but_a_name_has_one_key() {
    let entries = |other| {
        [
            entry("[secrets]", &format!("[{}]", aesgcm("key1", 1))),
            entry("[pods]", &format!("[{}]", aesgcm("key1", other))),
        ]
    };
    assert_eq!(names(&read_entries(&entries(1)).unwrap()), ["aesgcm:key1"]);
    assert_eq!(
        problems(&entries(2)),
        ["resources[1].providers[0]: another one of its kind has the same name; each needs its own"]
    );
}

#[test]
fn another_kind_or_version_is_refused() {
    let rest = format!("resources:\n{}", entry("[secrets]", "[{identity: {}}]"));
    let read = |head: &str| parse(format!("{head}{rest}").as_bytes(), Path::new("")).unwrap_err();
    let old = read("apiVersion: v1\nkind: EncryptionConfig\n");
    assert_eq!(old, ["apiVersion: it must be apiserver.config.k8s.io/v1", "kind: it must be EncryptionConfiguration"]);
    assert_eq!(read("kind: EncryptionConfiguration\n"), ["apiVersion: it is missing"]);
    assert_eq!(read("apiVersion: apiserver.config.k8s.io/v1\n"), ["kind: it is missing"]);
    assert_eq!(read(&format!("{HEAD}prefixes: [/a/]\n")), ["prefixes: there is no such key here"]);
    assert_eq!(parse(HEAD.as_bytes(), Path::new("")).unwrap_err(), ["resources: it is missing"]);
}

#[test]
fn resources_and_providers_are_counted() {
    let resources: Vec<_> = (0..65).map(|at| format!("a{at}.custom.example")).collect();
    let keys: Vec<_> = (0..33).map(|at| key(&format!("key{at}"), at, 32)).collect();
    let providers = format!("[{{aesgcm: {{keys: [{}]}}}}]", keys.join(", "));
    let expected = [
        "resources: there are 65 resources, at most 64 are allowed",
        "resources: there are 33 keys and plugins, at most 32 are allowed",
    ];
    assert_eq!(problems(&[entry(&format!("[{}]", resources.join(", ")), &providers)]), expected);
}

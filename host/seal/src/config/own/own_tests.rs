use std::time::Duration;

use super::*;
use crate::config::{CredentialConfig, KmsConfig, PROVIDERS_MAX, ProviderConfig, parse};

fn read(text: &str) -> Result<SealConfig, Vec<String>> {
    parse(text.as_bytes(), Path::new("/etc/strongroom"))
}

fn problems(text: &str) -> Vec<String> {
    read(text).unwrap_err()
}

/// The mistakes in a single provider, which stands in braces.
fn provider_problems(provider: &str) -> Vec<String> {
    problems(&format!("provider: {provider}\nprefixes: []\n"))
}

/// The mistakes in a rule, which stands in braces after a good one.
fn rule_problems(rule: &str) -> Vec<String> {
    problems(&format!("providers: [{{name: main, key-file: {{path: k}}}}]\nprefixes:\n  - /a/\n  - {rule}\n"))
}

#[test]
fn a_member_can_be_keyless() {
    for text in ["provider: none", "provider: none\nprefixes: [/a/]"] {
        let config = read(text).unwrap();
        assert!(config.providers.is_empty() && config.provider("").is_none(), "{text}");
    }
    assert_eq!(
        problems("provider: none\ndefault-provider: main"),
        ["default-provider: there is no provider of that name"]
    );
    let named = "provider: none\nprefixes: [{prefix: /a/, provider: main}]";
    assert_eq!(problems(named), ["prefixes[0].provider: there is no provider of that name"]);
}

#[test]
fn each_kind_of_provider_is_read() {
    let kind = |provider: &str| read(&format!("provider: {provider}\nprefixes: []")).unwrap().providers.remove(0).kind;
    let credential = CredentialConfig { name: "strongroom-root".to_owned() };
    assert_eq!(kind("{systemd-credential: {name: strongroom-root}}"), ProviderConfig::Credential(credential));
    let kms = |timeout| ProviderConfig::Kms(KmsConfig { endpoint: "/run/kms.sock".into(), timeout });
    assert_eq!(kind("{kms: {endpoint: 'unix:///run/kms.sock'}}"), kms(Duration::from_secs(3)));
    for (text, ms) in [("100ms", 100), ("30s", 30_000), ("1s500ms", 1500)] {
        let timeout = Duration::from_millis(ms);
        assert_eq!(kind(&format!("{{kms: {{endpoint: 'unix:///run/kms.sock', timeout: {text}}}}}")), kms(timeout));
    }
}

#[test]
fn mistakes_in_a_provider_have_their_place() {
    let cases = [
        ("{}", "provider: it must have one of key-file, systemd-credential, kms"),
        ("nothing", "provider: it must be a section of keys and values"),
        ("{name: main, key-file: {path: k}}", "provider.name: there is no such key here"),
        ("{key-file: {path: k}, kms: {endpoint: 'unix:///k'}}", "provider: it has both key-file and kms"),
        ("{key-file: k}", "provider.key-file: it must be a section of keys and values"),
        ("{key-file: {}}", "provider.key-file.path: it is missing"),
        (
            "{systemd-credential: {name: ../root}}",
            "provider.systemd-credential.name: it is not the name of a credential",
        ),
        ("{systemd-credential: {name: ..}}", "provider.systemd-credential.name: it is not the name of a credential"),
        ("{systemd-credential: {name: 'a:b'}}", "provider.systemd-credential.name: it is not the name of a credential"),
        ("{kms: {timeout: 3s}}", "provider.kms.endpoint: it is missing"),
        ("{kms: {endpoint: /run/kms.sock}}", "provider.kms.endpoint: it must begin with unix:///"),
        ("{kms: {endpoint: 'unix:///k', timeout: 99ms}}", "provider.kms.timeout: it must be from 100ms to 30s"),
        ("{kms: {endpoint: 'unix:///k', timeout: 31s}}", "provider.kms.timeout: it must be from 100ms to 30s"),
    ];
    for (provider, problem) in cases {
        assert_eq!(provider_problems(provider), [problem], "{provider}");
    }
    let abstract_socket = provider_problems("{kms: {endpoint: 'unix:///@kms'}}");
    assert!(abstract_socket[0].starts_with("provider.kms.endpoint: abstract sockets"), "{abstract_socket:?}");
}

#[test]
fn named_providers_have_names_of_their_own() {
    let text = "providers:\n  - {name: main, key-file: {path: k}}\n  - {name: main, key-file: {path: l}}\n  \
                - {key-file: {path: m}}\n  - {name: a b, key-file: {path: n}}\n  - none\nprefixes: []\n";
    let expected = [
        "providers[1].name: \"main\" is given twice",
        "providers[2].name: it is missing",
        "providers[3].name: it must be letters, digits, -, _ and ., at most 64",
        "providers[4]: it must be a section of keys and values",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn providers_are_counted() {
    let none = "providers: []\nprefixes: []";
    assert_eq!(problems(none), ["providers: there are 0; there must be from 1 to 32"]);
    let one = |at| format!("{{name: p{at}, key-file: {{path: k}}}}");
    let many: Vec<_> = (0..=PROVIDERS_MAX).map(one).collect();
    let text = format!("providers: [{}]\nprefixes: []", many.join(", "));
    assert_eq!(problems(&text), ["providers: there are 33; there must be from 1 to 32"]);
}

#[test]
fn one_way_to_name_providers_is_enough() {
    let both = "provider: {key-file: {path: k}}\nproviders: [{name: a, key-file: {path: k}}]\nprefixes: []";
    assert_eq!(problems(both), ["providers: there is a provider, too; write one of both"]);
    let neither = "default-provider: main\nprefixes: [{prefix: /a/, provider: main}]";
    assert_eq!(problems(neither), ["provider: it is missing; none stands for a member without a root key"]);
}

#[test]
fn a_provider_with_a_mistake_in_it_can_still_be_referred_to() {
    let text = "providers: [{name: main, key-file: {}}]\ndefault-provider: main\n\
                prefixes: [{prefix: /a/, provider: main}, {prefix: /b/, provider: mian}]";
    let expected =
        ["providers[0].key-file.path: it is missing", "prefixes[1].provider: there is no provider of that name"];
    assert_eq!(problems(text), expected);
}

#[test]
fn mistakes_in_a_rule_have_their_place() {
    let cases = [
        ("7", "prefixes[1]: it must be a section of keys and values"),
        ("{sealed: true}", "prefixes[1].prefix: it is missing"),
        ("{prefix: ''}", "prefixes[1].prefix: it is empty and would seal everything"),
        ("{prefix: /a/}", "prefixes[1].prefix: \"/a/\" is given twice"),
        ("{prefix: /b/, sealed: 'no'}", "prefixes[1].sealed: it must be true or false"),
        ("{prefix: /b/, provider: mian}", "prefixes[1].provider: there is no provider of that name"),
        ("{prefix: /b/, rotate-after: 59m}", "prefixes[1].rotate-after: it is less than one hour"),
        (
            "{prefix: /b/, rotate-after: 0s}",
            "prefixes[1].rotate-after: it must be whole seconds; left out it means never",
        ),
        (
            "{prefix: /b/, rotate-after: 1h1ms}",
            "prefixes[1].rotate-after: it must be whole seconds; left out it means never",
        ),
        (
            "{prefix: /b/, rotate-after-uses: 0}",
            "prefixes[1].rotate-after-uses: it is 0; left out it means the default",
        ),
        (
            "{prefix: /b/, rotate-after-uses: 1099511627777}",
            "prefixes[1].rotate-after-uses: it is more than 1099511627776",
        ),
        ("{prefix: /b/, pad-to: 256}", "prefixes[1].pad-to: it must be a list"),
        ("{prefix: /b/, pad-to: [256, x]}", "prefixes[1].pad-to[1]: it must be a number of bytes"),
        ("{prefix: /b/, pad-to: [256, 128]}", "prefixes[1].pad-to: the sizes must ascend"),
        ("{prefix: /b/, pad-to: [99999999999]}", "prefixes[1].pad-to: each size must be from 16 to 16777216 bytes"),
        ("{prefix: /b/, rotate-afer: 90d}", "prefixes[1].rotate-afer: there is no such key here"),
        (
            "{prefix: /b/, sealed: false, pad-to: [256]}",
            "prefixes[1].sealed: where it is false, nothing but the prefix has a meaning",
        ),
    ];
    for (rule, problem) in cases {
        assert_eq!(rule_problems(rule), [problem], "{rule}");
    }
}

#[test]
fn what_a_start_does_is_one_of_two_words() {
    let when =
        |word: &str| read(&format!("provider: none\nwhen-unavailable: {word}")).map(|config| config.when_unavailable);
    assert_eq!(when("serve-rest"), Ok(WhenUnavailable::ServeRest));
    assert_eq!(when("refuse-to-start"), Ok(WhenUnavailable::RefuseToStart));
    assert_eq!(when("wait"), Err(vec!["when-unavailable: it must be serve-rest or refuse-to-start".to_owned()]));
    assert_eq!(read("provider: none").unwrap().when_unavailable, WhenUnavailable::ServeRest);
}

#[test]
fn recovery_recipients_are_counted_and_not_shown() {
    let config = read("provider: none\nrecovery: ['strongroom-recovery-v1:canary', b]").unwrap();
    assert_eq!(config.recovery, ["strongroom-recovery-v1:canary", "b"]);
    assert!(!format!("{config:?} {config:#?}").contains("canary"));
    let long = "canary".repeat(700);
    let wrong = problems(&format!("provider: none\nrecovery: ['', canary, canary, 7, {long}]"));
    let expected = [
        "recovery[3]: it must be text, in quotes if need be",
        "recovery[0]: it is empty",
        "recovery[2]: it is given twice",
        "recovery[4]: it is longer than 4096 bytes",
    ];
    assert_eq!(wrong, expected);
    assert_eq!(
        problems("provider: none\nrecovery: [a, b, c, d, e, f, g, h, i]"),
        ["recovery: there are 9, at most 8 are allowed"]
    );
}

#[test]
fn mistakes_in_all_parts_are_reported_together() {
    let text = "providers:\n  - {name: main, kms: {endpoint: tcp://x}}\n  - {name: b, vault: {}}\ndefault-provider: c\n\
                when-unavailable: 3\nrecovery: x\nprefixes:\n  - ''\n  - {prefix: /b/, provider: d, rotate-after: 9}\nextra: 1\n";
    let expected = [
        "providers[0].kms.endpoint: it must begin with unix:///",
        "providers[1]: it must have one of key-file, systemd-credential, kms",
        "default-provider: there is no provider of that name",
        "when-unavailable: it must be text, in quotes if need be",
        "recovery: it must be a list",
        "prefixes[0]: it is empty and would seal everything",
        "prefixes[1].provider: there is no provider of that name",
        "prefixes[1].rotate-after: it must be a time such as 90d, 12h, 1m30s or 500ms",
        "extra: there is no such key here",
    ];
    assert_eq!(problems(text), expected);
}

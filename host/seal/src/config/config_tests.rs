use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::{KeyFile, RootKey, RootKeyProvider as _};

/// Loads the text from a file with the mode.
fn load_with(text: &[u8], mode: u32) -> (tempfile::TempDir, Result<SealConfig, SealError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seal.yaml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let config = SealConfig::load(&path);
    (directory, config)
}

fn load(text: &str) -> (tempfile::TempDir, Result<SealConfig, SealError>) {
    load_with(text.as_bytes(), 0o644)
}

fn problems(text: &str) -> Vec<String> {
    match load(text).1 {
        Err(SealError::Config { problems, .. }) => problems,
        other => panic!("expected mistakes, got {other:?}"),
    }
}

/// The samples of this module's documentation.
fn samples() -> Vec<String> {
    let documentation = include_str!("mod.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<_> = documentation.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let blocks = lines.split(|line| line.starts_with("```"));
    blocks.skip(1).step_by(2).map(|block| block.join("\n")).collect()
}

const GOOD: &str =
    "provider:\n  key-file:\n    path: keys/root.key\nprefixes:\n  - /registry/secrets/\n  - /registry/tokens/\n";

#[test]
fn the_sample_of_our_own_form_means_what_it_says() {
    let (directory, config) = load(&samples()[0]);
    let config = config.unwrap();
    let names: Vec<_> = config.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["main", "unit", "cloud"]);
    let kinds: Vec<_> = config.providers.iter().map(|provider| provider.kind.clone()).collect();
    let timeout = Duration::from_secs(3);
    let expected = [
        ProviderConfig::KeyFile(KeyFileConfig { path: directory.path().join("keys/root.key") }),
        ProviderConfig::Credential(CredentialConfig { name: "strongroom-root".to_owned() }),
        ProviderConfig::Kms(KmsConfig { endpoint: "/run/kms/plugin.sock".into(), timeout }),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(config.default_provider.as_deref(), Some("main"));
    assert_eq!(config.when_unavailable, WhenUnavailable::ServeRest);
    assert_eq!(config.recovery, ["strongroom-recovery-v1:sample"]);
    let sealed = |prefix: &'static str| SealRule { prefix: prefix.into(), sealed: true, ..SealRule::default() };
    let configmaps = SealRule {
        provider: "cloud".to_owned(),
        rotate_after_seconds: 90 * 24 * 60 * 60,
        rotate_after_uses: 1_000_000,
        padding_bytes: vec![256, 1024, 4096],
        ..sealed("/registry/configmaps/")
    };
    let public = SealRule { sealed: false, ..sealed("/registry/secrets/public/") };
    assert_eq!(config.rules, [sealed("/registry/secrets/"), configmaps, public]);
}

#[test]
fn the_sample_of_kubernetes_form_means_what_it_says() {
    let (_directory, config) = load_with(samples()[1].as_bytes(), 0o600);
    let config = config.unwrap();
    let names: Vec<_> = config.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["kms:cloud", "secretbox:key1"]);
    let rules: Vec<_> =
        config.rules.iter().map(|rule| (&rule.prefix[..], rule.sealed, rule.provider.as_str())).collect();
    let expected = [
        (&b"/registry/secrets/"[..], true, "kms:cloud"),
        (b"/registry/awesome.bears.example/pandas/", true, "kms:cloud"),
        (b"/registry/", false, ""),
    ];
    assert_eq!(rules, expected);
}

#[test]
fn the_first_form_of_the_file_still_works() {
    let (directory, config) = load(GOOD);
    let config = config.unwrap();
    let path = directory.path().join("keys/root.key");
    let kind = ProviderConfig::KeyFile(KeyFileConfig { path });
    assert_eq!(config.providers, [NamedProvider { name: "default".to_owned(), kind }]);
    let prefixes: Vec<_> = config.rules.iter().map(|rule| (rule.sealed, &rule.prefix[..])).collect();
    assert_eq!(prefixes, [(true, &b"/registry/secrets/"[..]), (true, b"/registry/tokens/")]);
    let absolute = load(&GOOD.replace("keys/", "/etc/")).1.unwrap();
    let kind = ProviderConfig::KeyFile(KeyFileConfig { path: "/etc/root.key".into() });
    assert_eq!(absolute.providers[0].kind, kind);
}

#[test]
fn the_configured_provider_opens() {
    let (directory, config) = load(GOOD);
    let provider = config.unwrap().providers.remove(0);
    assert!(matches!(provider.open().err(), Some(SealError::KeyFileMissing { .. })));
    std::fs::create_dir(directory.path().join("keys")).unwrap();
    let key = KeyFile::create(directory.path().join("keys/root.key")).unwrap();
    assert_eq!(provider.open().unwrap().name(), key.name());
}

#[test]
fn a_provider_is_found_by_its_name_and_the_default_by_none() {
    let mut config = load(&samples()[0]).1.unwrap();
    let name = |config: &SealConfig, name| config.provider(name).map(|provider| provider.name.clone());
    assert_eq!(name(&config, "cloud").as_deref(), Some("cloud"));
    assert_eq!(name(&config, "clod"), None);
    config.default_provider = Some("unit".to_owned());
    assert_eq!(name(&config, "").as_deref(), Some("unit"));
    config.default_provider = None;
    assert_eq!(name(&config, "").as_deref(), Some("main"), "without a word the first one");
    config.providers.clear();
    assert_eq!(name(&config, ""), None);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let long = "x".repeat(PREFIX_BYTES_MAX + 1);
    let text = format!("provider:\n  key-file:\n    path: ''\nprefixes: ['', /a/, /a/, {long}]\n");
    let expected = [
        "provider.key-file.path: it is empty",
        "prefixes[0]: it is empty and would seal everything",
        "prefixes[2]: \"/a/\" is given twice",
        "prefixes[3]: it is longer than 1024 bytes",
    ];
    assert_eq!(problems(&text), expected);
}

#[test]
fn what_is_not_understood_is_refused_in_one_line() {
    let wrong = [
        "",
        "[]",
        "# nothing but a comment",
        "prefixes: [/a/]",
        "provider: {key-file: {path: k}}",
        "provider: {key-file: {path: k}}\nprefixes: [/a/]\nprefix: /b/",
        "provider: {key-file: {path: k, mode: 1}}\nprefixes: [/a/]",
        "provider: {vault: {path: k}}\nprefixes: [/a/]",
        "provider: {key-file: {path: k}}\nprefixes: [/a/]\nprefixes: [/b/]",
        "provider: {key-file: {path: k}}\nprefixes: [/a/]\n---\nprefixes: [/b/]",
        "provider: [",
    ];
    for text in wrong {
        let problems = problems(text);
        assert!(problems.len() == 1 && !problems[0].contains('\n'), "{text}: {problems:?}");
    }
    let not_utf8 = b"provider: {key-file: {path: k}}\nprefixes: [\"/\xff/\"]";
    assert_eq!(parse(not_utf8, Path::new("")).unwrap_err(), ["it is not UTF-8"]);
}

#[test]
fn sizes_are_bounded() {
    let many: Vec<_> = (0..=PREFIXES_MAX).map(|at| format!("/{at}/")).collect();
    let text = format!("provider: {{key-file: {{path: k}}}}\nprefixes: [{}]", many.join(", "));
    assert_eq!(problems(&text), ["prefixes: there are 65, at most 64 are allowed"]);
    let fitting = format!("{GOOD}#{}", "x".repeat(CONFIG_BYTES_MAX - GOOD.len() - 1));
    assert!(load(&fitting).1.is_ok());
    assert!(problems(&format!("{fitting}x"))[0].contains("longer than"));
}

#[test]
fn a_missing_configuration_names_its_path() {
    let error = SealConfig::load("/nonexistent/seal.yaml").unwrap_err();
    assert!(error.to_string().starts_with("reading seal configuration /nonexistent/seal.yaml: "), "{error}");
}

#[test]
fn a_file_with_keys_in_it_is_its_owners_alone() {
    let kubernetes = samples()[1].clone();
    for mode in [0o600, 0o400] {
        assert!(load_with(kubernetes.as_bytes(), mode).1.is_ok(), "{mode:o}");
    }
    for mode in [0o640, 0o604, 0o620] {
        let error = load_with(kubernetes.as_bytes(), mode).1.unwrap_err().to_string();
        assert!(error.ends_with(&format!("it holds keys and has mode {mode:04o}; make it 0600 or 0400")), "{error}");
    }
    let identity = "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\n\
                    resources: [{resources: [secrets], providers: [{identity: {}}]}]\n";
    assert!(load(identity).1.is_ok(), "without keys in it anybody may read it");
}

#[test]
fn root_keys_follow_from_the_file_alone() {
    let root_key = || {
        let mut config = load_with(samples()[1].as_bytes(), 0o600).1.unwrap();
        match config.providers.remove(1).kind {
            ProviderConfig::Kubernetes(key) => key.root_key(),
            other => panic!("{other:?}"),
        }
    };
    let fingerprint: fn(&RootKey) -> String = RootKey::fingerprint;
    assert_eq!(fingerprint(&root_key()), fingerprint(&root_key()));
}

use super::*;

fn load(text: &str) -> (tempfile::TempDir, Result<SealConfig, SealError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seal.yaml");
    std::fs::write(&path, text).unwrap();
    let config = SealConfig::load(&path);
    (directory, config)
}

fn problems(text: &str) -> Vec<String> {
    match load(text).1 {
        Err(SealError::Config { problems, .. }) => problems,
        other => panic!("expected mistakes, got {other:?}"),
    }
}

const GOOD: &str =
    "provider:\n  key-file:\n    path: keys/root.key\nprefixes:\n  - /registry/secrets/\n  - /registry/tokens/\n";

#[test]
fn a_relative_key_path_starts_at_the_configuration() {
    let (directory, config) = load(GOOD);
    let config = config.unwrap();
    let path = directory.path().join("keys/root.key");
    assert_eq!(config.provider, ProviderConfig::KeyFile(KeyFileConfig { path }));
    assert_eq!(config.prefixes, ["/registry/secrets/", "/registry/tokens/"]);
    let absolute = load(&GOOD.replace("keys/", "/etc/")).1.unwrap();
    assert_eq!(absolute.provider, ProviderConfig::KeyFile(KeyFileConfig { path: "/etc/root.key".into() }));
}

#[test]
fn the_configured_provider_opens() {
    let (directory, config) = load(GOOD);
    let config = config.unwrap();
    assert!(matches!(config.provider.open().err(), Some(SealError::KeyFileMissing { .. })));
    std::fs::create_dir(directory.path().join("keys")).unwrap();
    let key = KeyFile::create(directory.path().join("keys/root.key")).unwrap();
    assert_eq!(config.provider.open().unwrap().name(), key.name());
}

#[test]
fn every_mistake_is_reported_at_once() {
    let long = "x".repeat(PREFIX_BYTES_MAX + 1);
    let text = format!("provider:\n  key-file:\n    path: ''\nprefixes: ['', /a/, /a/, {long}]\n");
    let problems = problems(&text);
    assert_eq!(problems.len(), 4, "{problems:?}");
    let mentions = ["path: it is empty", "[0]: it is empty", "[2]: \"/a/\" is given twice", "[3]: it is longer"];
    for (problem, mention) in problems.iter().zip(mentions) {
        assert!(problem.contains(mention), "{problem}");
    }
}

#[test]
fn what_is_not_understood_is_refused_in_one_line() {
    let wrong = [
        "",
        "prefixes: [/a/]",
        "provider: {key-file: {path: k}}",
        "provider: {key-file: {path: k}}\nprefixes: [/a/]\nprefix: /b/",
        "provider: {key-file: {path: k, mode: 1}}\nprefixes: [/a/]",
        "provider: {vault: {path: k}}\nprefixes: [/a/]",
        "provider: {key-file: {path: k}}\nprefixes: [/a/]\nprefixes: [/b/]",
        "provider: [",
    ];
    for text in wrong {
        let problems = problems(text);
        assert!(problems.len() == 1 && !problems[0].contains('\n'), "{text}: {problems:?}");
    }
    let not_utf8 = b"provider: {key-file: {path: k}}\nprefixes: [\"/\xff/\"]";
    assert!(parse(not_utf8).is_err());
}

#[test]
fn sizes_are_bounded() {
    let many: Vec<_> = (0..=PREFIXES_MAX).map(|at| format!("/{at}/")).collect();
    let text = format!("provider: {{key-file: {{path: k}}}}\nprefixes: [{}]", many.join(", "));
    assert!(problems(&text)[0].contains("at most 64"));
    assert!(problems(&format!("{GOOD}#{}", "x".repeat(CONFIG_BYTES_MAX)))[0].contains("longer than"));
}

#[test]
fn a_missing_configuration_names_its_path() {
    let error = SealConfig::load("/nonexistent/seal.yaml").unwrap_err();
    assert!(error.to_string().starts_with("reading seal configuration /nonexistent/seal.yaml: "), "{error}");
}

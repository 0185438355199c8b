//! Runs every `cases/*.case` through the policy.
//!
//! A case is its expected verdict (`allow`, or `deny` and a code), an empty line, and the value. What would look like
//! a real secret is put in here, at the `{{...}}`, so that no file of the repository looks like one.

use std::path::Path;

use no_secrets_in_configmaps::NoSecretsInConfigMaps;
use strongroom_plugin::{Policy as _, Request, Verdict};

const KEY: &[u8] = b"/registry/configmaps/default/case";
/// How few there may be: a folder that moved must not pass for one where every case holds.
const CASES_MIN: usize = 20;

fn fake_key_id(prefix: &str) -> String {
    format!("{prefix}{}", "FAKE1234".repeat(2))
}

/// `{"alg":"HS256"}`, `{"sub":"fake"}` and a signature of the right shape.
fn fake_jwt() -> String {
    ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJmYWtlIn0", "ZmFrZS1zaWduYXR1cmU"].join(".")
}

fn protobuf(kind: &str) -> String {
    let type_meta = format!("\x0a\x02v1\x12{}{kind}", char::from(kind.len() as u8));
    format!("k8s\0\x0a{}{type_meta}\x12\0", char::from(type_meta.len() as u8))
}

fn filled(template: &str) -> String {
    template
        .replace("{{BEGIN}}", &format!("{}BEGIN", "-".repeat(5)))
        .replace("{{AKIA}}", &fake_key_id("AKIA"))
        .replace("{{ASIA}}", &fake_key_id("ASIA"))
        .replace("{{JWT}}", &fake_jwt())
        .replace("{{K8S_SECRET}}", &protobuf("Secret"))
        .replace("{{K8S_CONFIG_MAP}}", &protobuf("ConfigMap"))
}

fn spelled(verdict: &Verdict) -> String {
    verdict.denial().map_or_else(|| "allow".to_owned(), |denial| format!("deny {}", denial.code))
}

#[test]
fn every_case_gets_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "case") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let (expected, value) = text.split_once("\n\n").unwrap();
        let verdict = NoSecretsInConfigMaps::review(&Request::put(KEY, filled(value).as_bytes()));
        assert_eq!(spelled(&verdict), expected, "{}", path.display());
        count += 1;
    }
    assert!(count >= CASES_MIN, "only {count} cases");
}

#[test]
fn a_denial_names_each_kind_and_quotes_nothing() {
    let value = format!("{} {} kind: Secret", fake_key_id("AKIA"), fake_jwt());
    let verdict = NoSecretsInConfigMaps::review(&Request::put(KEY, value.as_bytes()));
    let Some(denial) = verdict.denial() else {
        panic!("allowed");
    };
    for name in ["an AWS access key id", "a JSON Web Token", "a Kubernetes Secret object"] {
        assert!(denial.message.contains(name), "{}", denial.message);
    }
    for secret in ["FAKE", "AKIA", "eyJ", "c2ln"] {
        assert!(!denial.message.contains(secret), "{}", denial.message);
    }
}

#[test]
fn what_may_not_be_seen_is_denied_and_what_is_kept_is_not() {
    let mut request = Request::put(KEY, b"");
    request.value = None;
    assert_eq!(spelled(&NoSecretsInConfigMaps::review(&request)), "allow");
    request.value_withheld = true;
    assert_eq!(spelled(&NoSecretsInConfigMaps::review(&request)), "deny value-withheld");
}

//! What a configuration file may say.

use super::*;

/// Every kind of value that etcd's file has, and two keys of ours.
const WHOLE: &str = r#"
name: infra1
data-dir: /var/lib/etcd
wal-dir:
snapshot-count: 5000
heartbeat-interval: 100
quota-backend-bytes: -1
listen-client-urls: https://10.0.0.1:2379,http://127.0.0.1:2379
cors:
pre-vote: true
watch-progress-notify-interval: 600000000000
warning-apply-duration: 250ms
auto-compaction-retention: 1
log-outputs: [stderr, /var/log/etcd.log]
cipher-suites: [
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
]
proxy: 'off'
proxy-failure-wait: 5000
discovery-fallback: 'proxy'
client-transport-security:
  cert-file: server.crt
  client-cert-auth: true
  auto-tls: false
  allowed-hostname: [a.example, b.example]
peer-transport-security:
  trusted-ca-file: ca.crt
  allowed-cn: [m1]
  client-cert-auth:
socket-options:
  reuse-address: true
seal-config: /etc/strongroom/seal.yaml
admin-access: mtls
"#;

fn read_text(text: &str) -> Result<BTreeMap<&'static str, String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("etcd.yml");
    std::fs::write(&path, text).unwrap();
    let shorten = |text: String| text.replace(path.to_str().unwrap(), "FILE");
    let read = read(&path).map_err(|errors| shorten(errors.to_string()))?;
    Ok(read.into_iter().map(|(name, entry)| (name, entry.value)).collect())
}

#[test]
fn every_kind_of_value_is_read() {
    let read = read_text(WHOLE).unwrap();
    let expected = [
        ("name", "infra1"),
        ("data-dir", "/var/lib/etcd"),
        ("snapshot-count", "5000"),
        ("heartbeat-interval", "100"),
        ("quota-backend-bytes", "-1"),
        ("listen-client-urls", "https://10.0.0.1:2379,http://127.0.0.1:2379"),
        ("pre-vote", "true"),
        ("watch-progress-notify-interval", "600000000000ns"),
        ("warning-apply-duration", "250ms"),
        ("auto-compaction-retention", "1"),
        ("log-outputs", "stderr,/var/log/etcd.log"),
        ("cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("cert-file", "server.crt"),
        ("client-cert-auth", "true"),
        ("auto-tls", "false"),
        ("client-cert-allowed-hostname", "a.example,b.example"),
        ("peer-trusted-ca-file", "ca.crt"),
        ("peer-cert-allowed-cn", "m1"),
        ("socket-reuse-address", "true"),
        ("seal-config", "/etc/strongroom/seal.yaml"),
        ("admin-access", "mtls"),
    ];
    assert_eq!(read, expected.map(|(name, value)| (name, value.to_owned())).into_iter().collect());
}

#[test]
fn a_file_of_comments_is_an_empty_configuration() {
    assert!(read_text("# nothing\n").unwrap().is_empty());
}

#[test]
fn every_unknown_key_is_refused_by_name() {
    let error =
        read_text("listen-client-url: http://x:1\nenable-v2: true\nclient-transport-security: {ca: x}\n").unwrap_err();
    assert!(
        error.contains("listen-client-url in FILE is not a known key; did you mean listen-client-urls?"),
        "{error}"
    );
    assert!(error.contains("enable-v2 in FILE is not a known key"), "{error}");
    assert!(error.contains("client-transport-security.ca in FILE is not a known key"), "{error}");
    assert!(error.starts_with("the configuration has 3 problems"), "{error}");
}

#[test]
fn the_files_of_tls_belong_into_their_section() {
    assert_eq!(read_text("cert-file: x\n").unwrap_err(), "cert-file in FILE belongs under client-transport-security");
    assert_eq!(
        read_text("peer-key-file: x\n").unwrap_err(),
        "peer-key-file in FILE belongs under peer-transport-security"
    );
}

#[test]
fn a_value_of_another_shape_is_refused() {
    assert!(read_text("name: {a: b}\n").unwrap_err().contains("not a single value"));
    assert!(read_text("log-outputs: [1]\n").unwrap_err().contains("not a list of texts"));
    assert!(read_text("client-transport-security: yes please\n").unwrap_err().contains("not a section"));
    assert!(read_text("name: a\nname: b\n").is_err(), "which of the two?");
    assert!(read_text("- a\n- b\n").unwrap_err().starts_with("cannot read FILE"));
}

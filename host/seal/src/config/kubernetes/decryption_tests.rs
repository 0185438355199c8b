use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::config::{KubernetesKeyKind, parse_with};

const HEAD: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";

fn read_entries(entries: &[(&str, String)]) -> Result<EncryptionConfig, Vec<String>> {
    let entry = |(resources, providers): &(&str, String)| {
        format!("  - resources: {resources}\n    providers: [{providers}, {{identity: {{}}}}]\n")
    };
    let text = format!("{HEAD}resources:\n{}", entries.iter().map(entry).collect::<String>());
    parse_with(text.as_bytes(), Path::new(""), read)
}

fn keys(kind: &str, name: &str, byte: u8) -> String {
    format!("{{{kind}: {{keys: [{{name: {name}, secret: {}}}]}}}}", BASE64_STANDARD.encode([byte; 32]))
}

const KMS: &str = "{kms: {apiVersion: v2, name: cloud, endpoint: 'unix:///run/kms.sock'}}";

#[test]
fn whatever_kube_apiserver_wrote_with_is_read() {
    let entries = [
        ("['*.*']", keys("aescbc", "a", 1)),
        ("[secrets, x.y.z]", keys("secretbox", "a", 2)),
        ("[secrets]", keys("aesgcm", "a", 3)),
        ("[pods]", keys("aesgcm", "a", 4)),
        ("[nodes]", keys("aesgcm", "a", 3)),
        ("[services]", format!("{KMS}, {KMS}")),
    ];
    let config = read_entries(&entries).unwrap();
    let kinds: Vec<_> = config.keys.iter().map(|key| (key.kind(), key.name(), key.secret()[0])).collect();
    let expected = [
        (KubernetesKeyKind::AesCbc, "a", 1),
        (KubernetesKeyKind::Secretbox, "a", 2),
        (KubernetesKeyKind::AesGcm, "a", 3),
        (KubernetesKeyKind::AesGcm, "a", 4),
    ];
    assert_eq!(kinds, expected, "keys of one name may differ from resource to resource");
    let kms = KmsConfig { endpoint: "/run/kms.sock".into(), timeout: Duration::from_secs(3) };
    assert_eq!(config.plugins, [KubernetesPlugin { name: "cloud".to_owned(), kms }]);
}

#[test]
fn mistakes_have_their_place_and_other_files_are_refused() {
    let wrong = read_entries(&[("[secrets]", "{aesgcm: {keys: []}}".to_owned()), ("[]", KMS.to_owned())]).unwrap_err();
    assert_eq!(wrong, ["resources[0].providers[0].aesgcm.keys: it is empty", "resources[1].resources: it is empty"]);
    let ours = parse_with(b"provider: none\nprefixes: [/a/]\n", Path::new(""), read).unwrap_err();
    assert!(ours.contains(&"kind: it is missing".to_owned()), "{ours:?}");
}

#[test]
fn a_file_with_keys_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("encryption.yaml");
    let entry = format!("  - resources: [secrets]\n    providers: [{}]\n", keys("aescbc", "a", 1));
    std::fs::write(&path, format!("{HEAD}resources:\n{entry}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = EncryptionConfig::load(&path).unwrap_err().to_string();
    assert!(refused.contains("mode 0640"), "{refused}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = EncryptionConfig::load(&path).unwrap();
    assert_eq!(format!("{config:?}").matches("32 bytes").count(), 1, "{config:?}");
}

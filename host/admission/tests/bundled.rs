//! The plugin that ships with the server, as `plugins/build.sh` built it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use crate::fixture::{block_on, policy, put, record, review};
use admission::{AdmissionError, Engine};
use store::PluginRecord;

fn component() -> Vec<u8> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let path = target.join("plugins/no-secrets-in-configmaps.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run plugins/build.sh first", path.display()))
}

#[test]
fn it_keeps_secrets_out_of_config_maps() {
    let engine = Engine::new().unwrap();
    let description = engine.inspect(&component(), "").unwrap();
    assert_eq!(description.name, "no-secrets-in-configmaps");
    assert_eq!(description.prefixes, [b"/registry/configmaps/"]);
    assert!(description.operations.put && !description.operations.delete);

    let bound = record(&description.name, component(), "/registry/configmaps/");
    // How fast it is, is for a benchmark to say: a machine that is busy with other tests must not make this one fail.
    let policy = policy(&engine, &[PluginRecord { timeout_ms: 4000, ..bound }]);
    let key = "/registry/configmaps/default/settings";
    let private_key = format!("{}BEGIN EC PRIVATE KEY-----\nfake", "-".repeat(5));
    block_on(async {
        review(&policy, &put(key, "log-level: debug")).await.unwrap();
        review(&policy, &put("/registry/secrets/default/key", &private_key)).await.unwrap();
        let denied = review(&policy, &put(key, &private_key)).await.unwrap_err();
        assert!(matches!(&denied, AdmissionError::Denied { code, .. } if code == "pem-private-key"), "{denied}");
        // As large as a request may be, and dense with what has to be looked at twice.
        let large = "a.b.c\\n".repeat(types::REQUEST_BYTES_MAX / 7);
        review(&policy, &put(key, &large)).await.unwrap();
    });
}

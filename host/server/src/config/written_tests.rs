//! Who wins over whom.

use std::os::unix::ffi::OsStringExt;

use super::*;
use crate::config::flags::find;

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn gather(arguments: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Written, ConfigErrors> {
    let arguments = arguments.iter().map(|(name, value)| (find(name).unwrap(), (*value).to_owned())).collect();
    Written::gather(arguments, variables(environment))
}

fn value<'a>(written: &'a Written, name: &str) -> Option<&'a str> {
    written.get(name).map(|entry| entry.value.as_str())
}

#[test]
fn our_variable_wins_over_etcds_and_the_last_flag_over_the_first() {
    let written = gather(
        &[("name", "first"), ("name", "last")],
        &[
            ("STRONGROOM_DATA_DIR", "ours"),
            ("ETCD_DATA_DIR", "etcds"),
            ("ETCD_CERT_FILE", "etcds"),
            ("ETCD_KEY_FILE", ""),
            ("ETCD_SEAL_CONFIG", "seal.yaml"),
        ],
    )
    .unwrap();
    assert_eq!(written.get("name").unwrap(), &Entry { value: "last".into(), origin: "--name".into() });
    assert_eq!(value(&written, "data-dir"), Some("ours"));
    assert_eq!(written.get("cert-file").unwrap().origin, "ETCD_CERT_FILE");
    assert_eq!(value(&written, "key-file"), None, "an empty variable counts as unset");
    assert_eq!(value(&written, "seal-config"), Some("seal.yaml"));
    assert!(written.remarks().contains(&Remark::UsedVariable { name: "ETCD_CERT_FILE".into() }));
}

#[test]
fn a_flag_and_its_variable_are_refused_as_in_etcd() {
    let error = gather(&[("name", "a")], &[("ETCD_NAME", "b")]).unwrap_err().to_string();
    assert_eq!(error, "ETCD_NAME and --name both set the same; unset the variable or leave out the flag");
}

#[test]
fn variables_that_mean_nothing_are_named_and_those_of_others_are_not() {
    let others =
        [("ETCD_SERVICE_HOST", "10.0.0.1"), ("STRONGROOM_KEY", "k"), ("STRONGROOM_LOG", "info"), ("HOME", "/")];
    let written = gather(&[], &others).unwrap();
    assert_eq!(written.remarks(), [Remark::UnknownVariable { name: "ETCD_SERVICE_HOST".into() }]);
}

#[test]
fn a_variable_that_is_no_text_is_refused() {
    let bytes = || OsString::from_vec(vec![b'a', 0xff]);
    let error = Written::gather(Vec::new(), [("ETCD_NAME".into(), bytes())]).unwrap_err().to_string();
    assert_eq!(error, "ETCD_NAME is not UTF-8");
    Written::gather(Vec::new(), [("OTHER".into(), bytes())]).unwrap();
}

#[test]
fn a_file_stands_for_everything_and_what_it_hides_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("etcd.yml");
    std::fs::write(&path, "name: of-the-file\n").unwrap();
    let path = path.to_str().unwrap();
    let by_flag = gather(&[("config-file", path), ("data-dir", "x")], &[("ETCD_NAME", "y")]).unwrap();
    let by_variable = gather(&[("data-dir", "x")], &[("ETCD_CONFIG_FILE", path), ("ETCD_NAME", "y")]).unwrap();
    for written in [by_flag, by_variable] {
        assert!(written.is_file());
        assert_eq!(value(&written, "name"), Some("of-the-file"));
        assert_eq!(value(&written, "data-dir"), None);
        let ignored = ["--data-dir", "ETCD_NAME"].map(|origin| Remark::IgnoredBesideFile { origin: origin.into() });
        assert_eq!(written.remarks(), ignored);
    }
    assert!(
        gather(&[("config-file", "/nowhere.yml")], &[]).unwrap_err().to_string().contains("cannot read /nowhere.yml")
    );
}

//! What a command line may look like.

use super::*;

fn read_words(words: &[&str]) -> Result<Vec<(&'static str, String)>, String> {
    match read(words.iter().map(OsString::from)) {
        Ok(Request::Serve(given)) => Ok(given.into_iter().map(|(flag, value)| (flag.name, value)).collect()),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

fn given(words: &[&str]) -> Vec<(&'static str, String)> {
    read_words(words).unwrap()
}

#[test]
fn a_flag_has_one_dash_or_two_and_its_value_after_a_blank_or_an_equals_sign() {
    for words in
        [&["--log-level", "debug"][..], &["-log-level", "debug"], &["--log-level=debug"], &["-log-level=debug"]]
    {
        assert_eq!(given(words), [("log-level", "debug".to_owned())], "{words:?}");
    }
    assert_eq!(given(&["--initial-cluster=a=http://x:1"]), [("initial-cluster", "a=http://x:1".to_owned())]);
    assert_eq!(given(&["-name", "-x"]), [("name", "-x".to_owned())], "a value may begin with a dash");
    assert_eq!(given(&["--quota-backend-bytes", "-1"]), [("quota-backend-bytes", "-1".to_owned())]);
}

#[test]
fn a_switch_takes_its_value_after_an_equals_sign_only() {
    for (word, value) in
        [("--client-cert-auth", "true"), ("-client-cert-auth=false", "false"), ("--client-cert-auth=T", "T")]
    {
        assert_eq!(given(&[word]), [("client-cert-auth", value.to_owned())]);
    }
    assert!(read_words(&["--client-cert-auth", "false"]).unwrap_err().contains("\"false\" belongs to no flag"));
}

#[test]
fn a_flag_that_nobody_knows_is_refused_with_a_suggestion() {
    assert_eq!(
        read_words(&["--listen-client-url=x"]).unwrap_err(),
        "--listen-client-url is not a known flag; did you mean listen-client-urls?"
    );
    assert_eq!(read_words(&["--qqq=1"]).unwrap_err(), "--qqq is not a known flag");
}

#[test]
fn what_cannot_be_read_is_refused() {
    assert_eq!(read_words(&["--name"]).unwrap_err(), "--name needs a value");
    assert!(read_words(&["--election-timeout", "soon"]).unwrap_err().contains("not a whole number"));
    assert!(read_words(&["--pre-vote=perhaps"]).unwrap_err().contains("not true or false"));
    assert!(read_words(&["--warning-apply-duration", "5"]).unwrap_err().contains("not a duration"));
    assert!(read_words(&["--", "--name=a"]).unwrap_err().contains("belongs to no flag"));
    assert_eq!(
        read_words(&["gateway", "start"]).unwrap_err(),
        "gateway is not part of strongroom; use the one of etcd"
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStringExt;
    let error = read([OsString::from("--data-dir"), OsString::from_vec(vec![0xff])]).unwrap_err();
    assert!(error.to_string().ends_with("is not UTF-8"), "{error}");
}

#[test]
fn help_and_version_are_asked_for_in_gos_ways() {
    for word in ["-h", "-help", "--help"] {
        assert!(matches!(read([OsString::from(word)]), Ok(Request::Help)), "{word}");
    }
    for word in ["-version", "--version", "--version=true"] {
        assert!(matches!(read([OsString::from(word)]), Ok(Request::Version)), "{word}");
    }
}

use super::*;

fn endpoints(endpoint: &str, cacert: Option<&str>) -> Endpoints {
    Endpoints {
        endpoints: vec![endpoint.to_owned()],
        cacert: cacert.map(PathBuf::from),
        cert: None,
        key: None,
        user: None,
    }
}

async fn refusal(endpoint: &str, cacert: Option<&str>) -> String {
    endpoints(endpoint, cacert).open(1, CONNECT_TIMEOUT).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_with_what_to_do() {
    let nobody = refusal("127.0.0.1:1", None).await;
    assert!(nobody.starts_with("http://127.0.0.1:1 cannot be reached: Connection refused"), "{nobody}");
    assert!(nobody.ends_with("--endpoints says where the servers are"), "{nobody}");
    assert!(refusal("https://a:1", None).await.contains("https:// needs --cacert"));
    assert!(refusal("http://a:1", Some("ca.pem")).await.contains("certificates are for https:// only"));
    assert!(refusal("unix://a", None).await.contains("it has to be http://HOST:PORT or https://HOST:PORT"));
    assert!(refusal("a b", None).await.contains("--endpoints http://a b cannot be used"));
    assert!(refusal("https://a:1", Some("/nowhere/ca.pem")).await.starts_with("cannot read /nowhere/ca.pem"));
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_named_as_such() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refusal = refusal("https://127.0.0.1:1", file.path().to_str()).await;
    assert!(
        refusal.starts_with("--cacert, --cert or --key cannot be used") || refusal.contains("reached"),
        "{refusal}"
    );
}

#[test]
fn a_scheme_is_added_by_what_is_given() {
    assert_eq!(endpoints("a:1", None).urls(), ["http://a:1"]);
    assert_eq!(endpoints("a:1", Some("ca.pem")).urls(), ["https://a:1"]);
    assert_eq!(endpoints("http://a:1", Some("ca.pem")).urls(), ["http://a:1"]);
}

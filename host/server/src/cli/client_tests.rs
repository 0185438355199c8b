//! What a client command says when it does not get through.

use std::sync::Arc;

use proto::admin::ListRequest;
use proto::admin::plugins_client::PluginsClient;
use time::OffsetDateTime;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::bootstrap::Certificates;
use crate::config::TlsFiles;
use crate::tls;

struct Scene {
    _dir: tempfile::TempDir,
    ours: Certificates,
    others: Certificates,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str| Certificates::ensure(&dir.path().join(name), 1, OffsetDateTime::now_utc()).unwrap();
    let (ours, others) = (make("ours"), make("others"));
    Scene { _dir: dir, ours, others }
}

/// A listener that does the handshake of the admin listener, and then nothing.
async fn listener(ours: &Certificates) -> String {
    let files = TlsFiles::mutual(
        ours.members[0].server.certificate.clone(),
        ours.members[0].server.key.clone(),
        Some(ours.authority.certificate.clone()),
    );
    let acceptor = tokio_rustls::TlsAcceptor::from(tls::for_administrators(&files).unwrap().config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let acceptor = Arc::new(acceptor);
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = Arc::clone(&acceptor);
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
                }
            });
        }
    });
    endpoint
}

fn connection(endpoint: &str, authority: &Certificates, client: &Certificates) -> Connection {
    Connection {
        endpoint: endpoint.to_owned(),
        cacert: authority.authority.certificate.clone(),
        cert: client.admin.certificate.clone(),
        key: client.admin.key.clone(),
    }
}

async fn list(connection: &Connection) -> ClientError {
    match connection.open().await {
        Ok(channel) => {
            let status = PluginsClient::new(channel).list(ListRequest {}).await.unwrap_err();
            connection.failed(&status)
        }
        Err(error) => error,
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let scene = scene();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = list(&connection(&format!("https://127.0.0.1:{port}"), &scene.ours, &scene.ours)).await;
    assert!(matches!(&error, ClientError::Unreachable { reason, .. } if reason.contains("refused")), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_in_the_handshake() {
    let scene = scene();
    let endpoint = listener(&scene.ours).await;
    let error = list(&connection(&endpoint, &scene.ours, &scene.others)).await;
    assert!(matches!(error, ClientError::Handshake { .. }), "{error:?}");
    assert!(error.to_string().contains("refused the certificate of --cert"), "{error}");
}

#[tokio::test]
async fn a_member_of_another_authority_is_not_trusted() {
    let scene = scene();
    let endpoint = listener(&scene.ours).await;
    let error = list(&connection(&endpoint, &scene.others, &scene.ours)).await;
    assert!(error.to_string().contains("does not verify with --cacert"), "{error}");
}

#[tokio::test]
async fn a_good_certificate_gets_through_the_handshake() {
    let scene = scene();
    let endpoint = listener(&scene.ours).await;
    connection(&endpoint, &scene.ours, &scene.ours).open().await.unwrap();
}

#[test]
fn a_denied_call_says_whose_certificate_is_needed() {
    let scene = scene();
    let connection = connection("https://127.0.0.1:1", &scene.ours, &scene.ours);
    let error = connection.failed(&Status::permission_denied("strongroom: CN:dev-client is nobody"));
    assert!(matches!(error, ClientError::NotAdministrator { .. }));
    let expected = "https://127.0.0.1:1 refused the call: CN:dev-client is nobody (it is chosen by --cert and --key)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn plain_http_is_not_tried() {
    let scene = scene();
    let error = connection("http://127.0.0.1:1", &scene.ours, &scene.ours).open().await.unwrap_err();
    assert!(matches!(error, ClientError::Endpoint { .. }));
}

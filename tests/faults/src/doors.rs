//! No certificate, no connection; no administrator's certificate, no admin call.

use std::{fs, path::Path, sync::Arc, time::Duration};

use harness::{ANSWER_SECONDS_MAX, Certificates, Kind, Program, Server};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, HandshakeKind, pki_types::ServerName},
};
use tonic::Code;

use crate::descriptors::{call, channel, paths};

/// RPCs of etcd's own services that change or copy the cluster. An administrator's certificate is needed for them.
const ADMIN_CLASS: [&str; 21] = [
    "/etcdserverpb.Cluster/MemberAdd",
    "/etcdserverpb.Cluster/MemberRemove",
    "/etcdserverpb.Cluster/MemberUpdate",
    "/etcdserverpb.Cluster/MemberPromote",
    "/etcdserverpb.Maintenance/Defragment",
    "/etcdserverpb.Maintenance/Snapshot",
    "/etcdserverpb.Maintenance/MoveLeader",
    "/etcdserverpb.Maintenance/Downgrade",
    "/etcdserverpb.Auth/AuthEnable",
    "/etcdserverpb.Auth/AuthDisable",
    "/etcdserverpb.Auth/UserAdd",
    "/etcdserverpb.Auth/UserList",
    "/etcdserverpb.Auth/UserDelete",
    "/etcdserverpb.Auth/UserChangePassword",
    "/etcdserverpb.Auth/UserGrantRole",
    "/etcdserverpb.Auth/UserRevokeRole",
    "/etcdserverpb.Auth/RoleAdd",
    "/etcdserverpb.Auth/RoleList",
    "/etcdserverpb.Auth/RoleDelete",
    "/etcdserverpb.Auth/RoleGrantPermission",
    "/etcdserverpb.Auth/RoleRevokePermission",
];

/// How an HTTP/2 client begins (RFC 9113, section 3.4): the preface and empty settings. A server may wait for it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Connects with TLS and waits for the server's first bytes: in TLS 1.3 a client hears of a refused certificate only there.
async fn first_bytes(port: u16, certificates: &Certificates, anonymous: bool) -> Result<usize, String> {
    Ok(exchange(port, certificates.for_rustls(anonymous)).await?.0)
}

/// The same as a client that knows its earlier connections with this configuration; and whether one of them was resumed.
pub(crate) async fn exchange(port: u16, config: Arc<ClientConfig>) -> Result<(usize, Option<HandshakeKind>), String> {
    let exchange = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the port is open");
        let name = ServerName::try_from("127.0.0.1").expect("an address is a name");
        let mut tls = TlsConnector::from(config).connect(name, stream).await.map_err(|error| error.to_string())?;
        // Fails when the refusal is there already, which reading tells of.
        drop(tls.write_all(PREFACE).await);
        let read = tls.read(&mut [0; 64]).await.map_err(|error| error.to_string())?;
        Ok((read, tls.get_ref().1.handshake_kind()))
    };
    timeout(Duration::from_secs(ANSWER_SECONDS_MAX), exchange).await.expect("the server answers in time")
}

fn client_of(server: &Server) -> Certificates {
    server.environment().client_certificates().expect("strongroom dev serves over TLS")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_the_handshake_is_refused() {
    let server = Server::strongroom().await;
    let client = client_of(&server);
    for port in [server.ports().client, server.ports().admin, server.ports().peer] {
        let refusal = first_bytes(port, &client, true).await.expect_err("an anonymous client is refused");
        assert!(refusal.contains("CertificateRequired"), "port {port}: {refusal}");
        assert!(harness::get(port, "/health").await.is_err(), "port {port} speaks without TLS");
    }
    let heard = first_bytes(server.ports().client, &client, false).await;
    assert!(heard.is_ok_and(|bytes| bytes > 0), "with a certificate the same connection is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_refused() {
    let server = Server::strongroom().await;
    let folder = tempfile::tempdir().unwrap();
    let administrator = server.environment().administrator_certificates();
    let forged = forge(folder.path(), &administrator);
    for port in [server.ports().client, server.ports().admin, server.ports().peer] {
        let refusal = first_bytes(port, &forged, false).await.expect_err("a stranger's certificate is refused");
        assert!(refusal.contains("alert"), "port {port}: {refusal}");
    }
}

/// The certificate of an administrator by the same name, from an authority by the same name, that nobody trusts.
fn forge(folder: &Path, real: &Certificates) -> Certificates {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "strongroom dev");
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.distinguished_name.push(DnType::CommonName, "admin");
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let forged = Certificates {
        authority: real.authority.clone(),
        certificate: folder.join("a.crt"),
        key: folder.join("a.key"),
    };
    fs::write(&forged.certificate, certificate.pem()).unwrap();
    fs::write(&forged.key, key.serialize_pem()).unwrap();
    forged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_to_anybody_is_named_as_unsafe() {
    for (access, is_unsafe) in [("any", true), ("client-cert", false), ("mtls", false)] {
        let flags = vec![format!("--admin-access={access}")];
        let server = Server::new(Kind::Member { program: Program::Strongroom, tls: None, flags }).await;
        let (page, log) = (server.page("/readyz?verbose").await, String::from_utf8(server.log()).unwrap());
        assert_eq!(page.status, 200, "{}", page.body);
        for text in [&page.body, &log] {
            assert_eq!(text.contains("--admin-access=any is unsafe"), is_unsafe, "{access}: {text}");
        }
        assert_eq!(server.page("/readyz").await.body, "ok\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_make_no_admin_call() {
    let server = Server::strongroom().await;
    let admin_rpcs = paths("strongroom.admin.v1");
    assert!(admin_rpcs.len() >= 4, "{admin_rpcs:?}");
    let as_client = channel(server.ports().admin, &client_of(&server)).await;
    for path in &admin_rpcs {
        let status = call(&as_client, path).await.expect_err("a client is refused");
        assert_eq!(status.code(), Code::PermissionDenied, "{path}: {status}");
    }
    let as_administrator = channel(server.ports().admin, &server.environment().administrator_certificates()).await;
    for path in &admin_rpcs {
        // An empty request may be wrong, but not for want of rights.
        let code = call(&as_administrator, path).await.map_or_else(|status| status.code(), |()| Code::Ok);
        let reads = path.ends_with("/List") || path.ends_with("/Status");
        assert!(
            if reads { code == Code::Ok } else { code != Code::PermissionDenied && code != Code::Unimplemented },
            "{path}: {code:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_calls_are_not_served_where_clients_are() {
    let server = Server::strongroom().await;
    for certificates in [client_of(&server), server.environment().administrator_certificates()] {
        let channel = channel(server.ports().client, &certificates).await;
        for path in paths("strongroom.admin.v1") {
            let status = call(&channel, &path).await.expect_err("it is another door");
            assert!([Code::Unimplemented, Code::PermissionDenied].contains(&status.code()), "{path}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_not_change_the_cluster_by_etcds_own_calls() {
    let server = Server::strongroom().await;
    let known = [paths("etcdserverpb")].concat();
    let channel = channel(server.ports().client, &client_of(&server)).await;
    for path in ADMIN_CLASS {
        assert!(known.contains(&path.to_owned()), "{path} is no RPC");
        let status = call(&channel, path).await.expect_err("a client is refused");
        // What is not there yet may say so; what is there may not.
        assert!([Code::PermissionDenied, Code::Unimplemented].contains(&status.code()), "{path}: {status}");
    }
}

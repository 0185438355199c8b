//! Sockets, certificates and shutdown, over real connections.

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsConnector;

use super::*;

const CLIENT: &str = "spiffe://strongroom/client";
const GET: &[u8] = b"GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A page that says who asks.
fn router() -> Router {
    Router::new().route("/who", get(async |Extension(caller): Extension<Caller>| caller.display_name()))
}

struct Running {
    remote: SocketAddr,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

/// Short, so that a test sees the end; long enough for an honest handshake on a busy machine.
const HASTE: Limits = Limits { patience: Duration::from_secs(2), ..Limits::USUAL };

/// Enough above the patience for a busy machine, and below that of a listener with the usual limits.
const OVERDUE: Duration = Duration::from_secs(6);

async fn start(tls: Option<Arc<ServerConfig>>, router: Router) -> Running {
    start_within(Limits::USUAL, tls, router).await
}

async fn start_within(limits: Limits, tls: Option<Arc<ServerConfig>>, router: Router) -> Running {
    start_with(limits, tls.map(Tls::from), router).await
}

async fn start_with(limits: Limits, tls: Option<Tls>, router: Router) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (remote, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    let served = tokio::spawn(serve_within(
        limits,
        listener.into(),
        tls,
        router.into(),
        ConnectionSettings::default(),
        shutdown.clone(),
    ));
    Running { remote, shutdown, served }
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    roots: Arc<RootCertStore>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).unwrap();
        Self { issuer, roots: Arc::new(roots) }
    }

    fn issue(&self, name: SanType) -> (Vec<rustls::pki_types::CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn server(&self) -> Arc<ServerConfig> {
        let (chain, key) = self.issue(SanType::DnsName("localhost".try_into().unwrap()));
        let verifier = WebPkiClientVerifier::builder(self.roots.clone()).build().unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(chain, key);
        Arc::new(config.unwrap())
    }

    fn client(&self, certified: bool) -> TlsConnector {
        let builder = ClientConfig::builder().with_root_certificates(self.roots.clone());
        let config = if certified {
            let (chain, key) = self.issue(SanType::URI(CLIENT.try_into().unwrap()));
            builder.with_client_auth_cert(chain, key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        TlsConnector::from(Arc::new(config))
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    let mut answer = Vec::new();
    stream.write_all(GET).await?;
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn ask_with_tls(connector: &TlsConnector, remote: SocketAddr) -> io::Result<String> {
    let name = ServerName::try_from("localhost").unwrap();
    ask(connector.connect(name, TcpStream::connect(remote).await?).await?).await
}

#[tokio::test]
async fn a_verified_certificate_becomes_the_caller() {
    let authority = Authority::new();
    let running = start(Some(authority.server()), router()).await;
    let answer = ask_with_tls(&authority.client(true), running.remote).await.unwrap();
    assert!(answer.ends_with(&format!("URI:{CLIENT}")), "{answer}");
}

#[tokio::test]
async fn without_a_certificate_the_handshake_is_refused_and_others_are_served() {
    let authority = Authority::new();
    let running = start(Some(authority.server()), router()).await;
    let refused = ask_with_tls(&authority.client(false), running.remote).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(ask_with_tls(&Authority::new().client(true), running.remote).await.is_err());
    assert!(ask_with_tls(&authority.client(true), running.remote).await.is_ok());
}

#[tokio::test]
async fn without_tls_the_caller_is_anonymous() {
    let running = start(None, router()).await;
    let answer = ask(TcpStream::connect(running.remote).await.unwrap()).await.unwrap();
    assert!(answer.ends_with("anonymous"), "{answer}");
}

#[tokio::test]
async fn shutdown_lets_an_open_request_end_and_takes_no_new_one() {
    let (entered, mut inside) = tokio::sync::mpsc::channel(1);
    let release = CancellationToken::new();
    let held = release.clone();
    let slow = Router::new().route(
        "/who",
        get(async move || {
            entered.send(()).await.unwrap();
            held.cancelled().await;
            "done"
        }),
    );
    let running = start(None, slow).await;
    let open = tokio::spawn(ask(TcpStream::connect(running.remote).await.unwrap()));
    inside.recv().await.unwrap();
    running.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(running.remote).await.is_err());
    release.cancel();
    assert!(open.await.unwrap().unwrap().ends_with("done"));
    running.served.await.unwrap();
}

/// Sends `bytes` and nothing more; fails when the listener does not end the connection in time.
async fn wait_for_the_end(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
    // The end of a TLS stream without a farewell is an error, and an end as well.
    let ended = tokio::time::timeout(OVERDUE, stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok(), "still open after {bytes:?}");
}

/// Nothing, the beginning of HTTP/2, and the beginning of a head of HTTP/1.1.
const STALLS: [&[u8]; 3] = [b"", b"PRI", b"GET /who HTTP/1.1\r\nHost: loc"];

#[tokio::test]
async fn a_connection_that_stalls_at_its_opening_ends() {
    let running = start_within(HASTE, None, router()).await;
    let connect = async || TcpStream::connect(running.remote).await.unwrap();
    let streams = [connect().await, connect().await, connect().await];
    futures::future::join_all(streams.into_iter().zip(STALLS).map(|(stream, bytes)| wait_for_the_end(stream, bytes)))
        .await;
}

#[tokio::test]
async fn a_connection_that_stalls_in_or_after_its_handshake_ends() {
    let authority = Authority::new();
    let running = start_within(HASTE, Some(authority.server()), router()).await;
    let (connector, name) = (authority.client(true), ServerName::try_from("localhost").unwrap());
    let connect = async || TcpStream::connect(running.remote).await.unwrap();
    let shaken = async || connector.connect(name.clone(), connect().await).await.unwrap();
    let streams = [shaken().await, shaken().await, shaken().await];
    let after = streams.into_iter().zip(STALLS).map(|(stream, bytes)| wait_for_the_end(stream, bytes));
    let before = wait_for_the_end(connect().await, b"");
    let within = wait_for_the_end(connect().await, b"\x16\x03\x01");
    futures::join!(futures::future::join_all(after), before, within);
}

#[tokio::test]
async fn a_connection_that_opened_in_time_may_be_idle_for_longer() {
    let running = start_within(HASTE, None, router()).await;
    let mut stream = TcpStream::connect(running.remote).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let ended = tokio::time::timeout(HASTE.patience * 2, stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_err(), "{ended:?}");
}

/// The first flight of a client, which is all that it has to send until it is answered.
fn hello(authority: &Authority) -> Vec<u8> {
    let config = ClientConfig::builder().with_root_certificates(authority.roots.clone()).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    rustls::ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

#[tokio::test]
async fn who_is_silent_or_stalls_in_a_handshake_keeps_nobody_from_theirs() {
    let authority = Authority::new();
    let running = start(Some(authority.server()), router()).await;
    let mut stalled = Vec::new();
    for number in 0..304 {
        let mut stream = TcpStream::connect(running.remote).await.unwrap();
        if number >= 4 {
            stream.write_all(&hello(&authority)).await.unwrap();
        }
        stalled.push(stream);
    }
    let connector = authority.client(true);
    let asked = tokio::time::timeout(OVERDUE, ask_with_tls(&connector, running.remote)).await;
    assert!(asked.expect("locked out").unwrap().ends_with(&format!("URI:{CLIENT}")));
}

#[tokio::test]
async fn where_all_places_are_taken_who_is_slow_makes_room() {
    let authority = Authority::new();
    let limits = Limits { patience_in_a_crowd: Duration::from_secs(2), unfinished: 4, ..Limits::USUAL };
    let running = start_within(limits, Some(authority.server()), router()).await;
    let connect = async || TcpStream::connect(running.remote).await.unwrap();
    let silent = [connect().await, connect().await, connect().await, connect().await];
    let asked = tokio::time::timeout(OVERDUE, ask_with_tls(&authority.client(true), running.remote)).await;
    assert!(asked.expect("locked out").unwrap().ends_with(&format!("URI:{CLIENT}")));
    let [first, ..] = silent;
    assert!(first.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock), "it was early");
}

#[tokio::test]
async fn a_unix_socket_serves_with_tls_and_without() {
    let authority = Authority::new();
    let folder = std::env::temp_dir().join(format!("strongroom-listener-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let serve = |name: &str, tls: Option<Arc<ServerConfig>>| {
        let path = folder.join(name);
        let (listener, settings) = (UnixListener::bind(&path).unwrap(), ConnectionSettings::default());
        tokio::spawn(super::serve(listener, tls.map(Tls::from), router(), settings, CancellationToken::new()));
        path
    };
    let (plain, encrypted) = (serve("plain", None), serve("tls", Some(authority.server())));
    let answer = ask(UnixStream::connect(plain).await.unwrap()).await.unwrap();
    assert!(answer.ends_with("anonymous"), "{answer}");
    let stream = UnixStream::connect(encrypted).await.unwrap();
    let stream = authority.client(true).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert!(ask(stream).await.unwrap().ends_with(&format!("URI:{CLIENT}")));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Trusts one certificate less when it is told to.
#[derive(Debug, Default)]
struct Revocations(std::sync::Mutex<Vec<Vec<u8>>>);

impl crate::Trust for Revocations {
    fn version(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }

    fn trusts(&self, chain: &[CertificateDer<'_>]) -> bool {
        !self.0.lock().unwrap().iter().any(|revoked| revoked == chain[0].as_ref())
    }
}

#[tokio::test]
async fn who_is_not_trusted_any_more_is_cut_off_and_nobody_else() {
    let (authority, trust) = (Authority::new(), Arc::<Revocations>::default());
    let tls = Tls { config: authority.server(), trust: Some(trust.clone()) };
    let running = start_with(Limits::USUAL, Some(tls), router()).await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut connections = Vec::new();
    for _ in 0..2 {
        let (chain, key) = authority.issue(SanType::URI(CLIENT.try_into().unwrap()));
        let config = ClientConfig::builder().with_root_certificates(authority.roots.clone());
        let config = config.with_client_auth_cert(chain.clone(), key).unwrap();
        let stream = TcpStream::connect(running.remote).await.unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name.clone(), stream).await.unwrap();
        // The connection is there when it was heard on.
        stream.write_all(b"GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        connections.push((chain, stream));
    }
    let (revoked, mut cut) = connections.remove(0);
    trust.0.lock().unwrap().push(revoked[0].to_vec());
    let ended = tokio::time::timeout(Duration::from_secs(5), cut.read(&mut [0; 64])).await.expect("it is cut off");
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    let (_, stays) = connections.remove(0);
    assert!(ask(stays).await.unwrap().ends_with(CLIENT), "the other one is served");
}

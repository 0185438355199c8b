//! Certificates, authorities and lists of revoked certificates are replaced under traffic.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use harness::{Certificates, Client};
use hyper_util::rt::TokioIo;
use proto::etcdserverpb::RangeRequest;
use tokio::{net::TcpStream, task::JoinHandle, time::sleep};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tonic::transport::{Channel, Endpoint};

use crate::offices::{Scene, cert, done, issued};

/// Connections that must not notice anything.
const STEADY: usize = 1000;

/// How often everything is replaced, and each time one certificate revoked.
const ROUNDS: usize = 10;

/// How soon whoever is revoked is cut off: within two seconds, on a machine that does nothing else.
pub(crate) const CUT_WITHIN: Duration = Duration::from_secs(20);

/// How often a steady connection asks for something.
const PERIOD: Duration = Duration::from_secs(1);

/// Handshakes at a time.
const AT_A_TIME: usize = 50;

/// A channel that counts how often it had to connect.
async fn connect(port: u16, certificates: &Certificates, connects: Arc<AtomicUsize>) -> Channel {
    let connector = TlsConnector::from(certificates.for_rustls(false));
    let dial = tower::service_fn(move |_| {
        let connector = connector.clone();
        connects.fetch_add(1, Ordering::Relaxed);
        async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let tls = connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await?;
            Ok::<_, std::io::Error>(TokioIo::new(tls))
        }
    });
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    endpoint.connect_with_connector(dial).await.unwrap()
}

async fn ask(channel: &Channel) -> Result<(), tonic::Status> {
    let request = RangeRequest { key: b"/a".to_vec().into(), ..RangeRequest::default() };
    Client::new(channel.clone()).kv.range(request).await.map(drop)
}

/// Puts other contents in the place of a file at once.
pub(crate) fn replace(path: &Path, contents: &[u8]) {
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, contents).unwrap();
    fs::rename(unfinished, path).unwrap();
}

/// Asks until it is told to stop; how often that failed.
fn steady(channel: Channel, stop: Arc<AtomicBool>, first: Duration) -> JoinHandle<Vec<tonic::Status>> {
    tokio::spawn(async move {
        let mut failures = Vec::new();
        sleep(first).await;
        while !stop.load(Ordering::Relaxed) {
            failures.extend(ask(&channel).await.err());
            sleep(PERIOD).await;
        }
        failures
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_revoked_notice_that_files_are_replaced() {
    let scene = Scene::new(&["--client-crl-file={dir}/ca.crl"]).await;
    let (path, port) = (scene.folder.path(), scene.server.ports().client);
    fs::create_dir(path.join("other")).unwrap();
    done(&cert(&path.join("other"), &["init-ca"]).await);
    let [authority, other] = ["ca.crt", "other/ca.crt"].map(|file| fs::read(path.join(file)).unwrap());
    let (connects, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let mut channels = Vec::new();
    while channels.len() < STEADY {
        let some = (0..AT_A_TIME).map(|_| connect(port, &scene.client, connects.clone()));
        channels.extend(join_all(some).await);
    }
    let asking = channels.into_iter().enumerate().map(|(number, channel)| {
        let first = PERIOD.mul_f64(number as f64 / STEADY as f64);
        steady(channel, stop.clone(), first)
    });
    let asking: Vec<_> = asking.collect();

    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let name = format!("victim-{round}");
        let victim = issued(path, &name, &["--for", "client"]).await;
        let channel = connect(port, &victim, Arc::default()).await;
        ask(&channel).await.unwrap();
        // A new certificate of the listener, another authority beside or no longer beside the first, one revocation more.
        let renewed = issued(path, &format!("server-{round}"), &["--for", "server", "--host", "127.0.0.1"]).await;
        replace(&path.join("server.key"), &fs::read(&renewed.key).unwrap());
        replace(&path.join("server.crt"), &fs::read(&renewed.certificate).unwrap());
        let authorities = if round % 2 == 0 { [&authority[..], &other].concat() } else { authority.clone() };
        replace(&path.join("ca.crt"), &authorities);
        // The command takes its authority from a file of one certificate.
        fs::write(path.join("issuer.crt"), &authority).unwrap();
        let issuer = path.join("issuer.crt");
        let revoke = ["revoke", victim.certificate.to_str().unwrap(), "--ca-cert", issuer.to_str().unwrap()];
        done(&cert(path, &revoke).await);
        let revoked = Instant::now();
        while ask(&channel).await.is_ok() {
            assert!(revoked.elapsed() < CUT_WITHIN, "round {round}: whoever was revoked is served on");
            sleep(Duration::from_millis(10)).await;
        }
        slowest = slowest.max(revoked.elapsed());
        ask(&connect(port, &scene.client, Arc::default()).await).await.expect("others are let in as before");
    }
    stop.store(true, Ordering::Relaxed);
    let failures: Vec<_> = join_all(asking).await.into_iter().flat_map(Result::unwrap).collect();
    assert!(failures.is_empty(), "{} requests failed, the first with {}", failures.len(), failures[0]);
    assert_eq!(connects.load(Ordering::Relaxed), STEADY, "no connection was lost");
    eprintln!("cut off within {slowest:?} of the new list");
}

//! The listeners that want mutual TLS: damaged handshakes, and hostile bytes behind a sound one.

use std::time::Duration;

use harness::{Certificates, Random};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConnection, pki_types::ServerName},
};

use crate::{
    Target,
    dictionary::{damage, noise},
    frames,
    report::{Outcome, Tally},
};

/// Longest handshake; a loaded server makes clients wait.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// One connection.
pub(crate) async fn case(random: &mut Random, target: &Target, tally: &mut Tally) {
    let port = target.tls[random.below(3) as usize];
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        tally.count("tls", Outcome::Refused);
        return;
    };
    let outcome = match random.below(4) {
        0 => frames::send(stream, &noise(random, 2000)).await,
        1 => {
            let mut hello = hello(&target.certificates);
            damage(random, &mut hello);
            hello.extend(noise(random, 300));
            frames::send(stream, &hello).await
        }
        kind => {
            let config = target.certificates.for_rustls(kind == 2);
            let connected = TlsConnector::from(config).connect(name(), stream);
            match timeout(HANDSHAKE_MAX, connected).await {
                Ok(Ok(stream)) => frames::send(stream, &frames::bytes(random)).await,
                _ => Outcome::Closed,
            }
        }
    };
    tally.count("tls", outcome);
}

pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from("127.0.0.1").expect("an address is a name")
}

/// The first flight of a sound handshake.
pub(crate) fn hello(certificates: &Certificates) -> Vec<u8> {
    let config = certificates.for_rustls(true);
    let mut connection = ClientConnection::new(config, name()).expect("the configuration is sound");
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).expect("memory takes it");
    hello
}

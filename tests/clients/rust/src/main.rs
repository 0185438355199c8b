//! Drives one server with `etcd-client`, the client for Rust.
//!
//! The server is named as for etcdctl: `ETCDCTL_ENDPOINTS`, and `ETCDCTL_CACERT`, `ETCDCTL_CERT`, `ETCDCTL_KEY` for mutual TLS.
//! Prints "ok FEATURE" for each feature and ends with 0, or says what went wrong and ends with another code.

mod recipes;
mod values;

use std::{env, fs, io::Write as _, time::Duration};

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, TlsOptions};
use tokio::time::timeout;

/// No feature takes longer than a few seconds; only a hang runs into it.
const FEATURE_SECONDS_MAX: u64 = 30;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut client = connect(None).await?;
    done("put", values::put(&mut client)).await;
    done("get", values::get(&mut client)).await;
    done("stream", values::stream(&mut client)).await;
    done("txn", values::txn(&mut client)).await;
    done("watch", values::watch(&mut client)).await;
    done("lease", recipes::lease(&mut client)).await;
    done("lock", recipes::lock(&mut client)).await;
    done("election", recipes::election(&mut client)).await;
    // Last: it closes the server to everybody else.
    done("auth", recipes::auth(&mut client)).await;
    Ok(())
}

async fn done(name: &str, feature: impl Future<Output = Result<(), Error>>) {
    let outcome = timeout(Duration::from_secs(FEATURE_SECONDS_MAX), feature).await;
    outcome.unwrap_or_else(|_| panic!("{name} hangs")).unwrap_or_else(|error| panic!("{name}: {error}"));
    writeln!(std::io::stdout(), "ok {name}").expect("somebody listens");
}

/// A client of its own connection, by name and password if they are given.
async fn connect(user: Option<(&str, &str)>) -> Result<Client, Error> {
    let mut options = ConnectOptions::new()
        .with_keep_alive(Duration::from_secs(30), Duration::from_secs(10))
        .with_timeout(Duration::from_secs(FEATURE_SECONDS_MAX));
    let variable = |name: &str| env::var(format!("ETCDCTL_{name}"));
    if let (Ok(authority), Ok(certificate), Ok(key)) = (variable("CACERT"), variable("CERT"), variable("KEY")) {
        let read = |path: String| fs::read(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
        let tls = TlsOptions::new()
            .ca_certificate(Certificate::from_pem(read(authority)))
            .identity(Identity::from_pem(read(certificate), read(key)));
        options = options.with_tls(tls);
    }
    if let Some((name, password)) = user {
        options = options.with_user(name, password);
    }
    Client::connect([variable("ENDPOINTS").expect("ETCDCTL_ENDPOINTS is set")], Some(options)).await
}

/// Waits for a refusal and looks at its words.
#[track_caller]
fn refused<T>(answer: Result<T, Error>, words: &str) {
    match answer {
        Err(Error::GRpcStatus(status)) => assert!(status.message().contains(words), "{status}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused: {words}"),
    }
}

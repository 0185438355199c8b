//! Resolves the four listeners and their TLS.

use auth::{AdminAccess, AdministratorRule, Administrators};

use super::error::ConfigError;
use super::reader::Reader;
use super::url::Url;
use super::{Door, TlsFiles, value};

/// The flags of one listener's TLS.
struct TlsFlags {
    listen: &'static str,
    certificate: &'static str,
    key: &'static str,
    authority: &'static str,
    /// The switch that demands client certificates; the admin listener demands them always.
    demand: Option<&'static str>,
}

const CLIENT: TlsFlags = TlsFlags {
    listen: "--listen-client-urls",
    certificate: "--cert-file",
    key: "--key-file",
    authority: "--trusted-ca-file",
    demand: Some("--client-cert-auth"),
};
const PEER: TlsFlags = TlsFlags {
    listen: "--listen-peer-urls",
    certificate: "--peer-cert-file",
    key: "--peer-key-file",
    authority: "--peer-trusted-ca-file",
    demand: Some("--peer-client-cert-auth"),
};
const ADMIN: TlsFlags = TlsFlags {
    listen: "--listen-admin-urls",
    certificate: "--admin-cert-file",
    key: "--admin-key-file",
    authority: "--admin-trusted-ca-file",
    demand: None,
};

/// The client listener. As in etcd, who sets where to listen must also set what clients are told.
pub(crate) fn client(reader: &mut Reader<'_>) -> Door {
    if reader.is_written("listen-client-urls") && !reader.is_written("advertise-client-urls") {
        reader.report(ConfigError::Missing {
            flag: "--advertise-client-urls",
            because: "--listen-client-urls is set explicitly",
        });
    }
    let listen = reader.listen_urls("listen-client-urls");
    let tls = tls_files(reader, &CLIENT, &listen);
    Door { flag: CLIENT.listen, advertised: reader.urls("advertise-client-urls"), listen, tls }
}

/// The peer listener.
pub(crate) fn peer(reader: &mut Reader<'_>) -> Door {
    let listen = reader.listen_urls("listen-peer-urls");
    let tls = tls_files(reader, &PEER, &listen);
    Door { flag: PEER.listen, advertised: reader.urls("initial-advertise-peer-urls"), listen, tls }
}

/// The metrics listener. Its `https` URLs use the client listener's files, as in etcd.
pub(crate) fn metrics(reader: &mut Reader<'_>, client: &Door) -> Door {
    let flag = "--listen-metrics-urls";
    let listen = reader.listen_urls("listen-metrics-urls");
    if listen.iter().any(Url::is_tls) && client.tls.is_none() {
        reader.report(ConfigError::Missing { flag: "--cert-file", because: "--listen-metrics-urls has an https URL" });
    }
    Door { flag, listen, advertised: Vec::new(), tls: client.tls.clone() }
}

/// The admin listener: mutual TLS always.
pub(crate) fn admin(reader: &mut Reader<'_>) -> (Door, Administrators) {
    let listen = reader.listen_urls("listen-admin-urls");
    for url in listen.iter().filter(|url| !url.is_tls()) {
        let reason = "administrators are served over https only";
        reader.report(ConfigError::BadUrl { origin: ADMIN.listen.to_owned(), value: url.to_string(), reason });
    }
    let tls = tls_files(reader, &ADMIN, &listen);
    if !listen.is_empty() && reader.path("admin-trusted-ca-file").is_none() {
        reader.report(ConfigError::Missing { flag: ADMIN.authority, because: "--listen-admin-urls is given" });
    }
    let rules = administrators(reader);
    if listen.is_empty() && !rules.is_empty() {
        let because = "--listen-admin-urls is not";
        reader.report(ConfigError::Pointless { flag: "--admin-identities", because });
    }
    if !listen.is_empty() && rules.is_empty() && !reader.is_written("admin-identities") {
        reader.report(ConfigError::Missing { flag: "--admin-identities", because: "--listen-admin-urls is given" });
    }
    (Door { flag: ADMIN.listen, listen, advertised: Vec::new(), tls }, Administrators::from(rules))
}

/// Who may make admin calls on the client listener.
pub(crate) fn admin_access(reader: &mut Reader<'_>) -> AdminAccess {
    reader.parsed("admin-access", "mtls, client-cert or any", |text| text.parse().ok()).unwrap_or_default()
}

fn administrators(reader: &mut Reader<'_>) -> Vec<AdministratorRule> {
    let text = reader.text("admin-identities");
    let mut rules = Vec::new();
    for part in value::list(&text) {
        match part.parse() {
            Ok(rule) => rules.push(rule),
            Err(error) => reader.report(ConfigError::BadRule(error)),
        }
    }
    rules
}

fn tls_files(reader: &mut Reader<'_>, flags: &TlsFlags, listen: &[Url]) -> Option<TlsFiles> {
    let path = |reader: &Reader<'_>, flag: &str| reader.path(flag.trim_start_matches("--"));
    let (certificate, key) = (path(reader, flags.certificate), path(reader, flags.key));
    let authority = path(reader, flags.authority);
    let demanded = flags.demand.is_some_and(|flag| reader.switch(flag.trim_start_matches("--")));
    if !listen.iter().any(Url::is_tls) {
        let because = "no URL of its listener is https";
        let given = [(flags.certificate, certificate.is_some()), (flags.key, key.is_some())];
        let demand = flags.demand.map(|flag| (flag, demanded));
        for (flag, _) in given.into_iter().chain([(flags.authority, authority.is_some())]).chain(demand).filter(|g| g.1)
        {
            reader.report(ConfigError::Pointless { flag, because });
        }
        return None;
    }
    for (flag, given) in [(flags.certificate, certificate.is_some()), (flags.key, key.is_some())] {
        if !given {
            reader.report(ConfigError::Missing { flag, because: because_https(flags.listen) });
        }
    }
    if demanded && authority.is_none() {
        reader.report(ConfigError::Missing { flag: flags.authority, because: "client certificates are demanded" });
    }
    Some(TlsFiles { certificate: certificate?, key: key?, client_authority: authority })
}

fn because_https(listen: &'static str) -> &'static str {
    match listen {
        "--listen-client-urls" => "--listen-client-urls has an https URL",
        "--listen-peer-urls" => "--listen-peer-urls has an https URL",
        _ => "--listen-admin-urls is given",
    }
}

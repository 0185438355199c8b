//! Resolves the four listeners and their TLS.

use std::path::{Path, PathBuf};

use auth::{AdminAccess, AdministratorRule, Administrators};

use super::error::ConfigError;
use super::reader::Reader;
use super::remark::Remark;
use super::url::Url;
use super::{AllowedNames, Cluster, Door, TlsFiles, value};

/// The flags of one listener's TLS.
struct TlsFlags {
    listen: &'static str,
    certificate: &'static str,
    key: &'static str,
    authority: &'static str,
    /// The switch that demands client certificates; the admin listener demands them always.
    demand: Option<&'static str>,
    /// Revoked certificates.
    revoked: Option<&'static str>,
    common_names: Option<&'static str>,
    host_names: Option<&'static str>,
    own: Option<OwnCertificate>,
    /// Certificate and key that are shown to others.
    dialling: Option<(&'static str, &'static str)>,
}

/// A certificate of the member's own making.
struct OwnCertificate {
    flag: &'static str,
    /// Its folder in the data directory: etcd's.
    folder: &'static str,
}

const CLIENT: TlsFlags = TlsFlags {
    listen: "--listen-client-urls",
    certificate: "--cert-file",
    key: "--key-file",
    authority: "--trusted-ca-file",
    demand: Some("--client-cert-auth"),
    revoked: Some("--client-crl-file"),
    common_names: None,
    host_names: Some("--client-cert-allowed-hostname"),
    own: Some(OwnCertificate { flag: "--auto-tls", folder: "fixtures/client" }),
    dialling: None,
};
const PEER: TlsFlags = TlsFlags {
    listen: "--listen-peer-urls",
    certificate: "--peer-cert-file",
    key: "--peer-key-file",
    authority: "--peer-trusted-ca-file",
    demand: Some("--peer-client-cert-auth"),
    revoked: Some("--peer-crl-file"),
    common_names: Some("--peer-cert-allowed-cn"),
    host_names: Some("--peer-cert-allowed-hostname"),
    own: Some(OwnCertificate { flag: "--peer-auto-tls", folder: "fixtures/peer" }),
    dialling: Some(("--peer-client-cert-file", "--peer-client-key-file")),
};
const ADMIN: TlsFlags = TlsFlags {
    listen: "--listen-admin-urls",
    certificate: "--admin-cert-file",
    key: "--admin-key-file",
    authority: "--admin-trusted-ca-file",
    demand: None,
    revoked: Some("--admin-crl-file"),
    common_names: None,
    host_names: None,
    own: None,
    dialling: None,
};

/// The client listener. As in etcd, who sets where to listen must also set what clients are told; a file need not.
pub(crate) fn client(reader: &mut Reader<'_>, data_dir: &Path) -> Door {
    let listens = reader.is_written("listen-client-urls") && !reader.is_file();
    if listens && !reader.is_written("advertise-client-urls") {
        reader.report(ConfigError::Missing {
            flag: "--advertise-client-urls",
            because: "--listen-client-urls is set explicitly",
        });
    }
    let listen = listen_urls(reader, "listen-client-urls");
    let tls = tls_files(reader, &CLIENT, &listen, data_dir);
    Door { flag: CLIENT.listen, advertised: reader.some_urls("advertise-client-urls"), listen, tls }
}

/// The peer listener.
pub(crate) fn peer(reader: &mut Reader<'_>, data_dir: &Path) -> Door {
    let listen = listen_urls(reader, "listen-peer-urls");
    let tls = tls_files(reader, &PEER, &listen, data_dir);
    Door { flag: PEER.listen, advertised: reader.some_urls("initial-advertise-peer-urls"), listen, tls }
}

/// The metrics listener. Its `https` URLs use the client listener's files, as in etcd.
pub(crate) fn metrics(reader: &mut Reader<'_>, client: &Door) -> Door {
    let flag = "--listen-metrics-urls";
    let urls = reader.urls("listen-metrics-urls");
    let listen = reader.bindable("listen-metrics-urls", urls);
    if listen.iter().any(Url::is_tls) && client.tls.is_none() {
        reader.report(ConfigError::Missing { flag: "--cert-file", because: "--listen-metrics-urls has an https URL" });
    }
    Door { flag, listen, advertised: Vec::new(), tls: client.tls.clone() }
}

fn listen_urls(reader: &mut Reader<'_>, name: &str) -> Vec<Url> {
    let urls = reader.some_urls(name);
    reader.bindable(name, urls)
}

/// The admin listener: mutual TLS always.
pub(crate) fn admin(reader: &mut Reader<'_>) -> (Door, Administrators) {
    let urls = reader.urls("listen-admin-urls");
    let listen = reader.bindable("listen-admin-urls", urls);
    for url in listen.iter().filter(|url| !url.is_tls()) {
        let reason = "administrators are served over https only";
        reader.report(ConfigError::BadUrl { origin: ADMIN.listen.to_owned(), value: url.to_string(), reason });
    }
    let tls = tls_files(reader, &ADMIN, &listen, Path::new(""));
    if !listen.is_empty() && reader.path("admin-trusted-ca-file").is_none() {
        reader.report(ConfigError::Missing { flag: ADMIN.authority, because: "--listen-admin-urls is given" });
    }
    let [rules, auditors, backup_operators] = ["--admin-identities", "--auditor-identities", "--backup-identities"]
        .map(|flag| {
            let rules = identities(reader, flag);
            if listen.is_empty() && !rules.is_empty() {
                reader.report(ConfigError::Pointless { flag, because: "--listen-admin-urls is not" });
            }
            rules
        });
    if !listen.is_empty() && rules.is_empty() && !reader.is_written("admin-identities") {
        reader.report(ConfigError::Missing { flag: "--admin-identities", because: "--listen-admin-urls is given" });
    }
    let administrators = Administrators::from(rules).with_others(auditors, backup_operators);
    (Door { flag: ADMIN.listen, listen, advertised: Vec::new(), tls }, administrators)
}

/// Who may make admin calls on the client listener.
pub(crate) fn admin_access(reader: &mut Reader<'_>) -> AdminAccess {
    reader.parsed("admin-access", "mtls, client-cert or any", |text| text.parse().ok()).unwrap_or_default()
}

fn identities(reader: &mut Reader<'_>, flag: &'static str) -> Vec<AdministratorRule> {
    let text = reader.text(bare(flag));
    let mut rules = Vec::new();
    for part in value::list(&text) {
        match part.parse() {
            Ok(rule) => rules.push(rule),
            Err(source) => reader.report(ConfigError::BadRule { flag, source }),
        }
    }
    rules
}

/// What is written about the TLS of one listener.
struct GivenTls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    authority: Option<PathBuf>,
    revoked: Option<PathBuf>,
    allowed: AllowedNames,
    demanded: bool,
    /// The member is to make the certificate.
    own: bool,
    /// Certificate and key for others.
    dialling: [Option<PathBuf>; 2],
}

impl GivenTls {
    fn read(reader: &mut Reader<'_>, flags: &TlsFlags) -> Self {
        let allowed = allowed(reader, flags);
        let path = |flag: &str| reader.path(bare(flag));
        let switch = |flag: &str| reader.switch(bare(flag));
        Self {
            certificate: path(flags.certificate),
            key: path(flags.key),
            authority: path(flags.authority),
            revoked: flags.revoked.and_then(path),
            demanded: flags.demand.is_some_and(switch),
            own: flags.own.as_ref().is_some_and(|own| switch(own.flag)),
            allowed,
            dialling: flags.dialling.map_or([None, None], |(certificate, key)| [path(certificate), path(key)]),
        }
    }

    /// The flags of it that were given.
    fn flags(&self, flags: &TlsFlags) -> Vec<&'static str> {
        let names = match self.allowed {
            AllowedNames::Any => None,
            AllowedNames::Common(_) => flags.common_names,
            AllowedNames::Hosts(_) => flags.host_names,
        };
        let own = flags.own.as_ref().map(|own| own.flag);
        [
            self.certificate.as_ref().map(|_| flags.certificate),
            self.key.as_ref().map(|_| flags.key),
            self.authority.as_ref().map(|_| flags.authority),
            self.revoked.as_ref().and(flags.revoked),
            flags.demand.filter(|_| self.demanded),
            own.filter(|_| self.own),
            names,
            self.dialling[0].as_ref().and(flags.dialling.map(|(certificate, _)| certificate)),
            self.dialling[1].as_ref().and(flags.dialling.map(|(_, key)| key)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn tls_files(reader: &mut Reader<'_>, flags: &TlsFlags, listen: &[Url], data_dir: &Path) -> Option<TlsFiles> {
    let given = GivenTls::read(reader, flags);
    if !listen.iter().any(Url::is_tls) {
        let because = "no URL of its listener is https";
        for flag in given.flags(flags) {
            reader.report(ConfigError::Pointless { flag, because });
        }
        return None;
    }
    if given.demanded {
        for url in listen.iter().filter(|url| !url.is_tls()) {
            reader.remark(Remark::PlainListener { url: url.to_string(), flag: flags.listen });
        }
    }
    check_authority(reader, flags, &given);
    let (certificate, key, self_signed_years) = certificate(reader, flags, &given, data_dir)?;
    let dialling = dialling(reader, flags, given.dialling);
    let (client_authority, revoked, allowed) = (given.authority, given.revoked, given.allowed);
    Some(TlsFiles { certificate, key, client_authority, revoked, allowed, self_signed_years, dialling })
}

/// What is shown to others: both files or none.
fn dialling(reader: &mut Reader<'_>, flags: &TlsFlags, given: [Option<PathBuf>; 2]) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = flags.dialling?;
    match given {
        [Some(certificate), Some(key)] => return Some((certificate, key)),
        [Some(_), None] => {
            reader.report(ConfigError::Missing { flag: key, because: "--peer-client-cert-file is given" });
        }
        [None, Some(_)] => {
            reader.report(ConfigError::Missing { flag: certificate, because: "--peer-client-key-file is given" });
        }
        [None, None] => {}
    }
    None
}

/// Members that are reached over TLS need an authority to know them by, or certificates of their own making, which
/// nobody can check.
pub(crate) fn check_dialling(reader: &mut Reader<'_>, name: &str, cluster: &Cluster, peer: &Door) {
    let mut others = cluster.members.iter().filter(|(member, _)| member != name).flat_map(|(_, urls)| urls);
    if !others.any(Url::is_tls) {
        return;
    }
    let because = "--initial-cluster has an https URL of another member";
    match &peer.tls {
        Some(TlsFiles { client_authority: None, self_signed_years: None, .. }) => {
            reader.report(ConfigError::Missing { flag: PEER.authority, because });
        }
        Some(_) => {}
        None => reader.report(ConfigError::Missing { flag: "an https URL among --listen-peer-urls", because }),
    }
}

/// Peers may do anything: nobody else should be able to pass for one.
pub(crate) fn check_peers(reader: &mut Reader<'_>, peer: &Door, others: [&Door; 2]) {
    let authority = |door: &Door| door.tls.as_ref().and_then(|tls| tls.client_authority.clone());
    let is_open = peer.tls.as_ref().is_some_and(|tls| tls.allowed == AllowedNames::Any);
    if let Some(own) =
        authority(peer).filter(|own| is_open && others.iter().any(|door| authority(door).as_ref() == Some(own)))
    {
        reader.remark(Remark::ClientsAmongPeers { authority: own });
    }
}

/// Certificate, key, and for how many years they hold when the member makes them.
fn certificate(
    reader: &mut Reader<'_>,
    flags: &TlsFlags,
    given: &GivenTls,
    data_dir: &Path,
) -> Option<(PathBuf, PathBuf, Option<u64>)> {
    if let Some(own) = flags.own.as_ref().filter(|_| given.own) {
        if given.certificate.is_none() && given.key.is_none() {
            let folder = data_dir.join(own.folder);
            let years = reader.count("self-signed-cert-validity");
            return Some((folder.join("cert.pem"), folder.join("key.pem"), years));
        }
        let why = "a certificate or a key is given";
        reader.remark(Remark::Moot { origin: own.flag.to_owned(), why });
    }
    for (flag, path) in [(flags.certificate, &given.certificate), (flags.key, &given.key)] {
        if path.is_none() {
            reader.report(ConfigError::Missing { flag, because: because_https(flags.listen) });
        }
    }
    Some((given.certificate.clone()?, given.key.clone()?, None))
}

/// Without an authority nobody's certificate is looked at.
fn check_authority(reader: &mut Reader<'_>, flags: &TlsFlags, given: &GivenTls) {
    if given.authority.is_some() {
        return;
    }
    if given.demanded {
        reader.report(ConfigError::Missing { flag: flags.authority, because: "client certificates are demanded" });
    }
    if given.revoked.is_some() || given.allowed != AllowedNames::Any {
        let because = "certificates are to be looked at";
        reader.report(ConfigError::Missing { flag: flags.authority, because });
    }
}

/// Common names or host names; both together would leave open which one counts. etcd refuses that too.
fn allowed(reader: &mut Reader<'_>, flags: &TlsFlags) -> AllowedNames {
    let list = |flag: Option<&str>| flag.map(|flag| reader.list(bare(flag))).unwrap_or_default();
    let (common, hosts) = (list(flags.common_names), list(flags.host_names));
    match (common.is_empty(), hosts.is_empty()) {
        (true, true) => AllowedNames::Any,
        (false, true) => AllowedNames::Common(common),
        (true, false) => AllowedNames::Hosts(hosts),
        (false, false) => {
            let both = [flags.common_names, flags.host_names].map(Option::unwrap_or_default);
            reader.report(ConfigError::Conflict(format!("{} and {} exclude each other", both[0], both[1])));
            AllowedNames::Any
        }
    }
}

fn bare(flag: &str) -> &str {
    flag.trim_start_matches("--")
}

fn because_https(listen: &'static str) -> &'static str {
    match listen {
        "--listen-client-urls" => "--listen-client-urls has an https URL",
        "--listen-peer-urls" => "--listen-peer-urls has an https URL",
        _ => "--listen-admin-urls is given",
    }
}

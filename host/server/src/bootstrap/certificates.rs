//! The certificates of a dev directory: an authority of its own, and what it issues.
//!
//! Good for one machine and for trying things out. A cluster brings certificates of its own.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, Issuer, KeyPair, SanType};
use time::{Duration, OffsetDateTime};

use super::file::{OWNER_ONLY, READABLE, read, write_whole};
use crate::error::ServerError;
use crate::issuing::{self, AUTHORITY_DAYS, LEAF_DAYS, Purpose};

/// The name in the administrator's certificate.
pub(crate) const ADMINISTRATOR: &str = "spiffe://strongroom.dev/administrator";

/// A leaf with less left is issued again at the next start.
const RENEWAL_DAYS: i64 = 30;

/// A certificate file and its key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// PEM certificate.
    pub(crate) certificate: PathBuf,
    /// PEM private key, readable by its owner only.
    pub(crate) key: PathBuf,
}

/// What `DIR/certs` holds.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// The authority.
    pub(crate) authority: Pair,
    /// For the listeners of each member.
    pub(crate) members: Vec<MemberPairs>,
    /// For one client of the data.
    pub(crate) client: Pair,
    /// For one administrator.
    pub(crate) admin: Pair,
}

/// What one member shows.
#[derive(Clone, Debug)]
pub(crate) struct MemberPairs {
    /// On the client and admin listeners.
    pub(crate) server: Pair,
    /// On the peer listener, and to other members.
    pub(crate) peer: Pair,
}

/// What a leaf is for.
#[derive(Clone, Copy)]
enum Role {
    Server,
    Peer,
    Client,
    Administrator,
}

impl Certificates {
    /// Uses what is there, and makes what is missing or near its end.
    ///
    /// # Errors
    ///
    /// [`ServerError::File`] or [`ServerError::Certificate`].
    pub(crate) fn ensure(directory: &Path, members: usize, now: OffsetDateTime) -> Result<Self, ServerError> {
        fs::create_dir_all(directory).map_err(ServerError::file("make the directory", directory))?;
        let pair = |name: &str| Pair {
            certificate: directory.join(format!("{name}.crt")),
            key: directory.join(format!("{name}.key")),
        };
        let of_member = |member: usize| match member {
            1 => MemberPairs { server: pair("server"), peer: pair("peer") },
            other => MemberPairs { server: pair(&format!("server-{other}")), peer: pair(&format!("peer-{other}")) },
        };
        let all = Self {
            authority: pair("ca"),
            members: (1..=members).map(of_member).collect(),
            client: pair("client"),
            admin: pair("admin"),
        };
        let issuer = all.authority(now)?;
        for (role, pair) in all.leaves() {
            if !is_current(pair, now)? {
                issue(&issuer, role, pair, now)?;
            }
        }
        Ok(all)
    }

    fn leaves(&self) -> impl Iterator<Item = (Role, &Pair)> {
        let members = self.members.iter().flat_map(|of| [(Role::Server, &of.server), (Role::Peer, &of.peer)]);
        members.chain([(Role::Client, &self.client), (Role::Administrator, &self.admin)])
    }

    /// The authority, made anew together with everything that it issued when it is gone or near its end.
    fn authority(&self, now: OffsetDateTime) -> Result<Issuer<'static, KeyPair>, ServerError> {
        let failed = failed(&self.authority);
        if is_current(&self.authority, now)? {
            let key = KeyPair::from_pem(&read(&self.authority.key)?).map_err(&failed)?;
            return Issuer::from_ca_cert_pem(&read(&self.authority.certificate)?, key).map_err(&failed);
        }
        for (_, pair) in self.leaves() {
            remove(&pair.certificate)?;
        }
        let params = issuing::authority("Strongroom dev authority", now, AUTHORITY_DAYS);
        let key = KeyPair::generate().map_err(&failed)?;
        let certificate = params.self_signed(&key).map_err(&failed)?;
        write_pair(&self.authority, &certificate.pem(), &key)?;
        Ok(Issuer::new(params, key))
    }
}

fn leaf_params(role: Role, now: OffsetDateTime) -> Result<CertificateParams, rcgen::Error> {
    let (name, purpose, names) = match role {
        Role::Server => ("dev-server", Purpose::Server, loopback_names()?),
        Role::Peer => ("dev-peer", Purpose::Peer, loopback_names()?),
        Role::Client => ("dev-client", Purpose::Client, Vec::new()),
        Role::Administrator => ("dev-administrator", Purpose::Client, vec![SanType::URI(ADMINISTRATOR.try_into()?)]),
    };
    Ok(issuing::leaf(name, purpose, names, now, LEAF_DAYS))
}

fn loopback_names() -> Result<Vec<SanType>, rcgen::Error> {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let mut names = vec![SanType::DnsName("localhost".try_into()?)];
    names.extend(addresses.map(SanType::IpAddress));
    Ok(names)
}

fn issue(issuer: &Issuer<'_, KeyPair>, role: Role, pair: &Pair, now: OffsetDateTime) -> Result<(), ServerError> {
    let failed = failed(pair);
    let key = KeyPair::generate().map_err(&failed)?;
    let certificate = leaf_params(role, now).and_then(|params| params.signed_by(&key, issuer)).map_err(&failed)?;
    write_pair(pair, &certificate.pem(), &key)
}

/// Key first: a certificate is taken for whole, so it must never stand beside an older key.
fn write_pair(pair: &Pair, certificate: &str, key: &KeyPair) -> Result<(), ServerError> {
    remove(&pair.certificate)?;
    write_whole(&pair.key, &key.serialize_pem(), OWNER_ONLY)?;
    write_whole(&pair.certificate, certificate, READABLE)
}

/// True when both files are there and the certificate has more than [`RENEWAL_DAYS`] left.
fn is_current(pair: &Pair, now: OffsetDateTime) -> Result<bool, ServerError> {
    if !pair.certificate.exists() || !pair.key.exists() {
        return Ok(false);
    }
    let text = read(&pair.certificate)?;
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(text.as_bytes()) else { return Ok(false) };
    let Ok(certificate) = pem.parse_x509() else { return Ok(false) };
    Ok(certificate.validity().not_after.timestamp() > (now + Duration::days(RENEWAL_DAYS)).unix_timestamp())
}

fn remove(path: &Path) -> Result<(), ServerError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ServerError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

fn failed(pair: &Pair) -> impl Fn(rcgen::Error) -> ServerError {
    let path = pair.certificate.clone();
    move |source| ServerError::Certificate { path: path.clone(), source }
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;

//! `strongroom cert init-ca` and `issue`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, SanType};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::authority::Authority;
use crate::cli::client::ClientError;
use crate::cli::new_file::{OWNER_ONLY, READABLE, check_vacant, write_new};
use crate::cli::table::{Format, Table, print, timestamp};
use crate::issuing::{self, AUTHORITY_DAYS, LEAF_DAYS, Purpose};

/// A hundred years: longer is a typing error.
const DAYS_MAX: i64 = 36_525;

/// `cert init-ca`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitCa {
    /// What the authority is called
    #[arg(long, value_name = "NAME", default_value = "Strongroom authority")]
    name: String,
    /// For how many days it holds
    #[arg(long, default_value_t = AUTHORITY_DAYS, value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    days: u32,
    /// Folder for ca.crt and ca.key, neither of which may be there yet
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// `cert issue`.
#[derive(Debug, clap::Args)]
pub(crate) struct Issue {
    /// Name of the files: NAME.crt and NAME.key, neither of which may be there yet
    name: String,
    /// What it is for
    #[arg(long = "for", value_enum, value_name = "PURPOSE")]
    purpose: Purpose,
    /// Host name or address at which its holder is reached, may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// URI that names its holder, as in spiffe://example.org/admin, may be repeated
    #[arg(long = "uri", value_name = "URI")]
    uris: Vec<String>,
    /// Common name of its holder, which may be a user's [default: NAME]
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// For how many days it holds
    #[arg(long, default_value_t = LEAF_DAYS, value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    days: u32,
    #[command(flatten)]
    authority: Authority,
}

impl InitCa {
    /// Writes the authority.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: above all where there is one already.
    pub(super) fn run(self) -> Result<(), ClientError> {
        let params = issuing::authority(&self.name, OffsetDateTime::now_utc(), self.days);
        let certificate = self.dir.join("ca.crt");
        let failed = unusable(&certificate);
        let key = KeyPair::generate().map_err(&failed)?;
        let pem = params.self_signed(&key).map_err(&failed)?.pem();
        write_pair(&self.dir, "ca", &pem, &key, &params)
    }
}

impl Issue {
    /// Writes a certificate and its key.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: files that are there, or an authority that is not.
    pub(super) fn run(self) -> Result<(), ClientError> {
        let certificate = self.authority.dir.join(format!("{}.crt", self.name));
        if self.purpose != Purpose::Client && self.hosts.is_empty() {
            let reason = "name with --host where it is reached: nobody connects to a certificate without";
            return Err(ClientError::Unusable { path: certificate, reason: reason.to_owned() });
        }
        let failed = unusable(&certificate);
        let common_name = self.common_name.as_ref().unwrap_or(&self.name);
        let names = names(&self.hosts, &self.uris).map_err(&failed)?;
        let params = issuing::leaf(common_name, self.purpose, names, OffsetDateTime::now_utc(), self.days);
        let key = KeyPair::generate().map_err(&failed)?;
        let pem = params.signed_by(&key, &self.authority.issuer(params.not_after)?).map_err(&failed)?.pem();
        write_pair(&self.authority.dir, &self.name, &pem, &key, &params)
    }
}

/// Addresses are told from names by how they look, as everywhere.
fn names(hosts: &[String], uris: &[String]) -> Result<Vec<SanType>, rcgen::Error> {
    let host = |host: &String| match host.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(host.as_str().try_into()?)),
    };
    let uri = |uri: &String| Ok(SanType::URI(uri.as_str().try_into()?));
    hosts.iter().map(host).chain(uris.iter().map(uri)).collect()
}

/// The key first: a certificate would be taken for whole.
fn write_pair(
    dir: &Path,
    name: &str,
    certificate: &str,
    key: &KeyPair,
    params: &CertificateParams,
) -> Result<(), ClientError> {
    let [certificate_path, key_path] = ["crt", "key"].map(|ending| dir.join(format!("{name}.{ending}")));
    check_vacant(&certificate_path)?;
    write_new(&key_path, Zeroizing::new(key.serialize_pem()).as_bytes(), OWNER_ONLY)?;
    write_new(&certificate_path, certificate.as_bytes(), READABLE)?;
    let table = Table::single([
        ("CERTIFICATE", certificate_path.display().to_string()),
        ("KEY", key_path.display().to_string()),
        ("HOLDS UNTIL", timestamp(params.not_after.unix_timestamp())),
    ]);
    Ok(print(Format::Table, &(), &table)?)
}

pub(super) fn unusable(path: &Path) -> impl Fn(rcgen::Error) -> ClientError {
    let path = path.to_owned();
    move |error| ClientError::Unusable { path: path.clone(), reason: error.to_string() }
}

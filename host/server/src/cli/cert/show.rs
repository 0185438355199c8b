//! `strongroom cert show`.

use std::path::PathBuf;

use auth::Identity;
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::pem::Pem;
use x509_parser::prelude::{GeneralName, X509Certificate};

use crate::cli::client::{ClientError, read};
use crate::cli::table::{Format, Table, print, timestamp};

const DAY_SECONDS: i64 = 86_400;

/// `cert show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Certificates (PEM)
    file: PathBuf,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Document {
    certificates: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    subject: String,
    issuer: String,
    serial: String,
    not_before: String,
    not_after: String,
    /// Negative once it is over.
    days_left: i64,
    is_authority: bool,
    /// What it is for; empty for anything.
    purposes: Vec<&'static str>,
    hosts: Vec<String>,
    /// As `--admin-identities` names its holder.
    identities: Vec<String>,
    /// SHA-256 of the whole certificate.
    fingerprint: String,
}

impl Show {
    /// Prints every certificate of the file.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: a file without one, or with one that cannot be read.
    pub(super) fn run(self) -> Result<(), ClientError> {
        let unusable = |reason: String| ClientError::Unusable { path: self.file.clone(), reason };
        let bytes = read(&self.file)?;
        let mut document = Document { certificates: Vec::new() };
        for pem in Pem::iter_from_buffer(&bytes) {
            let pem = pem.map_err(|error| unusable(error.to_string()))?;
            if pem.label == "CERTIFICATE" {
                let parsed = pem.parse_x509().map_err(|error| unusable(error.to_string()))?;
                let identity = Identity::from_der(&pem.contents).map_err(|error| unusable(error.to_string()))?;
                document.certificates.push(row(&parsed, &identity));
            }
        }
        if document.certificates.is_empty() {
            return Err(unusable("it holds no certificate as PEM".to_owned()));
        }
        let mut table = Table::new(&["FIELD", "VALUE"]);
        for (place, row) in document.certificates.iter().enumerate() {
            if place > 0 {
                table.row(vec![String::new(), String::new()]);
            }
            for (field, value) in fields(row) {
                table.row(vec![field.to_owned(), value]);
            }
        }
        Ok(print(self.output, &document, &table)?)
    }
}

fn fields(row: &Row) -> [(&'static str, String); 9] {
    let left = match row.days_left {
        left @ 0.. => format!("{left} days left"),
        over => format!("over for {} days", -over),
    };
    [
        ("subject", row.subject.clone()),
        ("issuer", row.issuer.clone()),
        ("serial", row.serial.clone()),
        ("holds", format!("{} to {} ({left})", row.not_before, row.not_after)),
        ("authority", if row.is_authority { "yes" } else { "no" }.to_owned()),
        ("purposes", if row.purposes.is_empty() { "any".to_owned() } else { row.purposes.join(", ") }),
        ("hosts", row.hosts.join(", ")),
        ("identities", row.identities.join(", ")),
        ("fingerprint", row.fingerprint.clone()),
    ]
}

fn row(certificate: &X509Certificate<'_>, identity: &Identity) -> Row {
    let validity = certificate.validity();
    let (begins, ends) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let uris = identity.uris().iter().map(|uri| format!("URI:{uri}"));
    let dns_names = identity.dns_names().iter().map(|name| format!("DNS:{name}"));
    let common_name = identity.common_name().map(|name| format!("CN:{name}"));
    Row {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: certificate.raw_serial_as_string(),
        not_before: timestamp(begins),
        not_after: timestamp(ends),
        days_left: (ends - OffsetDateTime::now_utc().unix_timestamp()).div_euclid(DAY_SECONDS),
        is_authority: certificate.is_ca(),
        purposes: purposes(certificate),
        hosts: hosts(certificate),
        identities: uris.chain(dns_names).chain(common_name).collect(),
        fingerprint: identity.fingerprint().to_owned(),
    }
}

fn purposes(certificate: &X509Certificate<'_>) -> Vec<&'static str> {
    let Ok(Some(usage)) = certificate.extended_key_usage() else { return Vec::new() };
    let usage = usage.value;
    let known = [(usage.server_auth, "server"), (usage.client_auth, "client"), (usage.any, "any")];
    known.into_iter().filter(|(is_for, _)| *is_for).map(|(_, purpose)| purpose).collect()
}

fn hosts(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let host = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    names.value.general_names.iter().filter_map(host).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => Some(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string()),
        16 => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        _ => None,
    }
}

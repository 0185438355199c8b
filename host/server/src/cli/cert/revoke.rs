//! `strongroom cert revoke`.

use std::path::{Path, PathBuf};

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;
use x509_parser::revocation_list::CertificateRevocationList;

use super::authority::Authority;
use super::issue::unusable;
use crate::bootstrap::file::{READABLE, replace};
use crate::cli::client::{ClientError, read};
use crate::cli::table::{Format, Table, print, timestamp};

/// Long enough to be renewed by hand, short enough that a list which somebody holds back does not count for long.
const LIST_DAYS: u32 = 30;

/// `cert revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// Certificates that are not to be let in any more (PEM); without any, the list is renewed as it is
    certificates: Vec<PathBuf>,
    /// For how many days the list counts. Renew it before: members let nobody in by a list that has expired
    #[arg(long, default_value_t = LIST_DAYS, value_parser = clap::value_parser!(u32).range(1..=3652))]
    days: u32,
    #[command(flatten)]
    authority: Authority,
}

impl Revoke {
    /// Writes ca.crl anew, with what was in it and these.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: files that cannot be read or written.
    pub(super) fn run(self) -> Result<(), ClientError> {
        let (list, now) = (self.authority.dir.join("ca.crl"), OffsetDateTime::now_utc());
        let next = now + Duration::days(self.days.into());
        let issuer = self.authority.issuer(next)?;
        let mut revoked = if list.exists() { listed(&list)? } else { Vec::new() };
        for path in &self.certificates {
            let serial_number = serial(path)?;
            if !revoked.iter().any(|other| other.serial_number == serial_number) {
                revoked.push(RevokedCertParams {
                    serial_number,
                    revocation_time: now,
                    reason_code: None,
                    invalidity_date: None,
                });
            }
        }
        let count = revoked.len();
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: next,
            // Each list has a higher number than those before.
            crl_number: SerialNumber::from(now.unix_timestamp().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = params.signed_by(&issuer).and_then(|list| list.pem()).map_err(unusable(&list))?;
        replace(&list, &pem, READABLE).map_err(|source| ClientError::Unwritable { path: list.clone(), source })?;
        let table = Table::single([
            ("LIST", list.display().to_string()),
            ("REVOKED", count.to_string()),
            ("COUNTS UNTIL", timestamp(next.unix_timestamp())),
        ]);
        Ok(print(Format::Table, &(), &table)?)
    }
}

/// What a list revokes.
fn listed(path: &Path) -> Result<Vec<RevokedCertParams>, ClientError> {
    let refuse = |reason: String| ClientError::Unusable { path: path.to_owned(), reason };
    let bytes = read(path)?;
    let pem = parse_x509_pem(&bytes).map_err(|error| refuse(error.to_string()))?.1;
    let (_, list): (_, CertificateRevocationList<'_>) =
        x509_parser::parse_x509_crl(&pem.contents).map_err(|error| refuse(error.to_string()))?;
    let revoked = list.iter_revoked_certificates().map(|revoked| RevokedCertParams {
        serial_number: SerialNumber::from_slice(revoked.raw_serial()),
        revocation_time: revoked.revocation_date.to_datetime(),
        reason_code: None,
        invalidity_date: None,
    });
    Ok(revoked.collect())
}

fn serial(path: &Path) -> Result<SerialNumber, ClientError> {
    let refuse = |reason: String| ClientError::Unusable { path: path.to_owned(), reason };
    let bytes = read(path)?;
    let pem = parse_x509_pem(&bytes).map_err(|error| refuse(error.to_string()))?.1;
    let certificate = pem.parse_x509().map_err(|error| refuse(error.to_string()))?;
    Ok(SerialNumber::from_slice(certificate.raw_serial()))
}

//! The authority that issues, from its files.

use std::path::PathBuf;

use rcgen::{Issuer, KeyPair, PublicKeyData as _};
use time::OffsetDateTime;
use x509_parser::pem::parse_x509_pem;
use zeroize::Zeroizing;

use super::issue::unusable;
use crate::cli::client::{ClientError, read};
use crate::cli::table::timestamp;

/// Where its files are, and where others are put.
#[derive(Debug, clap::Args)]
pub(super) struct Authority {
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
    /// The authority's certificate [default: ca.crt in --dir]
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// The authority's key [default: ca.key in --dir]
    #[arg(long, value_name = "FILE")]
    ca_key: Option<PathBuf>,
}

impl Authority {
    /// The authority, if it can issue what holds until then.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: files that cannot be used, or not for that long.
    pub(super) fn issuer(&self, until: OffsetDateTime) -> Result<Issuer<'static, KeyPair>, ClientError> {
        let beside = |given: &Option<PathBuf>, name: &str| given.clone().unwrap_or_else(|| self.dir.join(name));
        let (certificate, key) = (beside(&self.ca_cert, "ca.crt"), beside(&self.ca_key, "ca.key"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pem = Zeroizing::new(text(&Zeroizing::new(read(&key)?)));
        let pair = KeyPair::from_pem(&pem).map_err(unusable(&key))?;
        let pem = text(&read(&certificate)?);
        let refuse = |reason: String| ClientError::Unusable { path: certificate.clone(), reason };
        let parsed = parse_x509_pem(pem.as_bytes()).map_err(|error| refuse(error.to_string()))?.1;
        let authority = parsed.parse_x509().map_err(|error| refuse(error.to_string()))?;
        if !authority.is_ca() {
            return Err(refuse("it is not an authority's; name that with --ca-cert".to_owned()));
        }
        if authority.public_key().raw != pair.subject_public_key_info() {
            return Err(refuse(format!("{} is not its key; name that with --ca-key", key.display())));
        }
        let last = authority.validity().not_after.timestamp();
        if until.unix_timestamp() > last {
            let (until, last) = (timestamp(until.unix_timestamp()), timestamp(last));
            return Err(refuse(format!("it holds until {last} only, and not until {until}: give fewer --days")));
        }
        Issuer::from_ca_cert_pem(&pem, pair).map_err(unusable(&certificate))
    }
}

//! Certificates as this program makes them: an authority, and what it issues.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};

/// An authority outlives what it issues.
pub(crate) const AUTHORITY_DAYS: u32 = 3652;

/// Short enough that a forgotten key does not work forever.
pub(crate) const LEAF_DAYS: u32 = 365;

/// Certificates hold from an hour ago: clocks of containers and hosts differ.
const BACKDATE: Duration = Duration::hours(1);

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Purpose {
    /// A listener of clients, administrators or monitoring
    Server,
    /// A member towards other members, which listen and dial
    Peer,
    /// Whoever dials: a client of the data, or an administrator
    Client,
}

/// An authority that issues to others, and to no other authority.
pub(crate) fn authority(common_name: &str, now: OffsetDateTime, days: u32) -> CertificateParams {
    let mut params = named(common_name, now, days);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// What an authority issues.
pub(crate) fn leaf(
    common_name: &str,
    purpose: Purpose,
    names: Vec<SanType>,
    now: OffsetDateTime,
    days: u32,
) -> CertificateParams {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let mut params = named(common_name, now, days);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match purpose {
        Purpose::Server => vec![ServerAuth],
        Purpose::Peer => vec![ServerAuth, ClientAuth],
        Purpose::Client => vec![ClientAuth],
    };
    params.subject_alt_names = names;
    params.use_authority_key_identifier_extension = true;
    params
}

fn named(common_name: &str, now: OffsetDateTime, days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (now - BACKDATE, now + Duration::days(days.into()));
    params
}

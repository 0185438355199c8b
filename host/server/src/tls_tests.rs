//! When a session may be resumed.

use time::OffsetDateTime;

use super::*;
use crate::bootstrap::Certificates;

fn resumes(config: &ServerConfig) -> bool {
    config.send_tls13_tickets > 0 || config.session_storage.can_cache() || config.ticketer.enabled()
}

#[test]
fn who_must_show_a_certificate_shows_it_on_every_connection() {
    let directory = tempfile::tempdir().unwrap();
    let made = Certificates::ensure(directory.path(), OffsetDateTime::now_utc()).unwrap();
    let files = |client_authority| TlsFiles {
        certificate: made.server.certificate.clone(),
        key: made.server.key.clone(),
        client_authority,
    };
    let authority = Some(made.authority.certificate.clone());
    assert!(!resumes(&for_clients(&files(authority.clone())).unwrap()));
    assert!(!resumes(&for_administrators(&files(authority)).unwrap()));
    assert!(resumes(&for_clients(&files(None)).unwrap()), "without certificates there is nothing to verify again");
}

//! Certificates of the admin listeners, and the root key of the seal.

use std::{error::Error, fs, path::Path};

use harness::Certificates;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::traffic::field::SEALED;

/// The administrator's common name.
const ADMINISTRATOR: &str = "administrator";

/// Files that all members share. Dropping it removes them.
pub(super) struct Authority {
    folder: TempDir,
}

impl Authority {
    /// New keys and certificates.
    pub(super) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = TempDir::with_prefix("strongroom-faults-")?;
        let (key, mut params) = (KeyPair::generate()?, named("faults"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(folder.path().join("authority.pem"), params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);
        let mut server = CertificateParams::new(["127.0.0.1".to_owned()])?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        write(folder.path(), "server", &server, &issuer)?;
        let mut administrator = named(ADMINISTRATOR);
        administrator.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        write(folder.path(), ADMINISTRATOR, &administrator, &issuer)?;
        let config = format!("provider:\n  key-file:\n    path: root.key\nprefixes:\n  - {SEALED}\n");
        fs::write(folder.path().join("seal.yaml"), config)?;
        make_root_key(&folder.path().join("root.key"))?;
        Ok(Self { folder })
    }

    /// What the administrator shows.
    pub(super) fn administrator(&self) -> Certificates {
        let path = |name: &str| self.folder.path().join(name);
        Certificates {
            authority: path("authority.pem"),
            certificate: path(&format!("{ADMINISTRATOR}.pem")),
            key: path(&format!("{ADMINISTRATOR}.key")),
        }
    }

    /// The flags that every member gets.
    pub(super) fn flags(&self) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        vec![
            "--listen-admin-urls=https://127.0.0.1:{admin}".to_owned(),
            format!("--admin-cert-file={}", path("server.pem")),
            format!("--admin-key-file={}", path("server.key")),
            format!("--admin-trusted-ca-file={}", path("authority.pem")),
            format!("--admin-identities=CN:{ADMINISTRATOR}"),
            format!("--seal-config={}", path("seal.yaml")),
        ]
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn write(
    folder: &Path,
    name: &str,
    params: &CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(), Box<dyn Error>> {
    let key = KeyPair::generate()?;
    fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, issuer)?.pem())?;
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    Ok(())
}

fn make_root_key(path: &Path) -> Result<(), Box<dyn Error>> {
    let made = std::process::Command::new(harness::binary()).args(["key", "generate"]).arg(path).output()?;
    if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned().into()) }
}

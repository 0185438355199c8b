//! The certificates of a run: a server's, and those of clients by their common names.

use std::{fs, path::Path, path::PathBuf};

use harness::{Certificates, EtcdTls};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// Whose certificate is shown when a case does not say.
pub(crate) const SOMEBODY: &str = "somebody";

/// Clients that have a certificate.
const CLIENTS: [&str; 4] = [SOMEBODY, "root", "alice", "bob"];

/// An authority with the files of all certificates. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When certificates cannot be made or files not be written.
    pub(crate) fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = TempDir::with_prefix("conformance-certificates-")?;
        let key = KeyPair::generate()?;
        let mut params = named("conformance");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(folder.path().join("authority.pem"), params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);
        let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "server");
        // etcd's gateway is a client of its own server and shows the server's certificate.
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        write(folder.path(), "server", &server, &issuer)?;
        for name in CLIENTS {
            let mut client = named(name);
            client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            write(folder.path(), name, &client, &issuer)?;
        }
        Ok(Self { folder })
    }

    /// The files of a client.
    pub(crate) fn client(&self, name: &str) -> Certificates {
        let path = |end: &str| -> PathBuf { self.folder.path().join(end) };
        Certificates {
            authority: path("authority.pem"),
            certificate: path(&format!("{name}.pem")),
            key: path(&format!("{name}.key")),
        }
    }

    /// What a server and its clients show.
    pub(crate) fn tls(&self) -> EtcdTls {
        EtcdTls { server: self.client("server"), client: self.client(SOMEBODY) }
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
) -> Result<(), Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, issuer)?.pem())?;
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    Ok(())
}

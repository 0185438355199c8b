//! The certificate files with which a client shows who it is.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// A trusted authority, and a certificate with its key; paths of PEM files.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// Who is trusted to certify the server.
    pub authority: PathBuf,
    /// The client's own certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificates {
    /// What a tonic channel needs for mTLS.
    ///
    /// # Panics
    /// When a file cannot be read.
    #[must_use]
    pub fn for_tonic(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .domain_name("127.0.0.1")
            .ca_certificate(Certificate::from_pem(read(&self.authority)))
            .identity(Identity::from_pem(read(&self.certificate), read(&self.key)))
    }

    /// What a bare TLS connection needs: with the certificate, or (`anonymous`) without any.
    ///
    /// # Panics
    /// When a file cannot be read or holds no certificate or key.
    #[must_use]
    pub fn for_rustls(&self, anonymous: bool) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&read(&self.authority)) {
            roots.add(certificate.expect("the authority's file is PEM")).expect("the authority's certificate is one");
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has every cipher suite of TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let mut config = if anonymous {
            builder.with_no_client_auth()
        } else {
            let chain = CertificateDer::pem_slice_iter(&read(&self.certificate)).collect::<Result<_, _>>();
            let key = PrivateKeyDer::from_pem_slice(&read(&self.key)).expect("the key's file is PEM");
            builder
                .with_client_auth_cert(chain.expect("the certificate's file is PEM"), key)
                .expect("key and certificate agree")
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

//! The certificate that clients pin, and TLS 1.3 around every connection.

use std::sync::Arc;

use folkmoot_crypto::{Secret, sha256};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::config::{Config, TlsFiles};
use crate::data::DataDirectory;

const KEY_FILE: &str = "tls.key";
const CERTIFICATE_FILE: &str = "tls.der";

/// The one application protocol that is spoken. HTTP/1.1 has one request at a time on a connection,
/// so that bounding connections bounds all else.
const ALPN: &[u8] = b"http/1.1";

/// What the listener needs, and the fingerprint that the join address carries.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the server certificate's DER.
    pub(crate) pin: [u8; 32],
}

impl Tls {
    /// Loads the operator's certificate, or the self-made one, which is created at the first start.
    pub(crate) fn load(config: &Config, data: &DataDirectory) -> Result<Self, Error> {
        let (chain, key) = match &config.tls {
            Some(files) => read_files(files)?,
            None => self_made(config, data)?,
        };
        let leaf = chain
            .first()
            .ok_or_else(|| Error::Certificate("the chain is empty".into()))?;
        let pin = sha256(leaf);
        Ok(Self {
            acceptor: acceptor(chain, key)?,
            pin,
        })
    }
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| Error::Internal(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| Error::Certificate(error.to_string()))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_files(files: &TlsFiles) -> Result<Identity, Error> {
    let wrong = |path: &std::path::Path, why: String| {
        Error::Certificate(format!("{}: {why}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&files.certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| wrong(&files.key, error.to_string()))?;
    Ok((chain, key))
}

fn self_made(config: &Config, data: &DataDirectory) -> Result<Identity, Error> {
    let fault = |error: rcgen::Error| Error::Certificate(error.to_string());
    let key = data.read_or_create(KEY_FILE, || {
        Ok(Secret::from(
            KeyPair::generate().map_err(fault)?.serialize_der(),
        ))
    })?;
    let private = PrivateKeyDer::try_from(key.expose().to_vec())
        .map_err(|why| Error::Certificate(format!("{KEY_FILE}: {why}")))?;
    let certificate = data.read_or_create(CERTIFICATE_FILE, || {
        let pair = KeyPair::try_from(&private).map_err(fault)?;
        let issued = parameters(config)
            .map_err(fault)?
            .self_signed(&pair)
            .map_err(fault)?;
        Ok(Secret::from(issued.der().to_vec()))
    })?;
    Ok((
        vec![CertificateDer::from(certificate.expose().to_vec())],
        private,
    ))
}

fn parameters(config: &Config) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec![config.domain.as_str().to_owned()];
    if config.domain.as_str() != "localhost" {
        names.push("localhost".to_owned());
    }
    let mut parameters = CertificateParams::new(names)?;
    parameters
        .subject_alt_names
        .push(SanType::IpAddress(config.listen.ip()));
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, format!("Folkmoot at {}", config.domain));
    parameters.distinguished_name = subject;
    // Its dates stay rcgen's widest: clients hold the fingerprint, which no date replaces.
    Ok(parameters)
}

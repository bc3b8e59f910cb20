//! Certification requests (PKCS#10, RFC 2986) as a provider receives them.

use folkmoot_crypto::suite_one;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq};

use crate::certificate::{
    check_ed25519, decode_canonical, device_in, ed25519_key, malformed, octets,
};
use crate::error::CertificateError;
use crate::name::DeviceName;

/// A request whose sender holds the private key: the request's own signature has been verified.
///
/// Whether the sender may have the name is for the Authentication Service to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    device: DeviceName,
    public_key: Vec<u8>,
}

impl CertificateRequest {
    /// Reads a request in DER and verifies that it is signed by the key it asks to certify.
    pub fn verify(der: &[u8]) -> Result<Self, CertificateError> {
        let request: CertReq = decode_canonical(der)?;
        check_ed25519(&request.algorithm)?;
        let public_key = ed25519_key(&request.info.public_key)?;
        suite_one()
            .verify(
                &public_key,
                &request.info.to_der().map_err(malformed)?,
                &octets(&request.signature)?,
            )
            .map_err(|_| CertificateError::Signature)?;
        Ok(Self {
            device: requested_device(&request.info)?,
            public_key,
        })
    }

    /// The device that the certificate shall name.
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// The device's Ed25519 public key, 32 bytes.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

/// The alternative names must be all that is asked for, so that nothing asked is passed over.
fn requested_device(info: &CertReqInfo) -> Result<DeviceName, CertificateError> {
    let [attribute] = info.attributes.as_slice() else {
        return Err(CertificateError::Names);
    };
    let [value] = attribute.values.as_slice() else {
        return Err(CertificateError::Names);
    };
    if attribute.oid != ExtensionReq::OID {
        return Err(CertificateError::Names);
    }
    let extensions: ExtensionReq = value.decode_as().map_err(malformed)?;
    let [extension] = extensions.0.as_slice() else {
        return Err(CertificateError::UnknownExtension);
    };
    if extension.extn_id != SubjectAltName::OID {
        return Err(CertificateError::UnknownExtension);
    }
    let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).map_err(malformed)?;
    device_in(&names.0)
}

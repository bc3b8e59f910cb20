//! Leaf credentials: an end-entity certificate for one MLS signature key, signed by the device, and the
//! device's certificate (RFC 9420 §5.3).

use std::time::Duration;

use folkmoot_crypto::suite_one;
use folkmoot_mls::{Credential, Timestamp};
use rand_core::CryptoRng;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    UnixTime, alg_id,
};
use tls_codec::VLBytes;
use webpki::{EndEntityCert, KeyUsage};

use crate::anchors::{TrustAnchors, path_error};
use crate::certificate::ParsedCertificate;
use crate::device::{DeviceCertificate, check_device};
use crate::error::{CertificateError, IssueError};
use crate::issue::{Subject, signed_by};
use crate::key::{DeviceKey, PublicKey};
use crate::name::DeviceName;
use crate::validity::Validity;

/// Certifies `signature_key` (Ed25519, 32 bytes), the signature key of one leaf, in the device's
/// name. The wanted validity is cut to the device certificate's.
pub fn issue_leaf_credential(
    device_key: &DeviceKey,
    device_certificate: &DeviceCertificate,
    signature_key: &[u8],
    validity: Validity,
    rng: &mut dyn CryptoRng,
) -> Result<Credential, IssueError> {
    device_key
        .pair()
        .belongs_to(device_certificate.public_key())?;
    let end_entity = signed_by(
        &Subject::Leaf(device_certificate.device()),
        validity.cut_to(device_certificate.validity())?,
        &PublicKey::new(signature_key)?,
        device_key.pair(),
        rng,
    )?;
    let device = device_certificate.der().to_vec();
    Ok(Credential::X509(vec![
        VLBytes::new(end_entity),
        VLBytes::new(device),
    ]))
}

/// A leaf credential whose whole chain has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCredential {
    device: DeviceName,
    signature_key: Vec<u8>,
    validity: Validity,
    /// When the whole chain is valid.
    chain_validity: Validity,
}

impl VerifiedCredential {
    /// Verifies that a device of the anchors' provider certified the credential's key.
    ///
    /// Without `at` the chain is judged at the first moment of its end entity, so that every member
    /// comes to the same verdict whatever its clock says.
    pub fn verify(
        credential: &Credential,
        anchors: &TrustAnchors,
        at: Option<Timestamp>,
    ) -> Result<Self, CertificateError> {
        let (end_entity_der, device_der) = chain(credential)?;
        let end_entity = ParsedCertificate::decode(end_entity_der)?;
        end_entity.check_end_entity()?;
        let device_certificate = ParsedCertificate::decode(device_der)?;
        let device = check_device(&device_certificate, anchors)?;
        if end_entity.device()? != device {
            return Err(CertificateError::NamesDiffer);
        }
        let at = at.unwrap_or(end_entity.validity.not_before());
        let anchor = check_path(end_entity_der, device_der, anchors, at)?;
        let chain_validity = end_entity
            .validity
            .both(device_certificate.validity)
            .and_then(|both| both.both(anchor));
        Ok(Self {
            device,
            signature_key: end_entity.public_key,
            validity: end_entity.validity,
            chain_validity: chain_validity.ok_or(CertificateError::Validity)?,
        })
    }

    /// The device whose leaf this is.
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// The Ed25519 signature key that the leaf must have, 32 bytes.
    pub fn signature_key(&self) -> &[u8] {
        &self.signature_key
    }

    /// When the end-entity certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether [`Self::verify`] would come to the same at another moment, or by no clock.
    pub(crate) fn holds(&self, at: Option<Timestamp>) -> bool {
        let at = at.unwrap_or(self.validity.not_before());
        self.chain_validity.check(at).is_ok()
    }
}

/// The device that a credential names.
///
/// Verifies nothing: for credentials that have been verified before, such as those of a group's members.
pub fn named_device(credential: &Credential) -> Result<DeviceName, CertificateError> {
    let (end_entity, _device) = chain(credential)?;
    ParsedCertificate::decode(end_entity)?.device()
}

/// The end entity and the device certificate, in DER.
fn chain(credential: &Credential) -> Result<(&[u8], &[u8]), CertificateError> {
    let Credential::X509(certificates) = credential else {
        return Err(CertificateError::Chain);
    };
    match certificates.as_slice() {
        [end_entity, device] => Ok((end_entity.as_slice(), device.as_slice())),
        _ => Err(CertificateError::Chain),
    }
}

/// Path validation (RFC 5280 §6) from an issuing CA over the device to the end entity; gives the CA's validity.
fn check_path(
    end_entity: &[u8],
    device: &[u8],
    anchors: &TrustAnchors,
    at: Timestamp,
) -> Result<Validity, CertificateError> {
    let end_entity = CertificateDer::from(end_entity);
    let end_entity = EndEntityCert::try_from(&end_entity).map_err(|e| path_error(&e))?;
    let devices = [CertificateDer::from(device)];
    let path = end_entity
        .verify_for_usage(
            &[&Ed25519],
            anchors.webpki(),
            &devices,
            UnixTime::since_unix_epoch(Duration::from_secs(at.0)),
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map_err(|e| path_error(&e))?;
    anchors.check_anchor(path.anchor(), at)
}

/// Ed25519 as all other signatures are verified, whoever computes it.
#[derive(Debug)]
struct Ed25519;

impl SignatureVerificationAlgorithm for Ed25519 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        suite_one()
            .verify(public_key, message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

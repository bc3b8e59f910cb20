//! Device certificates: what a provider says about a device's key.

use folkmoot_crypto::suite_one;
use folkmoot_mls::Timestamp;

use crate::anchors::{DEVICE_PATH_LENGTH, TrustAnchors};
use crate::certificate::ParsedCertificate;
use crate::error::CertificateError;
use crate::name::DeviceName;
use crate::session::SessionProof;
use crate::validity::Validity;

/// A device's certificate, verified: a CA of path length 0 that signs the device's leaf credentials
/// and is never a credential itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCertificate {
    der: Vec<u8>,
    device: DeviceName,
    public_key: Vec<u8>,
    validity: Validity,
}

impl DeviceCertificate {
    /// Verifies a device certificate in DER under the provider's anchors at the time `at`.
    pub fn verify(
        der: &[u8],
        anchors: &TrustAnchors,
        at: Timestamp,
    ) -> Result<Self, CertificateError> {
        let parsed = ParsedCertificate::decode(der)?;
        let device = check_device(&parsed, anchors)?;
        anchors.check_issued(&parsed, at)?;
        parsed.validity.check(at)?;
        Ok(Self {
            der: der.to_vec(),
            device,
            public_key: parsed.public_key,
            validity: parsed.validity,
        })
    }

    /// Verifies a certificate that was accepted before and kept since, whatever the time is now: it
    /// is judged at its own first moment, so that an expired one still says whose it is.
    pub fn reopen(der: &[u8], anchors: &TrustAnchors) -> Result<Self, CertificateError> {
        let not_before = ParsedCertificate::decode(der)?.validity.not_before();
        Self::verify(der, anchors, not_before)
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The device it names.
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// The device's Ed25519 public key, 32 bytes.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Verifies that this device answered a challenge.
    pub fn verify_session(
        &self,
        proof: &SessionProof<'_>,
        signature: &[u8],
    ) -> Result<(), CertificateError> {
        suite_one()
            .verify(&self.public_key, &proof.signed_content(), signature)
            .map_err(|_| CertificateError::Signature)
    }
}

/// What a device certificate must be, whoever signed it.
pub(crate) fn check_device(
    certificate: &ParsedCertificate,
    anchors: &TrustAnchors,
) -> Result<DeviceName, CertificateError> {
    certificate.check_authority(DEVICE_PATH_LENGTH)?;
    let device = certificate.device()?;
    anchors.check_domain(device.domain())?;
    Ok(device)
}

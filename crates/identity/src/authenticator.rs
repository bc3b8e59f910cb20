//! The answers of RFC 9750 §4 for the MLS engine.

use folkmoot_crypto::constant_time_eq;
use folkmoot_mls::{AuthenticationService, ClientId, Credential, CredentialRejected, Timestamp};

use crate::anchors::TrustAnchors;
use crate::credential::{VerifiedCredential, named_device};
use crate::error::CertificateError;

/// Authenticates the members of groups by the X.509 credentials of one provider.
#[derive(Clone, Debug)]
pub struct X509Authenticator {
    anchors: TrustAnchors,
}

impl X509Authenticator {
    /// Accepts the devices that these anchors certify.
    pub fn new(anchors: TrustAnchors) -> Self {
        Self { anchors }
    }

    /// The anchors it was made with.
    pub fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }

    /// Verifies the credential's chain, and that it certifies `signature_key`.
    pub fn verify(
        &self,
        credential: &Credential,
        signature_key: &[u8],
        at: Option<Timestamp>,
    ) -> Result<VerifiedCredential, CertificateError> {
        let verified = VerifiedCredential::verify(credential, &self.anchors, at)?;
        // RFC 9420 §5.3, check 9: the end entity's key is the leaf's signature key.
        if !constant_time_eq(verified.signature_key(), signature_key) {
            return Err(CertificateError::WrongKey);
        }
        Ok(verified)
    }
}

impl AuthenticationService for X509Authenticator {
    fn validate(
        &self,
        credential: &Credential,
        signature_key: &[u8],
        at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        self.verify(credential, signature_key, at)
            .map(|_verified| ())
            .map_err(|error| CredentialRejected(error.to_string()))
    }

    /// A client is a device: the same name, whichever of its keys.
    fn client(&self, credential: &Credential) -> Option<ClientId> {
        let device = named_device(credential).ok()?;
        Some(ClientId::new(device.to_string()))
    }

    /// RFC 9420 §5.3.1: a credential may take the place of another of the same device.
    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        let (old, new) = (self.client(old), self.client(new));
        old.is_some() && old == new
    }
}

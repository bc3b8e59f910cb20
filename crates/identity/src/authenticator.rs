//! The answers of RFC 9750 §4 for the MLS engine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use folkmoot_crypto::constant_time_eq;
use folkmoot_mls::{AuthenticationService, ClientId, Credential, CredentialRejected, Timestamp};

use crate::anchors::TrustAnchors;
use crate::credential::{VerifiedCredential, named_device};
use crate::error::CertificateError;

/// Chains that are remembered: the engine asks about one for the moment and again by no clock, on as
/// many cores as there are.
const REMEMBERED: usize = 64;

/// Authenticates the members of groups by the X.509 credentials of one provider.
#[derive(Clone, Debug)]
pub struct X509Authenticator {
    anchors: TrustAnchors,
    /// Chains that were verified last, the newest in front.
    remembered: Arc<Mutex<VecDeque<(Credential, VerifiedCredential)>>>,
}

impl X509Authenticator {
    /// Accepts the devices that these anchors certify.
    pub fn new(anchors: TrustAnchors) -> Self {
        Self {
            anchors,
            remembered: Arc::default(),
        }
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
        let verified = self.verify_chain(credential, at)?;
        // RFC 9420 §5.3, check 9: the end entity's key is the leaf's signature key.
        if !constant_time_eq(verified.signature_key(), signature_key) {
            return Err(CertificateError::WrongKey);
        }
        Ok(verified)
    }

    fn verify_chain(
        &self,
        credential: &Credential,
        at: Option<Timestamp>,
    ) -> Result<VerifiedCredential, CertificateError> {
        if let Some(verified) = self.recall(credential, at) {
            return Ok(verified);
        }
        let verified = VerifiedCredential::verify(credential, &self.anchors, at)?;
        self.remember(credential, &verified);
        Ok(verified)
    }

    fn recall(&self, credential: &Credential, at: Option<Timestamp>) -> Option<VerifiedCredential> {
        let remembered = self.remembered.lock();
        let remembered = remembered.unwrap_or_else(PoisonError::into_inner);
        let mut same = remembered.iter().filter(|(known, _)| known == credential);
        let (_, verified) = same.find(|(_, verified)| verified.holds(at))?;
        Some(verified.clone())
    }

    fn remember(&self, credential: &Credential, verified: &VerifiedCredential) {
        let remembered = self.remembered.lock();
        let mut remembered = remembered.unwrap_or_else(PoisonError::into_inner);
        remembered.truncate(REMEMBERED - 1);
        remembered.push_front((credential.clone(), verified.clone()));
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

//! Private keys of devices and authorities.

use std::fmt;

use folkmoot_crypto::{Secret, SignatureKeyPair, constant_time_eq, suite_one};
use rand_core::CryptoRng;
use rcgen::{PKCS_ED25519, SignatureAlgorithm};
use tls_codec::{DeserializeBytes, Serialize};

use crate::error::{CertificateError, DamagedKey, IssueError};
use crate::issue;
use crate::name::DeviceName;
use crate::session::SessionProof;

/// The long-lived private key of a device, made on the device and never leaving it.
///
/// It certifies the device's leaf keys and proves the device to its provider; it signs no MLS
/// message.
#[derive(Clone, Debug)]
pub struct DeviceKey(KeyPair);

impl DeviceKey {
    /// A fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(KeyPair::generate(rng))
    }

    /// What to store, and to store secretly, so that [`Self::from_secret`] gives this key back.
    pub fn to_secret(&self) -> Secret {
        self.0.to_secret()
    }

    /// The key that [`Self::to_secret`] wrote.
    pub fn from_secret(secret: &Secret) -> Result<Self, DamagedKey> {
        KeyPair::from_secret(secret).map(Self)
    }

    /// The Ed25519 public key, 32 bytes.
    pub fn public(&self) -> &[u8] {
        self.0.public()
    }

    /// A PKCS#10 certification request in DER (RFC 2986) for this key, naming `device` and its user.
    pub fn certificate_request(&self, device: &DeviceName) -> Result<Vec<u8>, IssueError> {
        issue::request(&self.0, device)
    }

    /// Proves to the provider that this device answers its challenge (64 bytes).
    pub fn sign_session(&self, proof: &SessionProof<'_>) -> Vec<u8> {
        self.0.sign(&proof.signed_content())
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }
}

/// An Ed25519 key pair that `rcgen` can sign with.
#[derive(Clone)]
pub(crate) struct KeyPair(SignatureKeyPair);

impl KeyPair {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let pair = suite_one().generate_signature_key_pair(rng);
        Self(pair.expect("32 random bytes are an Ed25519 seed"))
    }

    pub(crate) fn to_secret(&self) -> Secret {
        let bytes = self.0.tls_serialize_detached();
        Secret::from(bytes.expect("a key pair is shorter than 2^30 bytes"))
    }

    /// Checks that the halves belong together, or a damaged file would make signatures that leak
    /// the private half.
    pub(crate) fn from_secret(secret: &Secret) -> Result<Self, DamagedKey> {
        let pair = SignatureKeyPair::tls_deserialize_exact_bytes(secret.expose())
            .map_err(|_| DamagedKey)?;
        let crypto = suite_one();
        crypto
            .sign(&pair.private, b"")
            .and_then(|signature| crypto.verify(&pair.public, b"", &signature))
            .map_err(|_| DamagedKey)?;
        Ok(Self(pair))
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.0.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        suite_one()
            .sign(&self.0.private, message)
            .expect("the private half was checked when it was made")
    }

    /// Whether this is the key of a certificate.
    pub(crate) fn belongs_to(&self, public_key: &[u8]) -> Result<(), IssueError> {
        if constant_time_eq(self.public(), public_key) {
            Ok(())
        } else {
            Err(IssueError::WrongKey)
        }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyPair").field(&self.0.public).finish()
    }
}

impl rcgen::PublicKeyData for KeyPair {
    fn der_bytes(&self) -> &[u8] {
        self.public()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for KeyPair {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.sign(message))
    }
}

/// Somebody else's Ed25519 public key, to be certified.
pub(crate) struct PublicKey<'a>(&'a [u8]);

impl<'a> PublicKey<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, CertificateError> {
        suite_one()
            .check_signature_public_key(bytes)
            .map(|()| Self(bytes))
            .map_err(|_| CertificateError::Algorithm)
    }
}

impl rcgen::PublicKeyData for PublicKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_stored_key_comes_back_and_does_not_print_its_private_half() {
        let key = DeviceKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let stored = key.to_secret();
        assert_eq!(
            DeviceKey::from_secret(&stored).unwrap().public(),
            key.public()
        );
        let seed = format!("{:?}", &stored.expose()[1..33]);
        assert!(!format!("{key:?}").contains(seed.trim_matches(['[', ']'])));
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let stored = DeviceKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).to_secret();
        let mut other_half = stored.expose().to_vec();
        *other_half.last_mut().unwrap() ^= 1;
        assert!(DeviceKey::from_secret(&Secret::from(other_half)).is_err());
        assert!(DeviceKey::from_secret(&Secret::from(&stored.expose()[..40])).is_err());
    }

    #[test]
    fn only_an_ed25519_point_is_certified() {
        assert!(PublicKey::new(&[0; 31]).is_err());
        let key = KeyPair::generate(&mut ChaCha20Rng::seed_from_u64(1));
        assert!(PublicKey::new(key.public()).is_ok());
    }
}

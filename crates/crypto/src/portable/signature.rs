//! Ed25519 of dalek and ECDSA of `RustCrypto`.

use super::agreement::public_key;
use crate::key_format::KeyFormat;
use crate::primitives::SignatureScheme;
use crate::{CryptoError, Secret};
use core::fmt;
use core::marker::PhantomData;
use ed25519_dalek::SigningKey;
use p256::NistP256;
use p256::ecdsa::signature::{Keypair, SignatureEncoding, Signer, Verifier};
use p384::NistP384;
use p521::NistP521;

pub(super) static ED25519: Scheme<SigningKey, ed25519_dalek::Signature> =
    Scheme::new(KeyFormat::ED25519, ed25519_public_key);
pub(super) static ECDSA_P256: Scheme<p256::ecdsa::SigningKey, p256::ecdsa::DerSignature> =
    Scheme::new(KeyFormat::P256, public_key::<NistP256>);
pub(super) static ECDSA_P384: Scheme<p384::ecdsa::SigningKey, p384::ecdsa::DerSignature> =
    Scheme::new(KeyFormat::P384, public_key::<NistP384>);
pub(super) static ECDSA_P521: Scheme<p521::ecdsa::SigningKey, p521::ecdsa::DerSignature> =
    Scheme::new(KeyFormat::P521, public_key::<NistP521>);

/// A scheme of signing keys `S` and signatures `E`, as the `signature` crate's traits describe them.
pub(super) struct Scheme<S, E> {
    keys: KeyFormat,
    public_key: fn(&Secret) -> Result<Vec<u8>, CryptoError>,
    types: PhantomData<fn() -> (S, E)>,
}

impl<S, E> Scheme<S, E> {
    const fn new(keys: KeyFormat, public_key: fn(&Secret) -> Result<Vec<u8>, CryptoError>) -> Self {
        Self {
            keys,
            public_key,
            types: PhantomData,
        }
    }

    /// As `aws-lc-rs` has it, which decodes an Edwards point only with a signature at hand.
    fn not_a_point(&self) -> CryptoError {
        if self.keys.has_points() {
            CryptoError::InvalidKey
        } else {
            CryptoError::InvalidSignature
        }
    }
}

impl<S, E> fmt::Debug for Scheme<S, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(formatter)
    }
}

impl<S, E> SignatureScheme for Scheme<S, E>
where
    S: Keypair + Signer<E> + for<'a> TryFrom<&'a [u8]>,
    S::VerifyingKey: Verifier<E> + for<'a> TryFrom<&'a [u8]>,
    E: SignatureEncoding + for<'a> TryFrom<&'a [u8]>,
{
    fn keys(&self) -> &KeyFormat {
        &self.keys
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        (self.public_key)(private)
    }

    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = S::try_from(private.expose()).map_err(|_| CryptoError::InvalidKey)?;
        let signature = key.try_sign(message).map_err(|_| CryptoError::InvalidKey)?;
        Ok(signature.to_vec())
    }

    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let key = S::VerifyingKey::try_from(public).map_err(|_| self.not_a_point())?;
        let signature = E::try_from(signature).map_err(|_| CryptoError::InvalidSignature)?;
        key.verify(message, &signature)
            .map_err(|_| CryptoError::InvalidSignature)
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        S::VerifyingKey::try_from(public)
            .map(|_| ())
            .map_err(|_| CryptoError::InvalidKey)
    }
}

fn ed25519_public_key(private: &Secret) -> Result<Vec<u8>, CryptoError> {
    let key = SigningKey::try_from(private.expose()).map_err(|_| CryptoError::InvalidKey)?;
    Ok(key.verifying_key().as_bytes().to_vec())
}

//! Diffie-Hellman of `aws-lc-rs`.

use crate::hpke::{DhKem, Hybrid};
use crate::primitives::Curve;
use crate::{CryptoError, Secret};
use aws_lc_rs::agreement::{self, Algorithm, ParsedPublicKey, PrivateKey, UnparsedPublicKey};

pub(super) static X25519: DhKem<Agreement> = DhKem::x25519(Agreement(&agreement::X25519));
pub(super) static MLKEM768_X25519: Hybrid<Agreement> = Hybrid::new(Agreement(&agreement::X25519));
pub(super) static P256: DhKem<Agreement> = DhKem::p256(Agreement(&agreement::ECDH_P256));
pub(super) static P384: DhKem<Agreement> = DhKem::p384(Agreement(&agreement::ECDH_P384));
pub(super) static P521: DhKem<Agreement> = DhKem::p521(Agreement(&agreement::ECDH_P521));

#[derive(Debug)]
pub(super) struct Agreement(&'static Algorithm);

impl Curve for Agreement {
    type Private = PrivateKey;

    fn private_key(&self, private: &Secret) -> Result<PrivateKey, CryptoError> {
        PrivateKey::from_private_key(self.0, private.expose()).map_err(|_| CryptoError::InvalidKey)
    }

    fn public_key(&self, private: &PrivateKey) -> Result<Vec<u8>, CryptoError> {
        let public = private
            .compute_public_key()
            .map_err(|_| CryptoError::InvalidKey)?;
        Ok(public.as_ref().to_vec())
    }

    fn agree(&self, private: &PrivateKey, public: &[u8]) -> Result<Secret, CryptoError> {
        let public = UnparsedPublicKey::new(self.0, public);
        agreement::agree(private, public, CryptoError::InvalidKey, |shared| {
            Ok(Secret::from(shared))
        })
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        ParsedPublicKey::try_from(UnparsedPublicKey::new(self.0, public))
            .map(|_| ())
            .map_err(|_| CryptoError::InvalidKey)
    }
}

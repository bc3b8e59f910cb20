//! Ed25519 and ECDSA of `aws-lc-rs`.

use crate::key_format::KeyFormat;
use crate::primitives::SignatureScheme;
use crate::{CryptoError, Secret};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair, KeyPair,
    ParsedPublicKey, VerificationAlgorithm,
};
use zeroize::Zeroizing;

pub(super) static ED25519: Ed25519 = Ed25519;

pub(super) static ECDSA_P256: Ecdsa = Ecdsa {
    keys: KeyFormat::P256,
    signing: &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
    verification: &signature::ECDSA_P256_SHA256_ASN1,
};

pub(super) static ECDSA_P384: Ecdsa = Ecdsa {
    keys: KeyFormat::P384,
    signing: &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
    verification: &signature::ECDSA_P384_SHA384_ASN1,
};

pub(super) static ECDSA_P521: Ecdsa = Ecdsa {
    keys: KeyFormat::P521,
    signing: &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
    verification: &signature::ECDSA_P521_SHA512_ASN1,
};

#[derive(Debug)]
pub(super) struct Ed25519;

impl Ed25519 {
    fn key_pair(seed: &Secret) -> Result<Ed25519KeyPair, CryptoError> {
        Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| CryptoError::InvalidKey)
    }
}

impl SignatureScheme for Ed25519 {
    fn keys(&self) -> &KeyFormat {
        &KeyFormat::ED25519
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        Ok(Self::key_pair(private)?.public_key().as_ref().to_vec())
    }

    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature = Self::key_pair(private)?
            .try_sign(message)
            .map_err(|_| CryptoError::InvalidKey)?;
        Ok(signature.as_ref().to_vec())
    }

    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        verify(&signature::ED25519, public, message, signature)
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        parse(&signature::ED25519, public).map(|_| ())
    }
}

#[derive(Debug)]
pub(super) struct Ecdsa {
    keys: KeyFormat,
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static EcdsaVerificationAlgorithm,
}

impl Ecdsa {
    fn key_pair(&self, private: &Secret) -> Result<EcdsaKeyPair, CryptoError> {
        EcdsaKeyPair::from_private_key_der(self.signing, &ec_private_key(private)?)
            .map_err(|_| CryptoError::InvalidKey)
    }
}

impl SignatureScheme for Ecdsa {
    fn keys(&self) -> &KeyFormat {
        &self.keys
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        Ok(self.key_pair(private)?.public_key().as_ref().to_vec())
    }

    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature = self
            .key_pair(private)?
            .sign(&SystemRandom::new(), message)
            .map_err(|_| CryptoError::InvalidKey)?;
        Ok(signature.as_ref().to_vec())
    }

    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        verify(self.verification, public, message, signature)
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        parse(self.verification, public).map(|_| ())
    }
}

fn parse(
    algorithm: &'static dyn VerificationAlgorithm,
    public: &[u8],
) -> Result<ParsedPublicKey, CryptoError> {
    ParsedPublicKey::new(algorithm, public).map_err(|_| CryptoError::InvalidKey)
}

fn verify(
    algorithm: &'static dyn VerificationAlgorithm,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    parse(algorithm, public)?
        .verify_sig(message, signature)
        .map_err(|_| CryptoError::InvalidSignature)
}

/// `ECPrivateKey` (RFC 5915 §3) with the scalar alone: the one form without a public key that
/// `aws-lc-rs` takes.
fn ec_private_key(scalar: &Secret) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    /// SEQUENCE and its length; INTEGER 1; OCTET STRING and its length.
    const HEADER: usize = 7;
    let octets = u8::try_from(scalar.len()).map_err(|_| CryptoError::InvalidKey)?;
    let content = octets.checked_add(5).filter(|length| *length < 0x80);
    let content = content.ok_or(CryptoError::InvalidKey)?;
    let mut der = Zeroizing::new(Vec::with_capacity(HEADER + scalar.len()));
    der.extend_from_slice(&[0x30, content, 0x02, 1, 1, 0x04, octets]);
    der.extend_from_slice(scalar.expose());
    Ok(der)
}

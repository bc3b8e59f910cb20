//! What a provider supplies: the primitives of which suites are composed.

use crate::key_format::KeyFormat;
use crate::{CryptoError, KemKeyPair, Secret};
use core::fmt;
use core::iter::once;

/// `AEAD.Nn` of every AEAD here in bytes.
pub(crate) const NONCE_LENGTH: usize = 12;
/// Length of every AEAD's tag here in bytes.
pub(crate) const TAG_LENGTH: usize = 16;

/// A hash function, and with it HMAC and HKDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// `Nh` in bytes.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// `kdf_id` of HKDF with this hash (RFC 9180 §7.2).
    pub(crate) const fn kdf_id(self) -> u16 {
        match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AeadAlgorithm {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    /// `Nk` in bytes.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// `aead_id` (RFC 9180 §7.3).
    pub(crate) const fn id(self) -> u16 {
        match self {
            Self::Aes128Gcm => 1,
            Self::Aes256Gcm => 2,
            Self::ChaCha20Poly1305 => 3,
        }
    }
}

/// A hash with its HMAC and HKDF.
pub(crate) trait Kdf: Sync + fmt::Debug {
    fn algorithm(&self) -> Hash;
    fn hash(&self, data: &[u8]) -> Vec<u8>;
    /// HMAC of the concatenated parts; keys of any length.
    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Vec<u8>;
    /// HKDF-Expand with the concatenated parts as `info`; a `prk` of any length.
    fn expand(&self, prk: &Secret, info: &[&[u8]], length: usize) -> Result<Secret, CryptoError> {
        expand_by_mac(self, prk, info, length)
    }
}

/// RFC 5869 §2.3, from the KDF's HMAC.
pub(crate) fn expand_by_mac<K: Kdf + ?Sized>(
    kdf: &K,
    prk: &Secret,
    info: &[&[u8]],
    length: usize,
) -> Result<Secret, CryptoError> {
    let hash_length = kdf.algorithm().length();
    if length > usize::from(u8::MAX) * hash_length {
        return Err(CryptoError::InvalidLength);
    }
    let mut output = Vec::with_capacity(length.next_multiple_of(hash_length));
    let mut block = Secret::default();
    for counter in 1..=u8::MAX {
        if output.len() >= length {
            break;
        }
        let ends = (block.expose(), [counter]);
        let parts: Vec<&[u8]> = once(ends.0)
            .chain(info.iter().copied())
            .chain(once(ends.1.as_slice()))
            .collect();
        block = Secret::from(kdf.mac(prk.expose(), &parts));
        output.extend_from_slice(block.expose());
    }
    output.truncate(length);
    Ok(Secret::from(output))
}

/// An AEAD; nonces are [`NONCE_LENGTH`] bytes, tags are appended.
pub(crate) trait Aead: Sync + fmt::Debug {
    fn algorithm(&self) -> AeadAlgorithm;
    fn seal(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;
    fn open(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;
}

/// A key encapsulation mechanism (RFC 9180 §4). Where it takes a KDF, that is the suite's; ML-KEM and the
/// hybrid have their own.
pub(crate) trait Kem: Sync + fmt::Debug {
    fn id(&self) -> u16;
    fn derive_key_pair(&self, kdf: &dyn Kdf, ikm: &Secret) -> Result<KemKeyPair, CryptoError>;
    /// The length of what an encapsulation takes of randomness.
    fn seed_length(&self) -> usize;
    /// The shared secret and the encapsulated key, from a seed that is used for nothing else.
    fn encapsulate(
        &self,
        kdf: &dyn Kdf,
        public: &[u8],
        seed: &Secret,
    ) -> Result<(Secret, Vec<u8>), CryptoError>;
    fn decapsulate(
        &self,
        kdf: &dyn Kdf,
        private: &Secret,
        encapsulated: &[u8],
    ) -> Result<Secret, CryptoError>;
    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError>;
    fn check_public_key(&self, public: &[u8]) -> Result<(), CryptoError>;
}

/// Diffie-Hellman on a curve. Keys come in their [`KeyFormat`], checked for length and form.
pub(crate) trait Curve: Sync + fmt::Debug {
    /// A private key ready for use, erased on drop.
    type Private;

    /// Refuses zero and what is not below the order.
    fn private_key(&self, private: &Secret) -> Result<Self::Private, CryptoError>;
    fn public_key(&self, private: &Self::Private) -> Result<Vec<u8>, CryptoError>;
    /// The serialised shared point (RFC 9180 §4.1).
    fn agree(&self, private: &Self::Private, public: &[u8]) -> Result<Secret, CryptoError>;
    /// Refuses what is not on the curve; asked where the format [has points](KeyFormat::has_points).
    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError>;
}

/// A signature scheme. Keys come in their [`KeyFormat`], checked for length and form, and on the
/// P curves [`SignatureScheme::verify`] refuses as a key what is not on the curve.
pub(crate) trait SignatureScheme: Sync + fmt::Debug {
    fn keys(&self) -> &KeyFormat;
    /// Refuses zero and what is not below the order.
    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError>;
    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError>;
    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    /// Refuses what is not on the curve; asked where the format [has points](KeyFormat::has_points).
    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError>;
}

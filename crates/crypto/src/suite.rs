//! What a cipher suite can do.

use crate::{HpkeCiphertext, HpkeInfo, Secret};
use core::fmt;
use rand_core::CryptoRng;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A cipher suite's code point (RFC 9420 §17.1).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`, mandatory to implement.
    pub const MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519: Self = Self(1);
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CipherSuite({:#06x})", self.0)
    }
}

/// Why a cryptographic operation did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// A signature does not verify under the key and message given.
    #[error("the signature is not valid")]
    InvalidSignature,
    /// An AEAD ciphertext does not open: altered, or sealed with another key, nonce or context.
    #[error("the ciphertext does not open")]
    InvalidCiphertext,
    /// Key bytes are no key of this suite, or lead to an all-zero shared secret.
    #[error("the key is not valid for the cipher suite")]
    InvalidKey,
    /// More output was asked than the KDF gives, or a nonce of the wrong length was given.
    #[error("a length is not valid for the cipher suite")]
    InvalidLength,
}

/// A KEM key pair.
#[derive(Clone, Debug)]
pub struct KemKeyPair {
    /// Serialised private key.
    pub private: Secret,
    /// Serialised public key.
    pub public: Vec<u8>,
}

/// A signature key pair.
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SignatureKeyPair {
    /// Serialised private key; for Ed25519 the 32-byte seed.
    pub private: Secret,
    /// Serialised public key.
    pub public: Vec<u8>,
}

/// All operations of one cipher suite (RFC 9420 §5.1): KDF, MAC, AEAD, HPKE and signatures.
pub trait Crypto: Send + Sync + fmt::Debug {
    /// The suite whose operations these are.
    fn suite(&self) -> CipherSuite;
    /// `KDF.Nh`, the size of hashes and secrets in bytes.
    fn hash_length(&self) -> usize;
    /// `AEAD.Nk` in bytes.
    fn aead_key_length(&self) -> usize;
    /// `AEAD.Nn` in bytes.
    fn aead_nonce_length(&self) -> usize;

    /// The suite's hash of `data`.
    fn hash(&self, data: &[u8]) -> Vec<u8>;
    /// HMAC with the suite's hash.
    fn mac(&self, key: &[u8], data: &[u8]) -> Vec<u8>;
    /// `KDF.Extract`.
    fn extract(&self, salt: &[u8], ikm: &[u8]) -> Secret;
    /// `KDF.Expand`; fails beyond 255 times the hash length.
    fn expand(&self, prk: &Secret, info: &[u8], length: usize) -> Result<Secret, CryptoError>;

    /// Seals `plaintext`; the tag is appended.
    fn aead_seal(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;
    /// Opens what [`Self::aead_seal`] made.
    fn aead_open(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// The `info` of HPKE, hashed once for any number of recipients.
    fn hpke_info(&self, info: &[u8]) -> HpkeInfo;
    /// Single-shot `SealBase` (RFC 9180 §6.1).
    fn hpke_seal(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError>;
    /// Single-shot `OpenBase` (RFC 9180 §6.1).
    fn hpke_open(
        &self,
        private: &Secret,
        info: &HpkeInfo,
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<Secret, CryptoError>;
    /// `DeriveKeyPair` (RFC 9180 §7.1.3).
    fn derive_kem_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError>;
    /// Checks that bytes are a public key of the suite's KEM.
    fn check_kem_public_key(&self, public: &[u8]) -> Result<(), CryptoError>;

    /// A fresh signature key pair.
    fn generate_signature_key_pair(
        &self,
        rng: &mut dyn CryptoRng,
    ) -> Result<SignatureKeyPair, CryptoError>;
    /// The public key of a signature private key.
    fn signature_public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError>;
    /// Signs `message`.
    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError>;
    /// Verifies a signature.
    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    /// Checks that bytes are a public key of the suite's signature scheme.
    fn check_signature_public_key(&self, public: &[u8]) -> Result<(), CryptoError>;
}

//! What a cipher suite can do.

use crate::{HpkeCiphertext, HpkeInfo, HpkeKey, HpkePsk, HpkeSeed, Secret};
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
    /// `MLS_128_DHKEMP256_AES128GCM_SHA256_P256`.
    pub const MLS_128_DHKEMP256_AES128GCM_SHA256_P256: Self = Self(2);
    /// `MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519`.
    pub const MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519: Self = Self(3);
    /// `MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448`.
    pub const MLS_256_DHKEMX448_AES256GCM_SHA512_ED448: Self = Self(4);
    /// `MLS_256_DHKEMP521_AES256GCM_SHA512_P521`.
    pub const MLS_256_DHKEMP521_AES256GCM_SHA512_P521: Self = Self(5);
    /// `MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448`.
    pub const MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448: Self = Self(6);
    /// `MLS_256_DHKEMP384_AES256GCM_SHA384_P384`.
    pub const MLS_256_DHKEMP384_AES256GCM_SHA384_P384: Self = Self(7);

    /// The suites of RFC 9420, in the order of their code points.
    pub const ALL: [Self; 7] = [
        Self::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        Self::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
        Self::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519,
        Self::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448,
        Self::MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
        Self::MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448,
        Self::MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
    ];
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
    /// Serialised private key (RFC 9180 §7.1.2): `Nsk` bytes; with ML-KEM a seed.
    pub private: Secret,
    /// Serialised public key (RFC 9180 §7.1.1): `Npk` bytes, an uncompressed point on the P curves.
    pub public: Vec<u8>,
}

/// A signature key pair.
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SignatureKeyPair {
    /// Serialised private key: for Ed25519 and Ed448 the seed of 32 or 57 bytes (RFC 8032), for ECDSA
    /// the big-endian scalar of 32, 48 or 66 bytes.
    pub private: Secret,
    /// Serialised public key: for ECDSA an uncompressed point (RFC 9420 §5.1.2).
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
    /// `KDF.Expand`; fails only beyond 255 times the hash length.
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
    /// The randomness of one [`Self::hpke_seal_seeded`].
    fn hpke_seed(&self, rng: &mut dyn CryptoRng) -> HpkeSeed;
    /// Single-shot `SealBase` (RFC 9180 §6.1) with randomness that was drawn for it.
    fn hpke_seal_seeded(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        aad: &[u8],
        plaintext: &[u8],
        seed: HpkeSeed,
    ) -> Result<HpkeCiphertext, CryptoError>;
    /// Single-shot `SealBase` (RFC 9180 §6.1).
    fn hpke_seal(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.hpke_seal_seeded(public, info, aad, plaintext, self.hpke_seed(rng))
    }
    /// Single-shot `OpenBase` (RFC 9180 §6.1).
    fn hpke_open(
        &self,
        private: &Secret,
        info: &HpkeInfo,
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<Secret, CryptoError>;
    /// `SetupPSKS` (RFC 9180 §5.1.2) for one message: the encapsulated key, and what seals the message.
    fn hpke_setup_psk(
        &self,
        public: &[u8],
        info: &[u8],
        psk: HpkePsk<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, HpkeKey), CryptoError>;
    /// `SetupPSKR` (RFC 9180 §5.1.2) for one message: what opens it.
    fn hpke_receive_psk(
        &self,
        private: &Secret,
        kem_output: &[u8],
        info: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeKey, CryptoError>;
    /// Single-shot `SendExportBase` (RFC 9180 §6.2): the encapsulated key, and a secret of `length`
    /// bytes for whoever has the private key; at most 255 times the hash length.
    fn hpke_setup_base_export(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        exporter_context: &[u8],
        length: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, Secret), CryptoError>;
    /// Single-shot `ReceiveExportBase` (RFC 9180 §6.2).
    fn hpke_open_export(
        &self,
        private: &Secret,
        kem_output: &[u8],
        info: &HpkeInfo,
        exporter_context: &[u8],
        length: usize,
    ) -> Result<Secret, CryptoError>;
    /// `DeriveKeyPair` (RFC 9180 §7.1.3).
    fn derive_kem_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError>;
    /// The public key of a KEM private key; scalars of the P curves may lack leading zeros.
    fn kem_public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError>;
    /// Checks that bytes are a public key of the suite's KEM: of the right length, on the P curves an
    /// uncompressed point of the curve, for X25519 and X448 none with which every agreement is
    /// zero, and for ML-KEM written canonically (FIPS 203 §7.2).
    fn check_kem_public_key(&self, public: &[u8]) -> Result<(), CryptoError>;

    /// A fresh signature key pair.
    fn generate_signature_key_pair(
        &self,
        rng: &mut dyn CryptoRng,
    ) -> Result<SignatureKeyPair, CryptoError>;
    /// The public key of a signature private key; scalars may lack leading zeros.
    fn signature_public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError>;
    /// Signs `message`; ECDSA signatures are DER (RFC 9420 §5.1.2).
    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError>;
    /// Verifies a signature.
    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
    /// Checks that bytes are a public key of the suite's signature scheme: of the right length, for
    /// ECDSA an uncompressed point of the curve, for Ed25519 written canonically (RFC 8032 §5.1.3).
    /// Whether an Edwards key is on its curve shows when a signature is verified.
    fn check_signature_public_key(&self, public: &[u8]) -> Result<(), CryptoError>;
}

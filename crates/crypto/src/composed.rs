//! A cipher suite as a value: one KEM, KDF, AEAD and signature scheme.

use crate::primitives::{Aead, Kdf, Kem, NONCE_LENGTH, SignatureScheme};
use crate::{
    CipherSuite, Crypto, CryptoError, HpkeCiphertext, HpkeInfo, HpkeKey, HpkePsk, HpkeSeed,
    KemKeyPair, Secret, SignatureKeyPair, hpke,
};
use rand_core::CryptoRng;

/// A row of RFC 9420 §17.1, made of one provider's primitives.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) id: CipherSuite,
    pub(crate) kem: &'static dyn Kem,
    pub(crate) kdf: &'static dyn Kdf,
    pub(crate) aead: &'static dyn Aead,
    pub(crate) signature: &'static dyn SignatureScheme,
}

impl Crypto for Suite {
    fn suite(&self) -> CipherSuite {
        self.id
    }

    fn hash_length(&self) -> usize {
        self.kdf.algorithm().length()
    }

    fn aead_key_length(&self) -> usize {
        self.aead.algorithm().key_length()
    }

    fn aead_nonce_length(&self) -> usize {
        NONCE_LENGTH
    }

    fn hash(&self, data: &[u8]) -> Vec<u8> {
        self.kdf.hash(data)
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Vec<u8> {
        self.kdf.mac(key, &[data])
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> Secret {
        // RFC 5869 §2.2 defines Extract as HMAC(salt, ikm).
        Secret::from(self.kdf.mac(salt, &[ikm]))
    }

    fn expand(&self, prk: &Secret, info: &[u8], length: usize) -> Result<Secret, CryptoError> {
        self.kdf.expand(prk, &[info], length)
    }

    fn aead_seal(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.aead.seal(key, nonce, aad, plaintext)
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.aead.open(key, nonce, aad, ciphertext)
    }

    fn hpke_info(&self, info: &[u8]) -> HpkeInfo {
        hpke::info(self, info)
    }

    fn hpke_seed(&self, rng: &mut dyn CryptoRng) -> HpkeSeed {
        hpke::seed(self, rng)
    }

    fn hpke_seal_seeded(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        aad: &[u8],
        plaintext: &[u8],
        seed: HpkeSeed,
    ) -> Result<HpkeCiphertext, CryptoError> {
        hpke::seal(self, public, info, aad, plaintext, &seed)
    }

    fn hpke_open(
        &self,
        private: &Secret,
        info: &HpkeInfo,
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<Secret, CryptoError> {
        hpke::open(self, private, info, aad, ciphertext)
    }

    fn hpke_setup_psk(
        &self,
        public: &[u8],
        info: &[u8],
        psk: HpkePsk<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, HpkeKey), CryptoError> {
        hpke::send_psk(self, public, info, psk, rng)
    }

    fn hpke_receive_psk(
        &self,
        private: &Secret,
        kem_output: &[u8],
        info: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeKey, CryptoError> {
        hpke::receive_psk(self, private, kem_output, info, psk)
    }

    fn hpke_setup_base_export(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        exporter_context: &[u8],
        length: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, Secret), CryptoError> {
        hpke::send_export(self, public, info, exporter_context, length, rng)
    }

    fn hpke_open_export(
        &self,
        private: &Secret,
        kem_output: &[u8],
        info: &HpkeInfo,
        exporter_context: &[u8],
        length: usize,
    ) -> Result<Secret, CryptoError> {
        hpke::receive_export(self, private, kem_output, info, exporter_context, length)
    }

    fn derive_kem_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        self.kem.derive_key_pair(self.kdf, ikm)
    }

    fn kem_public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        self.kem.public_key(private)
    }

    fn check_kem_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        self.kem.check_public_key(public)
    }

    fn generate_signature_key_pair(
        &self,
        rng: &mut dyn CryptoRng,
    ) -> Result<SignatureKeyPair, CryptoError> {
        let public_key = |private: &Secret| self.signature.public_key(private);
        let (private, public) = self.signature.keys().draw(rng, public_key)?;
        Ok(SignatureKeyPair { private, public })
    }

    fn signature_public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        let private = self.signature.keys().private(private)?;
        self.signature.public_key(&private)
    }

    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let private = self.signature.keys().private(private)?;
        self.signature.sign(&private, message)
    }

    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.signature.keys().check_public(public)?;
        self.signature.verify(public, message, signature)
    }

    fn check_signature_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        self.signature.keys().check_public(public)?;
        if self.signature.keys().has_points() {
            self.signature.check_point(public)?;
        }
        Ok(())
    }
}

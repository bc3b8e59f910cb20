//! The default provider: `aws-lc-rs`.

use crate::hpke::{self, X25519_KEY_LENGTH};
use crate::{
    CipherSuite, Crypto, CryptoError, HpkeCiphertext, HpkeInfo, KemKeyPair, Secret,
    SignatureKeyPair,
};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use aws_lc_rs::{digest, hkdf, hmac};
use rand_core::CryptoRng;

/// Length of an Ed25519 seed and public key in bytes.
const ED25519_KEY_LENGTH: usize = 32;

/// The operations of `suite`, or `None` where it is not implemented.
pub fn provider(suite: CipherSuite) -> Option<&'static dyn Crypto> {
    (suite == SuiteOne.suite()).then_some(&SuiteOne as &dyn Crypto)
}

/// Suite 0x0001, which every implementation has (RFC 9420 §17.1).
pub fn suite_one() -> &'static dyn Crypto {
    &SuiteOne
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    output
}

/// HMAC-SHA-256 of `data`.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    output.copy_from_slice(hmac::sign(&key, data).as_ref());
    output
}

#[derive(Debug)]
struct SuiteOne;

impl Crypto for SuiteOne {
    fn suite(&self) -> CipherSuite {
        CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519
    }

    fn hash_length(&self) -> usize {
        32
    }

    fn aead_key_length(&self) -> usize {
        16
    }

    fn aead_nonce_length(&self) -> usize {
        12
    }

    fn hash(&self, data: &[u8]) -> Vec<u8> {
        sha256(data).to_vec()
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Vec<u8> {
        hmac_sha256(key, data).to_vec()
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> Secret {
        // RFC 5869 §2.2 defines Extract as HMAC(salt, ikm).
        Secret::from(hmac_sha256(salt, ikm).to_vec())
    }

    fn expand(&self, prk: &Secret, info: &[u8], length: usize) -> Result<Secret, CryptoError> {
        let mut output = vec![0; length];
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, prk.expose())
            .expand(&[info], Length(length))
            .and_then(|okm| okm.fill(&mut output))
            .map_err(|_| CryptoError::InvalidLength)?;
        Ok(Secret::from(output))
    }

    fn aead_seal(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (key, nonce) = aead_parts(key, nonce)?;
        let mut buffer = Vec::with_capacity(plaintext.len() + AES_128_GCM.tag_len());
        buffer.extend_from_slice(plaintext);
        key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut buffer)
            .map_err(|_| CryptoError::InvalidLength)?;
        Ok(buffer)
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (key, nonce) = aead_parts(key, nonce)?;
        let mut buffer = ciphertext.to_vec();
        let length = key
            .open_in_place(nonce, Aad::from(aad), &mut buffer)
            .map_err(|_| CryptoError::InvalidCiphertext)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn hpke_info(&self, info: &[u8]) -> HpkeInfo {
        hpke::info(self, info)
    }

    fn hpke_seal(
        &self,
        public: &[u8],
        info: &HpkeInfo,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        hpke::seal(self, public, info, aad, plaintext, rng)
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

    fn derive_kem_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        hpke::derive_key_pair(self, ikm)
    }

    fn check_kem_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        if public.len() == X25519_KEY_LENGTH {
            Ok(())
        } else {
            Err(CryptoError::InvalidKey)
        }
    }

    fn generate_signature_key_pair(
        &self,
        rng: &mut dyn CryptoRng,
    ) -> Result<SignatureKeyPair, CryptoError> {
        let private = crate::random_secret(rng, ED25519_KEY_LENGTH);
        let public = self.signature_public_key(&private)?;
        Ok(SignatureKeyPair { private, public })
    }

    fn signature_public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        Ok(ed25519_key_pair(private)?.public_key().as_ref().to_vec())
    }

    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Ok(ed25519_key_pair(private)?.sign(message).as_ref().to_vec())
    }

    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        ParsedPublicKey::new(&ED25519, public)
            .map_err(|_| CryptoError::InvalidKey)?
            .verify_sig(message, signature)
            .map_err(|_| CryptoError::InvalidSignature)
    }

    fn check_signature_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        ParsedPublicKey::new(&ED25519, public)
            .map(|_| ())
            .map_err(|_| CryptoError::InvalidKey)
    }
}

fn ed25519_key_pair(seed: &Secret) -> Result<Ed25519KeyPair, CryptoError> {
    Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| CryptoError::InvalidKey)
}

fn aead_parts(key: &Secret, nonce: &[u8]) -> Result<(LessSafeKey, Nonce), CryptoError> {
    let key =
        UnboundKey::new(&AES_128_GCM, key.expose()).map_err(|_| CryptoError::InvalidLength)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::InvalidLength)?;
    Ok((LessSafeKey::new(key), nonce))
}

/// An output length for `aws-lc-rs`'s HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_suite_has_no_provider() {
        assert!(provider(CipherSuite(0xfafa)).is_none());
        assert_eq!(
            provider(CipherSuite(1)).map(Crypto::suite),
            Some(CipherSuite(1))
        );
    }

    #[test]
    fn a_signature_is_bound_to_key_and_message() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let keys = SuiteOne.generate_signature_key_pair(&mut rng).unwrap();
        let signature = SuiteOne.sign(&keys.private, b"message").unwrap();
        assert_eq!(
            SuiteOne.verify(&keys.public, b"message", &signature),
            Ok(())
        );
        let error = Err(CryptoError::InvalidSignature);
        assert_eq!(SuiteOne.verify(&keys.public, b"massage", &signature), error);
        assert_eq!(
            SuiteOne.verify(&keys.public, b"message", &signature[..63]),
            error
        );
        assert_eq!(
            SuiteOne
                .verify(&keys.public[..31], b"message", &signature)
                .unwrap_err(),
            CryptoError::InvalidKey
        );
    }

    #[test]
    fn too_much_output_is_refused() {
        let prk = Secret::zero(32);
        assert!(SuiteOne.expand(&prk, b"", 255 * 32).is_ok());
        assert_eq!(
            SuiteOne.expand(&prk, b"", 255 * 32 + 1).unwrap_err(),
            CryptoError::InvalidLength
        );
    }
}

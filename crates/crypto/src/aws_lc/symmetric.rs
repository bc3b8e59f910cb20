//! Hashes, HMAC, HKDF and AEADs of `aws-lc-rs`.

use crate::primitives::{Aead, AeadAlgorithm, Hash, Kdf, TAG_LENGTH, expand_by_mac};
use crate::{CryptoError, Secret};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};

/// What `aws-lc-rs` takes as a `prk`; it panics where one is longer.
const MAX_PRK_LENGTH: usize = digest::MAX_OUTPUT_LEN;

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

pub(super) static SHA_256: Sha2 = Sha2 {
    algorithm: Hash::Sha256,
    digest: &digest::SHA256,
    hmac: hmac::HMAC_SHA256,
    hkdf: hkdf::HKDF_SHA256,
};

pub(super) static SHA_384: Sha2 = Sha2 {
    algorithm: Hash::Sha384,
    digest: &digest::SHA384,
    hmac: hmac::HMAC_SHA384,
    hkdf: hkdf::HKDF_SHA384,
};

pub(crate) static SHA_512: Sha2 = Sha2 {
    algorithm: Hash::Sha512,
    digest: &digest::SHA512,
    hmac: hmac::HMAC_SHA512,
    hkdf: hkdf::HKDF_SHA512,
};

#[derive(Debug)]
pub(crate) struct Sha2 {
    algorithm: Hash,
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    hkdf: hkdf::Algorithm,
}

impl Kdf for Sha2 {
    fn algorithm(&self) -> Hash {
        self.algorithm
    }

    fn hash(&self, data: &[u8]) -> Vec<u8> {
        digest::digest(self.digest, data).as_ref().to_vec()
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let key = hmac::Key::new(self.hmac, key);
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }

    fn expand(&self, prk: &Secret, info: &[&[u8]], length: usize) -> Result<Secret, CryptoError> {
        if prk.len() > MAX_PRK_LENGTH {
            return expand_by_mac(self, prk, info, length);
        }
        let mut output = vec![0; length];
        hkdf::Prk::new_less_safe(self.hkdf, prk.expose())
            .expand(info, Length(length))
            .and_then(|okm| okm.fill(&mut output))
            .map_err(|_| CryptoError::InvalidLength)?;
        Ok(Secret::from(output))
    }
}

/// An output length for `aws-lc-rs`'s HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

pub(super) static AES_128_GCM: Cipher = Cipher {
    algorithm: AeadAlgorithm::Aes128Gcm,
    cipher: &aead::AES_128_GCM,
};

pub(crate) static AES_256_GCM: Cipher = Cipher {
    algorithm: AeadAlgorithm::Aes256Gcm,
    cipher: &aead::AES_256_GCM,
};

pub(crate) static CHACHA20_POLY1305: Cipher = Cipher {
    algorithm: AeadAlgorithm::ChaCha20Poly1305,
    cipher: &aead::CHACHA20_POLY1305,
};

#[derive(Debug)]
pub(crate) struct Cipher {
    algorithm: AeadAlgorithm,
    cipher: &'static aead::Algorithm,
}

impl Cipher {
    fn parts(&self, key: &Secret, nonce: &[u8]) -> Result<(LessSafeKey, Nonce), CryptoError> {
        let key =
            UnboundKey::new(self.cipher, key.expose()).map_err(|_| CryptoError::InvalidLength)?;
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::InvalidLength)?;
        Ok((LessSafeKey::new(key), nonce))
    }
}

impl Aead for Cipher {
    fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    fn seal(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (key, nonce) = self.parts(key, nonce)?;
        let mut buffer = Vec::with_capacity(plaintext.len() + TAG_LENGTH);
        buffer.extend_from_slice(plaintext);
        key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut buffer)
            .map_err(|_| CryptoError::InvalidLength)?;
        Ok(buffer)
    }

    fn open(
        &self,
        key: &Secret,
        nonce: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (key, nonce) = self.parts(key, nonce)?;
        let mut buffer = ciphertext.to_vec();
        let length = key
            .open_in_place(nonce, Aad::from(aad), &mut buffer)
            .map_err(|_| CryptoError::InvalidCiphertext)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

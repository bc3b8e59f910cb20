//! Hashes, HMAC and AEADs of `RustCrypto`.

use crate::primitives::{Aead, AeadAlgorithm, Hash, Kdf, TAG_LENGTH};
use crate::{CryptoError, Secret};
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use core::fmt;
use core::marker::PhantomData;
use hmac::{EagerHash, Hmac, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// SHA-256 of `data`.
#[cfg(target_family = "wasm")]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// HMAC-SHA-256 of `data`.
#[cfg(target_family = "wasm")]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    Mac::update(&mut mac, data);
    mac.finalize().into_bytes().into()
}

pub(super) static SHA_256: Sha2<Sha256> = Sha2::new(Hash::Sha256);
pub(super) static SHA_384: Sha2<Sha384> = Sha2::new(Hash::Sha384);
pub(super) static SHA_512: Sha2<Sha512> = Sha2::new(Hash::Sha512);

pub(super) struct Sha2<D> {
    algorithm: Hash,
    digest: PhantomData<fn() -> D>,
}

impl<D> Sha2<D> {
    const fn new(algorithm: Hash) -> Self {
        Self {
            algorithm,
            digest: PhantomData,
        }
    }
}

impl<D> fmt::Debug for Sha2<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.algorithm.fmt(formatter)
    }
}

impl<D: Digest + EagerHash> Kdf for Sha2<D>
where
    Hmac<D>: KeyInit + Mac,
{
    fn algorithm(&self) -> Hash {
        self.algorithm
    }

    fn hash(&self, data: &[u8]) -> Vec<u8> {
        D::digest(data).to_vec()
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac =
            <Hmac<D> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        for part in parts {
            Mac::update(&mut mac, part);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

pub(super) static AES_128_GCM: Cipher<Aes128Gcm> = Cipher::new(AeadAlgorithm::Aes128Gcm);
pub(super) static AES_256_GCM: Cipher<Aes256Gcm> = Cipher::new(AeadAlgorithm::Aes256Gcm);
pub(super) static CHACHA20_POLY1305: Cipher<ChaCha20Poly1305> =
    Cipher::new(AeadAlgorithm::ChaCha20Poly1305);

pub(super) struct Cipher<A> {
    algorithm: AeadAlgorithm,
    cipher: PhantomData<fn() -> A>,
}

impl<A> Cipher<A> {
    const fn new(algorithm: AeadAlgorithm) -> Self {
        Self {
            algorithm,
            cipher: PhantomData,
        }
    }
}

impl<A> fmt::Debug for Cipher<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.algorithm.fmt(formatter)
    }
}

impl<A: AeadInOut + KeyInit> Cipher<A> {
    fn parts<'a>(key: &Secret, nonce: &'a [u8]) -> Result<(A, &'a Nonce<A>), CryptoError> {
        let key = A::new_from_slice(key.expose()).map_err(|_| CryptoError::InvalidLength)?;
        let nonce = nonce.try_into().map_err(|_| CryptoError::InvalidLength)?;
        Ok((key, nonce))
    }
}

impl<A: AeadInOut + KeyInit> Aead for Cipher<A> {
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
        let (key, nonce) = Self::parts(key, nonce)?;
        let mut buffer = Vec::with_capacity(plaintext.len() + TAG_LENGTH);
        buffer.extend_from_slice(plaintext);
        key.encrypt_in_place(nonce, aad, &mut buffer)
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
        let (key, nonce) = Self::parts(key, nonce)?;
        let mut buffer = ciphertext.to_vec();
        key.decrypt_in_place(nonce, aad, &mut buffer)
            .map_err(|_| CryptoError::InvalidCiphertext)?;
        Ok(buffer)
    }
}

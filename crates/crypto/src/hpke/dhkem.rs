//! DHKEM (RFC 9180 §4.1) over any curve.

use super::labeled::{Labeled, kem_suite_id};
use crate::key_format::{KeyFormat, MAX_CANDIDATES};
use crate::primitives::{Curve, Kdf, Kem};
use crate::{CryptoError, KemKeyPair, Secret};

/// DHKEM on a provider's curve.
#[derive(Debug)]
pub(crate) struct DhKem<C> {
    id: u16,
    keys: KeyFormat,
    curve: C,
}

/// The KEMs of RFC 9180 §7.1. In every suite of RFC 9420 §17.1 the KEM's KDF is the suite's.
impl<C> DhKem<C> {
    pub(crate) const fn p256(curve: C) -> Self {
        Self::new(0x0010, KeyFormat::P256, curve)
    }

    pub(crate) const fn p384(curve: C) -> Self {
        Self::new(0x0011, KeyFormat::P384, curve)
    }

    pub(crate) const fn p521(curve: C) -> Self {
        Self::new(0x0012, KeyFormat::P521, curve)
    }

    pub(crate) const fn x25519(curve: C) -> Self {
        Self::new(0x0020, KeyFormat::X25519, curve)
    }

    #[cfg(all(feature = "openssl", not(target_family = "wasm")))]
    pub(crate) const fn x448(curve: C) -> Self {
        Self::new(0x0021, KeyFormat::X448, curve)
    }

    const fn new(id: u16, keys: KeyFormat, curve: C) -> Self {
        Self { id, keys, curve }
    }
}

impl<C: Curve> Kem for DhKem<C> {
    fn id(&self) -> u16 {
        self.id
    }

    fn derive_key_pair(&self, kdf: &dyn Kdf, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        let (private, key) = self.derive(&self.labeled(kdf), ikm)?;
        let public = self.curve.public_key(&key)?;
        Ok(KemKeyPair { private, public })
    }

    /// RFC 9180 §7.1: a key pair may be generated from Nsk random bytes by `DeriveKeyPair`.
    fn seed_length(&self) -> usize {
        self.keys.private_length
    }

    fn encapsulate(
        &self,
        kdf: &dyn Kdf,
        public: &[u8],
        seed: &Secret,
    ) -> Result<(Secret, Vec<u8>), CryptoError> {
        let labeled = self.labeled(kdf);
        let (_, ephemeral) = self.derive(&labeled, seed)?;
        let dh = agree(&self.curve, &self.keys, &ephemeral, public)?;
        let encapsulated = self.curve.public_key(&ephemeral)?;
        let shared = extract_and_expand(&labeled, &dh, &encapsulated, public)?;
        Ok((shared, encapsulated))
    }

    fn decapsulate(
        &self,
        kdf: &dyn Kdf,
        private: &Secret,
        encapsulated: &[u8],
    ) -> Result<Secret, CryptoError> {
        let private = self.curve.private_key(&*self.keys.private(private)?)?;
        let dh = agree(&self.curve, &self.keys, &private, encapsulated)?;
        let public = self.curve.public_key(&private)?;
        extract_and_expand(&self.labeled(kdf), &dh, encapsulated, &public)
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        let private = self.curve.private_key(&*self.keys.private(private)?)?;
        self.curve.public_key(&private)
    }

    fn check_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        self.keys.check_public(public)?;
        if self.keys.has_points() {
            self.curve.check_point(public)?;
        }
        Ok(())
    }
}

impl<C: Curve> DhKem<C> {
    fn labeled<'a>(&self, kdf: &'a dyn Kdf) -> Labeled<'a, 5> {
        Labeled {
            kdf,
            suite_id: kem_suite_id(self.id),
        }
    }

    /// `DeriveKeyPair` without the public key (RFC 9180 §7.1.3).
    fn derive(
        &self,
        labeled: &Labeled<'_, 5>,
        ikm: &Secret,
    ) -> Result<(Secret, C::Private), CryptoError> {
        let length = self.keys.private_length;
        let prk = labeled.extract(b"", b"dkp_prk", ikm.expose());
        let Some(bitmask) = self.keys.bitmask() else {
            let private = labeled.expand(&prk, b"sk", [b"", b""], length)?;
            let key = self.curve.private_key(&private)?;
            return Ok((private, key));
        };
        for counter in 0..=MAX_CANDIDATES {
            let candidate = labeled.expand(&prk, b"candidate", [&[counter], b""], length)?;
            let candidate = candidate.with_first_byte_masked(bitmask);
            if let Ok(key) = self.curve.private_key(&candidate) {
                return Ok((candidate, key));
            }
        }
        Err(CryptoError::InvalidKey)
    }
}

/// A public key that is none, and an agreement of only zeros, are refused (RFC 9180 §7.1.4).
pub(super) fn agree<C: Curve>(
    curve: &C,
    keys: &KeyFormat,
    private: &C::Private,
    public: &[u8],
) -> Result<Secret, CryptoError> {
    keys.check_public(public)?;
    let shared = curve.agree(private, public)?;
    if shared.is_zero() {
        return Err(CryptoError::InvalidKey);
    }
    Ok(shared)
}

fn extract_and_expand(
    labeled: &Labeled<'_, 5>,
    dh: &Secret,
    encapsulated: &[u8],
    public: &[u8],
) -> Result<Secret, CryptoError> {
    let prk = labeled.extract(b"", b"eae_prk", dh.expose());
    let length = labeled.kdf.algorithm().length();
    labeled.expand(&prk, b"shared_secret", [encapsulated, public], length)
}

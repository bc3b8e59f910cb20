//! ML-KEM (FIPS 203) as a KEM of HPKE (draft-ietf-hpke-pq §3).

use super::labeled::derive;
use crate::primitives::{Kdf, Kem};
use crate::{CryptoError, KemKeyPair, Secret};
use core::fmt;
use core::marker::PhantomData;
use ml_kem::kem::{Ciphertext, Decapsulate, Decapsulator, EncapsulationKey, SharedKey};
use ml_kem::{B32, KeyExport, KeyInit, MlKem768, MlKem1024, TryKeyInit};
use zeroize::Zeroize;

/// `Nsk`: a private key is the seed `d || z` of a key pair.
pub(super) const SEED_LENGTH: u16 = 64;
/// Bytes of randomness in an encapsulation: `m` (FIPS 203 §6.2).
pub(super) const ENCAPSULATION_SEED_LENGTH: usize = 32;

/// ML-KEM alone, which is the same code for every provider.
pub(crate) static ML_KEM_1024: MlKem<MlKem1024> = MlKem {
    id: 0x0042,
    parameters: PhantomData,
};

/// A parameter set of FIPS 203 §8.
pub(super) trait ParameterSet: ml_kem::Kem<DecapsulationKey: KeyInit + Decapsulate> {
    /// `ML-KEM.Encaps_internal` (FIPS 203 §6.2).
    fn encaps(public: &EncapsulationKey<Self>, m: &B32) -> (Ciphertext<Self>, SharedKey<Self>);
}

impl ParameterSet for MlKem768 {
    fn encaps(public: &EncapsulationKey<Self>, m: &B32) -> (Ciphertext<Self>, SharedKey<Self>) {
        public.encapsulate_deterministic(m)
    }
}

impl ParameterSet for MlKem1024 {
    fn encaps(public: &EncapsulationKey<Self>, m: &B32) -> (Ciphertext<Self>, SharedKey<Self>) {
        public.encapsulate_deterministic(m)
    }
}

/// `ML-KEM.KeyGen_internal` (FIPS 203 §6.1): the private key ready for use, erased on drop.
pub(super) fn key_gen<P: ParameterSet>(seed: &[u8]) -> Result<P::DecapsulationKey, CryptoError> {
    P::DecapsulationKey::new_from_slice(seed).map_err(|_| CryptoError::InvalidKey)
}

/// The public key's bytes.
pub(super) fn public_bytes<P: ParameterSet>(private: &P::DecapsulationKey) -> Vec<u8> {
    private.encapsulation_key().to_bytes().to_vec()
}

/// A public key that passes the checks of its length and of its numbers, which are below q (FIPS 203 §7.2).
pub(super) fn public_key<P: ParameterSet>(
    public: &[u8],
) -> Result<P::EncapsulationKey, CryptoError> {
    P::EncapsulationKey::new_from_slice(public).map_err(|_| CryptoError::InvalidKey)
}

/// The shared secret and the ciphertext.
pub(super) fn encapsulate<P: ParameterSet>(
    public: &[u8],
    m: &[u8],
) -> Result<(Secret, Vec<u8>), CryptoError> {
    let public = public_key::<P>(public)?;
    let m = m.try_into().map_err(|_| CryptoError::InvalidLength)?;
    let (ciphertext, shared) = P::encaps(&public, m);
    Ok((taken(shared), ciphertext.to_vec()))
}

/// The shared secret. Of a ciphertext that nobody made for this key it is another one, which nobody else
/// knows (FIPS 203 §6.3); one of the wrong length is refused (§7.3).
pub(super) fn decapsulate<P: ParameterSet>(
    private: &P::DecapsulationKey,
    ciphertext: &[u8],
) -> Result<Secret, CryptoError> {
    let shared = private.decapsulate_slice(ciphertext);
    Ok(taken(shared.map_err(|_| CryptoError::InvalidKey)?))
}

/// The bytes of a secret that would not be erased otherwise.
pub(super) fn taken(mut bytes: impl AsRef<[u8]> + Zeroize) -> Secret {
    let secret = Secret::from(bytes.as_ref());
    bytes.zeroize();
    secret
}

/// ML-KEM with one parameter set.
pub(crate) struct MlKem<P> {
    id: u16,
    parameters: PhantomData<fn() -> P>,
}

impl<P> fmt::Debug for MlKem<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MlKem({:#06x})", self.id)
    }
}

impl<P: ParameterSet> Kem for MlKem<P> {
    fn id(&self) -> u16 {
        self.id
    }

    /// By SHAKE256, whatever the suite's KDF (draft-ietf-hpke-pq §3).
    fn derive_key_pair(&self, _: &dyn Kdf, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        let private = derive(self.id, ikm, b"DeriveKeyPair", SEED_LENGTH);
        let public = self.public_key(&private)?;
        Ok(KemKeyPair { private, public })
    }

    fn seed_length(&self) -> usize {
        ENCAPSULATION_SEED_LENGTH
    }

    fn encapsulate(
        &self,
        _: &dyn Kdf,
        public: &[u8],
        seed: &Secret,
    ) -> Result<(Secret, Vec<u8>), CryptoError> {
        encapsulate::<P>(public, seed.expose())
    }

    fn decapsulate(
        &self,
        _: &dyn Kdf,
        private: &Secret,
        encapsulated: &[u8],
    ) -> Result<Secret, CryptoError> {
        decapsulate::<P>(&key_gen::<P>(private.expose())?, encapsulated)
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        Ok(public_bytes::<P>(&key_gen::<P>(private.expose())?))
    }

    fn check_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        public_key::<P>(public).map(|_| ())
    }
}

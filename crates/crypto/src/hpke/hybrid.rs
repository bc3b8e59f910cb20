//! MLKEM768-X25519 as a KEM of HPKE (draft-ietf-hpke-pq §4): ML-KEM-768 and X25519, so that breaking one
//! of the two is not enough. It is X-Wing (draft-connolly-cfrg-xwing-kem,
//! draft-irtf-cfrg-concrete-hybrid-kems).

use super::dhkem::agree;
use super::labeled::{derive, shake256};
use super::mlkem::{self, ENCAPSULATION_SEED_LENGTH, taken};
use crate::key_format::KeyFormat;
use crate::primitives::{Curve, Kdf, Kem};
use crate::{CryptoError, KemKeyPair, Secret};
use ml_kem::MlKem768;
use sha3::{Digest, Sha3_256};

/// The KEM's id: 25519 + 203 (draft-ietf-hpke-pq §8.2).
const ID: u16 = 0x647a;
/// `Nsk`: a private key is the seed of both.
const SEED_LENGTH: u16 = 32;
/// The length of an encapsulation key of ML-KEM-768.
const LATTICE_PUBLIC_LENGTH: usize = 1184;
/// The length of a ciphertext of ML-KEM-768.
const LATTICE_CIPHERTEXT_LENGTH: usize = 1088;
/// Ends what is hashed to the shared secret.
const LABEL: &[u8] = br"\.//^\";

/// MLKEM768-X25519 with a provider's X25519.
#[derive(Debug)]
pub(crate) struct Hybrid<C> {
    curve: C,
}

/// The private keys that one seed expands to.
struct Expanded<C: Curve> {
    lattice: <MlKem768 as ml_kem::Kem>::DecapsulationKey,
    scalar: C::Private,
}

impl<C> Hybrid<C> {
    pub(crate) const fn new(curve: C) -> Self {
        Self { curve }
    }
}

impl<C: Curve> Hybrid<C> {
    fn expand(&self, seed: &Secret) -> Result<Expanded<C>, CryptoError> {
        if seed.len() != usize::from(SEED_LENGTH) {
            return Err(CryptoError::InvalidKey);
        }
        let lattice_length = usize::from(mlkem::SEED_LENGTH);
        let length = lattice_length + KeyFormat::X25519.private_length;
        let seeds = shake256(&[seed.expose()], length);
        let (lattice, scalar) = seeds.expose().split_at(lattice_length);
        Ok(Expanded {
            lattice: mlkem::key_gen::<MlKem768>(lattice)?,
            scalar: self.curve.private_key(&Secret::from(scalar))?,
        })
    }

    fn agree(&self, scalar: &C::Private, public: &[u8]) -> Result<Secret, CryptoError> {
        agree(&self.curve, &KeyFormat::X25519, scalar, public)
    }
}

impl<C: Curve> Kem for Hybrid<C> {
    fn id(&self) -> u16 {
        ID
    }

    /// By SHAKE256, whatever the suite's KDF (draft-ietf-hpke-pq §4).
    fn derive_key_pair(&self, _: &dyn Kdf, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        let private = derive(ID, ikm, b"DeriveKeyPair", SEED_LENGTH);
        let public = self.public_key(&private)?;
        Ok(KemKeyPair { private, public })
    }

    /// For ML-KEM, then for X25519.
    fn seed_length(&self) -> usize {
        ENCAPSULATION_SEED_LENGTH + KeyFormat::X25519.private_length
    }

    fn encapsulate(
        &self,
        _: &dyn Kdf,
        public: &[u8],
        seed: &Secret,
    ) -> Result<(Secret, Vec<u8>), CryptoError> {
        let (lattice, point) = halves(public, LATTICE_PUBLIC_LENGTH)?;
        let (m, ephemeral) = halves(seed.expose(), ENCAPSULATION_SEED_LENGTH)?;
        let ephemeral = self.curve.private_key(&Secret::from(ephemeral))?;
        let agreed = self.agree(&ephemeral, point)?;
        let (shared, mut encapsulated) = mlkem::encapsulate::<MlKem768>(lattice, m)?;
        let ephemeral = self.curve.public_key(&ephemeral)?;
        encapsulated.extend_from_slice(&ephemeral);
        Ok((combine(&shared, &agreed, &ephemeral, point), encapsulated))
    }

    fn decapsulate(
        &self,
        _: &dyn Kdf,
        private: &Secret,
        encapsulated: &[u8],
    ) -> Result<Secret, CryptoError> {
        let (ciphertext, ephemeral) = halves(encapsulated, LATTICE_CIPHERTEXT_LENGTH)?;
        let Expanded { lattice, scalar } = self.expand(private)?;
        let agreed = self.agree(&scalar, ephemeral)?;
        let shared = mlkem::decapsulate::<MlKem768>(&lattice, ciphertext)?;
        let point = self.curve.public_key(&scalar)?;
        Ok(combine(&shared, &agreed, ephemeral, &point))
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        let Expanded { lattice, scalar } = self.expand(private)?;
        let mut public = mlkem::public_bytes::<MlKem768>(&lattice);
        public.extend_from_slice(&self.curve.public_key(&scalar)?);
        Ok(public)
    }

    /// X-Wing leaves open whether a point is refused with which every agreement is zero. It is here, as
    /// RFC 9180 §7.1.4 wants it of X25519 alone, at the earliest time: a key that one member took and
    /// another could not encapsulate to would divide the group.
    fn check_public_key(&self, public: &[u8]) -> Result<(), CryptoError> {
        let (lattice, point) = halves(public, LATTICE_PUBLIC_LENGTH)?;
        mlkem::public_key::<MlKem768>(lattice)?;
        KeyFormat::X25519.check_public(point)
    }
}

/// ML-KEM's part, which comes first, and X25519's.
fn halves(bytes: &[u8], first: usize) -> Result<(&[u8], &[u8]), CryptoError> {
    bytes.split_at_checked(first).ok_or(CryptoError::InvalidKey)
}

/// The combiner. ML-KEM's ciphertext and key are not hashed: ML-KEM binds them itself
/// (draft-connolly-cfrg-xwing-kem §5.3 and its security considerations).
fn combine(shared: &Secret, agreed: &Secret, ephemeral: &[u8], point: &[u8]) -> Secret {
    let mut hash = Sha3_256::new();
    for part in [shared.expose(), agreed.expose(), ephemeral, point, LABEL] {
        hash.update(part);
    }
    taken(hash.finalize())
}

//! HPKE's base and PSK modes (RFC 9180): the key schedule, over the KEM, KDF and AEAD of a suite.

mod dhkem;
mod hybrid;
mod labeled;
mod mlkem;
#[cfg(test)]
mod vectors;

pub(crate) use dhkem::DhKem;
pub(crate) use hybrid::Hybrid;
pub(crate) use mlkem::ML_KEM_1024;

use crate::composed::Suite;
use crate::primitives::NONCE_LENGTH;
use crate::{CryptoError, Secret};
use labeled::Labeled;
use rand_core::CryptoRng;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// RFC 9180 §5: `mode_base`.
const MODE_BASE: u8 = 0;
/// RFC 9180 §5: `mode_psk`.
const MODE_PSK: u8 = 1;

/// HPKE output: the encapsulated key and the ciphertext (RFC 9420 §7.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct HpkeCiphertext {
    /// `enc`, the encapsulated key.
    pub kem_output: VLBytes,
    /// AEAD ciphertext with its tag.
    pub ciphertext: VLBytes,
}

/// A hashed HPKE `info`, so that many recipients can share the work.
#[derive(Clone, Debug)]
pub struct HpkeInfo {
    key_schedule_context: Vec<u8>,
}

/// The randomness of one encapsulation, drawn before it, so that many can be computed at once.
#[derive(Debug)]
pub struct HpkeSeed(Secret);

pub(crate) fn seed(suite: &Suite, rng: &mut dyn CryptoRng) -> HpkeSeed {
    HpkeSeed(crate::random_secret(rng, suite.kem.seed_length()))
}

/// A key that sender and receiver share before (RFC 9180 §5.1.2), with its name; neither is empty.
#[derive(Clone, Copy, Debug)]
pub struct HpkePsk<'a> {
    /// At least 32 bytes.
    pub psk: &'a Secret,
    /// Its name.
    pub id: &'a [u8],
}

/// The key and nonce of the one message that an HPKE context is used for here.
#[derive(Debug)]
pub struct HpkeKey {
    /// `Nk` bytes.
    pub key: Secret,
    /// `Nn` bytes.
    pub nonce: Secret,
}

pub(crate) fn info(suite: &Suite, info: &[u8]) -> HpkeInfo {
    info_in_mode(suite, (MODE_BASE, b""), info)
}

fn info_in_mode(suite: &Suite, (mode, psk_id): (u8, &[u8]), info: &[u8]) -> HpkeInfo {
    let labeled = labeled(suite);
    let mut key_schedule_context = vec![mode];
    for (label, ikm) in [(b"psk_id_hash".as_slice(), psk_id), (b"info_hash", info)] {
        key_schedule_context.extend_from_slice(labeled.extract(b"", label, ikm).expose());
    }
    HpkeInfo {
        key_schedule_context,
    }
}

pub(crate) fn seal(
    suite: &Suite,
    public: &[u8],
    info: &HpkeInfo,
    aad: &[u8],
    plaintext: &[u8],
    seed: &HpkeSeed,
) -> Result<HpkeCiphertext, CryptoError> {
    let (shared, encapsulated) = suite.kem.encapsulate(suite.kdf, public, &seed.0)?;
    let (key, nonce) = Schedule::new(suite, &shared, info).key_and_nonce()?;
    let ciphertext = suite.aead.seal(&key, nonce.expose(), aad, plaintext)?;
    Ok(HpkeCiphertext {
        kem_output: encapsulated.into(),
        ciphertext: ciphertext.into(),
    })
}

pub(crate) fn open(
    suite: &Suite,
    private: &Secret,
    info: &HpkeInfo,
    aad: &[u8],
    sealed: &HpkeCiphertext,
) -> Result<Secret, CryptoError> {
    let encapsulated = sealed.kem_output.as_slice();
    let shared = suite.kem.decapsulate(suite.kdf, private, encapsulated)?;
    let (key, nonce) = Schedule::new(suite, &shared, info).key_and_nonce()?;
    let ciphertext = sealed.ciphertext.as_slice();
    let opened = suite.aead.open(&key, nonce.expose(), aad, ciphertext)?;
    Ok(Secret::from(opened))
}

pub(crate) fn send_psk(
    suite: &Suite,
    public: &[u8],
    info: &[u8],
    psk: HpkePsk<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<u8>, HpkeKey), CryptoError> {
    let seed = seed(suite, rng);
    let (shared, encapsulated) = suite.kem.encapsulate(suite.kdf, public, &seed.0)?;
    Ok((encapsulated, psk_key(suite, &shared, info, psk)?))
}

pub(crate) fn receive_psk(
    suite: &Suite,
    private: &Secret,
    encapsulated: &[u8],
    info: &[u8],
    psk: HpkePsk<'_>,
) -> Result<HpkeKey, CryptoError> {
    let shared = suite.kem.decapsulate(suite.kdf, private, encapsulated)?;
    psk_key(suite, &shared, info, psk)
}

fn psk_key(
    suite: &Suite,
    shared: &Secret,
    info: &[u8],
    psk: HpkePsk<'_>,
) -> Result<HpkeKey, CryptoError> {
    /// RFC 9180 §9.5.
    const MIN_PSK: usize = 32;
    if psk.psk.len() < MIN_PSK || psk.id.is_empty() {
        return Err(CryptoError::InvalidLength);
    }
    let info = info_in_mode(suite, (MODE_PSK, psk.id), info);
    let schedule = Schedule::with_psk(suite, shared, psk.psk.expose(), &info);
    let (key, nonce) = schedule.key_and_nonce()?;
    Ok(HpkeKey { key, nonce })
}

pub(crate) fn send_export(
    suite: &Suite,
    public: &[u8],
    info: &HpkeInfo,
    exporter_context: &[u8],
    length: usize,
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<u8>, Secret), CryptoError> {
    let seed = seed(suite, rng);
    let (shared, encapsulated) = suite.kem.encapsulate(suite.kdf, public, &seed.0)?;
    let schedule = Schedule::new(suite, &shared, info);
    let exported = schedule.export(exporter_context, length)?;
    Ok((encapsulated, exported))
}

pub(crate) fn receive_export(
    suite: &Suite,
    private: &Secret,
    encapsulated: &[u8],
    info: &HpkeInfo,
    exporter_context: &[u8],
    length: usize,
) -> Result<Secret, CryptoError> {
    let shared = suite.kem.decapsulate(suite.kdf, private, encapsulated)?;
    Schedule::new(suite, &shared, info).export(exporter_context, length)
}

/// RFC 9180 §5.1: `"HPKE" || kem_id || kdf_id || aead_id`.
fn labeled(suite: &Suite) -> Labeled<'_, 10> {
    let mut suite_id = *b"HPKE______";
    suite_id[4..6].copy_from_slice(&suite.kem.id().to_be_bytes());
    suite_id[6..8].copy_from_slice(&suite.kdf.algorithm().kdf_id().to_be_bytes());
    suite_id[8..].copy_from_slice(&suite.aead.algorithm().id().to_be_bytes());
    let kdf = suite.kdf;
    Labeled { kdf, suite_id }
}

/// `KeySchedule` (RFC 9180 §5.1) up to what is expanded from its secret.
struct Schedule<'a> {
    suite: &'a Suite,
    labeled: Labeled<'a, 10>,
    secret: Secret,
    info: &'a HpkeInfo,
}

impl<'a> Schedule<'a> {
    fn new(suite: &'a Suite, shared: &Secret, info: &'a HpkeInfo) -> Self {
        Self::with_psk(suite, shared, b"", info)
    }

    fn with_psk(suite: &'a Suite, shared: &Secret, psk: &[u8], info: &'a HpkeInfo) -> Self {
        let labeled = labeled(suite);
        let secret = labeled.extract(shared.expose(), b"secret", psk);
        Self {
            suite,
            labeled,
            secret,
            info,
        }
    }

    /// One message is sealed, so the base nonce is the nonce.
    fn key_and_nonce(&self) -> Result<(Secret, Secret), CryptoError> {
        let key_length = self.suite.aead.algorithm().key_length();
        let key = self.expand(b"key", key_length)?;
        Ok((key, self.expand(b"base_nonce", NONCE_LENGTH)?))
    }

    /// RFC 9180 §5.3.
    fn export(&self, exporter_context: &[u8], length: usize) -> Result<Secret, CryptoError> {
        let secret = self.expand(b"exp", self.suite.kdf.algorithm().length())?;
        self.labeled
            .expand(&secret, b"sec", [exporter_context, b""], length)
    }

    fn expand(&self, label: &[u8], length: usize) -> Result<Secret, CryptoError> {
        let context = &self.info.key_schedule_context;
        self.labeled
            .expand(&self.secret, label, [context, b""], length)
    }
}

//! HPKE's base mode (RFC 9180) for DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM.
//!
//! Only the schedule is written here; the curve, the KDF and the AEAD come from [`Crypto`] and
//! `aws-lc-rs`.

use crate::{Crypto, CryptoError, KemKeyPair, Secret};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use rand_core::CryptoRng;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};
use zeroize::Zeroizing;

/// `Nsk`, `Npk` and `Nenc` of X25519 in bytes.
pub(crate) const X25519_KEY_LENGTH: usize = 32;

/// RFC 9180 §4.1: `"KEM" || kem_id` with `kem_id` 0x0020.
const KEM_SUITE_ID: &[u8] = b"KEM\x00\x20";
/// RFC 9180 §5.1: `"HPKE" || kem_id || kdf_id || aead_id`.
const HPKE_SUITE_ID: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x01";
/// RFC 9180 §5: `mode_base`.
const MODE_BASE: u8 = 0;

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

pub(crate) fn info(crypto: &dyn Crypto, info: &[u8]) -> HpkeInfo {
    let extract = |label, ikm| labeled_extract(crypto, HPKE_SUITE_ID, b"", label, ikm);
    let mut key_schedule_context = vec![MODE_BASE];
    key_schedule_context.extend_from_slice(extract(b"psk_id_hash", b"").expose());
    key_schedule_context.extend_from_slice(extract(b"info_hash", info).expose());
    HpkeInfo {
        key_schedule_context,
    }
}

pub(crate) fn seal(
    crypto: &dyn Crypto,
    public: &[u8],
    info: &HpkeInfo,
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<HpkeCiphertext, CryptoError> {
    let ephemeral = derive_key_pair(crypto, &crate::random_secret(rng, X25519_KEY_LENGTH))?;
    let shared = diffie_hellman(&ephemeral.private, public)?;
    let shared = kem_shared_secret(crypto, &shared, &ephemeral.public, public)?;
    let (key, nonce) = key_and_nonce(crypto, &shared, info)?;
    let ciphertext = crypto.aead_seal(&key, nonce.expose(), aad, plaintext)?;
    Ok(HpkeCiphertext {
        kem_output: ephemeral.public.into(),
        ciphertext: ciphertext.into(),
    })
}

pub(crate) fn open(
    crypto: &dyn Crypto,
    private: &Secret,
    info: &HpkeInfo,
    aad: &[u8],
    sealed: &HpkeCiphertext,
) -> Result<Secret, CryptoError> {
    let enc = sealed.kem_output.as_slice();
    let shared = diffie_hellman(private, enc)?;
    let shared = kem_shared_secret(crypto, &shared, enc, &public_key(private)?)?;
    let (key, nonce) = key_and_nonce(crypto, &shared, info)?;
    crypto
        .aead_open(&key, nonce.expose(), aad, sealed.ciphertext.as_slice())
        .map(Secret::from)
}

/// RFC 9180 §7.1.3 for X25519.
pub(crate) fn derive_key_pair(
    crypto: &dyn Crypto,
    ikm: &Secret,
) -> Result<KemKeyPair, CryptoError> {
    let prk = labeled_extract(crypto, KEM_SUITE_ID, b"", b"dkp_prk", ikm.expose());
    let private = labeled_expand(crypto, KEM_SUITE_ID, &prk, b"sk", b"", X25519_KEY_LENGTH)?;
    let public = public_key(&private)?;
    Ok(KemKeyPair { private, public })
}

fn public_key(private: &Secret) -> Result<Vec<u8>, CryptoError> {
    let key = private_key(private)?;
    let public = key
        .compute_public_key()
        .map_err(|_| CryptoError::InvalidKey)?;
    Ok(public.as_ref().to_vec())
}

fn private_key(private: &Secret) -> Result<PrivateKey, CryptoError> {
    PrivateKey::from_private_key(&X25519, private.expose()).map_err(|_| CryptoError::InvalidKey)
}

/// The raw agreement; an all-zero result is refused (RFC 9180 §7.1.4).
fn diffie_hellman(private: &Secret, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let private = private_key(private)?;
    let public = UnparsedPublicKey::new(&X25519, public);
    agree(&private, public, CryptoError::InvalidKey, |shared| {
        Ok(Zeroizing::new(shared.to_vec()))
    })
}

/// RFC 9180 §4.1 `ExtractAndExpand`.
fn kem_shared_secret(
    crypto: &dyn Crypto,
    dh: &[u8],
    enc: &[u8],
    public: &[u8],
) -> Result<Secret, CryptoError> {
    let prk = labeled_extract(crypto, KEM_SUITE_ID, b"", b"eae_prk", dh);
    let kem_context = [enc, public].concat();
    let length = crypto.hash_length();
    labeled_expand(
        crypto,
        KEM_SUITE_ID,
        &prk,
        b"shared_secret",
        &kem_context,
        length,
    )
}

/// RFC 9180 §5.1 `KeySchedule`; one message is sealed, so the base nonce is the nonce.
fn key_and_nonce(
    crypto: &dyn Crypto,
    shared: &Secret,
    info: &HpkeInfo,
) -> Result<(Secret, Secret), CryptoError> {
    let secret = labeled_extract(crypto, HPKE_SUITE_ID, shared.expose(), b"secret", b"");
    let expand = |label, length| {
        labeled_expand(
            crypto,
            HPKE_SUITE_ID,
            &secret,
            label,
            &info.key_schedule_context,
            length,
        )
    };
    Ok((
        expand(b"key", crypto.aead_key_length())?,
        expand(b"base_nonce", crypto.aead_nonce_length())?,
    ))
}

fn labeled_extract(
    crypto: &dyn Crypto,
    suite_id: &[u8],
    salt: &[u8],
    label: &[u8],
    ikm: &[u8],
) -> Secret {
    let labeled = Zeroizing::new([b"HPKE-v1", suite_id, label, ikm].concat());
    crypto.extract(salt, &labeled)
}

fn labeled_expand(
    crypto: &dyn Crypto,
    suite_id: &[u8],
    prk: &Secret,
    label: &[u8],
    info: &[u8],
    length: usize,
) -> Result<Secret, CryptoError> {
    let prefix = u16::try_from(length)
        .map_err(|_| CryptoError::InvalidLength)?
        .to_be_bytes();
    crypto.expand(
        prk,
        &[&prefix, b"HPKE-v1".as_slice(), suite_id, label, info].concat(),
        length,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite_one;

    /// RFC 9180 Appendix A.1.1: DHKEM(X25519), HKDF-SHA256, AES-128-GCM, base mode.
    const SK_R: &str = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8";
    const ENC: &str = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431";
    const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    const AAD: &str = "436f756e742d30";
    const CIPHERTEXT: &str = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9\
                              6d8770ac83d07bea87e13c512a";
    const PLAINTEXT: &[u8] = b"Beauty is truth, truth beauty";

    fn unhex(text: &str) -> Vec<u8> {
        let digits = text
            .as_bytes()
            .chunks(2)
            .map(|pair| str::from_utf8(pair).unwrap());
        digits
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    #[test]
    fn opens_the_vector_of_rfc_9180() {
        let crypto = suite_one();
        let sealed = HpkeCiphertext {
            kem_output: unhex(ENC).into(),
            ciphertext: unhex(CIPHERTEXT).into(),
        };
        let info = crypto.hpke_info(&unhex(INFO));
        let private = Secret::from(unhex(SK_R));
        let opened = crypto
            .hpke_open(&private, &info, &unhex(AAD), &sealed)
            .unwrap();
        assert_eq!(opened.expose(), PLAINTEXT);
        let other = crypto.hpke_open(&private, &info, b"other", &sealed);
        assert_eq!(other.unwrap_err(), CryptoError::InvalidCiphertext);
    }

    #[test]
    fn an_all_zero_agreement_is_refused() {
        let crypto = suite_one();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let info = crypto.hpke_info(b"");
        let sealed = crypto.hpke_seal(&[0; 32], &info, b"", b"", &mut rng);
        assert_eq!(sealed.unwrap_err(), CryptoError::InvalidKey);
    }

    #[test]
    fn a_short_ciphertext_is_an_error_not_a_panic() {
        let crypto = suite_one();
        let sealed = HpkeCiphertext {
            kem_output: unhex(ENC).into(),
            ciphertext: vec![1].into(),
        };
        let private = Secret::from(unhex(SK_R));
        let opened = crypto.hpke_open(&private, &crypto.hpke_info(b""), b"", &sealed);
        assert_eq!(opened.unwrap_err(), CryptoError::InvalidCiphertext);
    }
}

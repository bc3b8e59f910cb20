//! The suites with ML-KEM: what keys and ciphertexts they refuse, and whose code points they have.

use crate::kit::{rng, secret};
use crate::refuse::{assert_no_kem_key, assert_no_kem_output, badly_written, low_order_x25519};
use folkmoot_crypto::{
    CipherSuite, CodePointTaken, Crypto, CryptoError, HpkeCiphertext, KemKeyPair,
    PostQuantumCodePoints, PostQuantumSuites, Provider,
};

/// FIPS 203 §2.3: numbers in a key are below it.
const Q: u16 = 3329;
/// Lengths of ML-KEM-768's public keys and ciphertexts, which are followed by X25519's.
const LATTICE: [usize; 2] = [1184, 1088];

/// `Npk`, `Nenc` and `Nsk` of each suite (draft-ietf-hpke-pq §8).
const LENGTHS: [[usize; 3]; 3] = [[1216, 1120, 32], [1216, 1120, 32], [1568, 1568, 64]];

/// Runs `test` with every post-quantum suite of both providers.
fn each(mut test: impl FnMut(&'static dyn Crypto, [usize; 3])) {
    for provider in [Provider::AwsLc, Provider::Portable] {
        let suites = PostQuantumCodePoints::DEFAULT.all();
        for (suite, lengths) in suites.into_iter().zip(LENGTHS) {
            println!("{provider:?}, {suite:?}");
            test(provider.suite(suite).unwrap(), lengths);
        }
    }
}

fn keys(crypto: &dyn Crypto) -> KemKeyPair {
    crypto.derive_kem_key_pair(&secret(32)).unwrap()
}

fn sealed(crypto: &dyn Crypto, public: &[u8]) -> HpkeCiphertext {
    let info = crypto.hpke_info(b"");
    crypto
        .hpke_seal(public, &info, b"", b"plaintext", &mut rng())
        .unwrap()
}

#[test]
fn lengths() {
    each(|crypto, lengths| {
        let keys = keys(crypto);
        let sealed = sealed(crypto, &keys.public);
        let found = [
            keys.public.len(),
            sealed.kem_output.as_slice().len(),
            keys.private.len(),
        ];
        assert_eq!(found, lengths);
    });
}

/// `public` with its number at `place` replaced (FIPS 203 §4.2.1: 12 bits each, the lowest first).
fn with_number(public: &[u8], place: usize, number: u16) -> Vec<u8> {
    let mut public = public.to_vec();
    let [low, high] = number.to_le_bytes();
    let first = place / 2 * 3;
    if place.is_multiple_of(2) {
        public[first] = low;
        public[first + 1] = (public[first + 1] & 0xf0) | high;
    } else {
        public[first + 1] = (public[first + 1] & 0x0f) | (low << 4);
        public[first + 2] = (high << 4) | (low >> 4);
    }
    public
}

/// FIPS 203 §7.2: a number has one way of being written.
#[test]
fn public_keys_with_numbers_beyond_q() {
    each(|crypto, [public_length, ..]| {
        let public = keys(crypto).public;
        let numbers = if public_length == 1568 { 4 } else { 3 } * 256;
        for place in [0, 1, 255, 256, numbers - 2, numbers - 1] {
            for beyond in [Q, Q + 1, 0xfff] {
                assert_no_kem_key(crypto, &with_number(&public, place, beyond));
            }
            let within = with_number(&public, place, Q - 1);
            assert_eq!(crypto.check_kem_public_key(&within), Ok(()));
            let _ = sealed(crypto, &within);
        }
    });
}

#[test]
fn keys_and_ciphertexts_of_the_wrong_length() {
    each(|crypto, _| {
        let public = keys(crypto).public;
        for bad in badly_written(&public) {
            assert_no_kem_key(crypto, &bad);
        }
        let sealed = sealed(crypto, &public);
        for bad in badly_written(sealed.kem_output.as_slice()) {
            assert_no_kem_output(crypto, &bad);
        }
    });
}

/// Where X25519 agrees on zero it adds nothing; no hybrid is left of the hybrid.
#[test]
fn hybrids_whose_points_agree_on_zero() {
    each(|crypto, [public_length, ..]| {
        if public_length == 1568 {
            return;
        }
        let public = keys(crypto).public;
        let sealed = sealed(crypto, &public);
        let output = sealed.kem_output.as_slice();
        for point in low_order_x25519() {
            assert_no_kem_key(crypto, &[&public[..LATTICE[0]], &point].concat());
            assert_no_kem_output(crypto, &[&output[..LATTICE[1]], &point].concat());
        }
    });
}

/// FIPS 203 §6.3: whatever has a ciphertext's length gives a secret, and only the right one opens.
#[test]
fn an_altered_encapsulation_gives_another_secret() {
    each(|crypto, _| {
        let keys = keys(crypto);
        let info = crypto.hpke_info(b"");
        let (output, exported) = crypto
            .hpke_setup_base_export(&keys.public, &info, b"", 32, &mut rng())
            .unwrap();
        let mut sealed = sealed(crypto, &keys.public);
        let output_to_seal = sealed.kem_output.as_slice().to_vec();
        for place in [0, 1, output.len() / 2, output.len() - 1] {
            let mut altered = output.clone();
            altered[place] ^= 1;
            let receive = || {
                crypto
                    .hpke_open_export(&keys.private, &altered, &info, b"", 32)
                    .unwrap()
            };
            assert_ne!(receive(), exported);
            assert_eq!(receive(), receive(), "it is the same each time");
            let mut altered = output_to_seal.clone();
            altered[place] ^= 1;
            sealed.kem_output = altered.into();
            let opened = crypto.hpke_open(&keys.private, &info, b"", &sealed);
            assert_eq!(opened.unwrap_err(), CryptoError::InvalidCiphertext);
        }
        sealed.kem_output = output_to_seal.into();
        let opened = crypto.hpke_open(&keys.private, &info, b"", &sealed);
        assert_eq!(opened.unwrap().expose(), b"plaintext");
    });
}

/// The hybrid's key is of ML-KEM and of X25519: halves of two keys make neither.
#[test]
fn both_halves_of_a_hybrid_count() {
    each(|crypto, [public_length, ..]| {
        if public_length == 1568 {
            return;
        }
        let [one, other] = [(); 2].map(|()| keys(crypto));
        let mixed = [&one.public[..LATTICE[0]], &other.public[LATTICE[0]..]].concat();
        let sealed = sealed(crypto, &mixed);
        for keys in [one, other] {
            let opened = crypto.hpke_open(&keys.private, &crypto.hpke_info(b""), b"", &sealed);
            assert_eq!(opened.unwrap_err(), CryptoError::InvalidCiphertext);
        }
    });
}

#[test]
fn chosen_code_points() {
    let code_points = PostQuantumCodePoints {
        mlkem768x25519_aes128gcm_sha256_ed25519: CipherSuite(0xF002),
        mlkem768x25519_aes256gcm_sha384_ed25519: CipherSuite(0xFAFA),
        mlkem1024_aes256gcm_sha384_p384: CipherSuite(0x0100),
    };
    for provider in Provider::ALL {
        let suites = PostQuantumSuites::new(provider, code_points).unwrap();
        let has_them = provider != Provider::OpenSsl;
        for (suite, hash_length) in code_points.all().into_iter().zip([32, 48, 48]) {
            let found = suites.suite(suite);
            let found = found.map(|crypto| (crypto.suite(), crypto.hash_length()));
            assert_eq!(found, has_them.then_some((suite, hash_length)));
        }
        for other in [CipherSuite(1), CipherSuite(0xF001), CipherSuite(0xF008)] {
            assert!(suites.suite(other).is_none());
        }
    }
}

/// Reserved, of RFC 9420, without a meaning, and the same twice.
#[test]
fn code_points_that_are_taken() {
    let twice = PostQuantumCodePoints::DEFAULT.mlkem768x25519_aes256gcm_sha384_ed25519;
    let taken = [0, 1, 7, 0x0A0A, 0xEAEA].map(CipherSuite);
    for code_point in taken.into_iter().chain([twice]) {
        let code_points = PostQuantumCodePoints {
            mlkem1024_aes256gcm_sha384_p384: code_point,
            ..PostQuantumCodePoints::DEFAULT
        };
        let refused = PostQuantumSuites::new(Provider::AwsLc, code_points);
        assert_eq!(refused.unwrap_err(), CodePointTaken(code_point));
    }
}

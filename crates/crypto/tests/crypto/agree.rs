//! Providers agree with each other, and each with itself.

use crate::kit::{Given, each_of, rng, secret};
use folkmoot_crypto::{
    CipherSuite, Crypto, CryptoError, PostQuantumCodePoints, Provider, Secret, provider,
    random_secret, suite_one,
};

/// Random bytes for anything that one operation draws.
const PLENTY: usize = 256;

#[test]
fn a_provider_gives_the_suites_that_it_names() {
    for provider in Provider::ALL {
        let post_quantum = PostQuantumCodePoints::DEFAULT.all();
        for suite in CipherSuite::ALL.into_iter().chain(post_quantum) {
            let found = provider.suite(suite).map(Crypto::suite);
            let named = provider.supported().any(|supported| supported == suite);
            assert_eq!(found, named.then_some(suite), "{provider:?}");
        }
        assert!(provider.suite(CipherSuite(0xfafa)).is_none());
    }
}

#[test]
fn the_default_providers() {
    assert_eq!(suite_one().suite(), CipherSuite(1));
    assert!(provider(CipherSuite(0)).is_none());
    assert!(provider(CipherSuite(0xfafa)).is_none());
    for suite in PostQuantumCodePoints::DEFAULT.all() {
        assert_eq!(provider(suite).map(Crypto::suite), Some(suite));
    }
    for suite in CipherSuite::ALL {
        let somebody_has_it = Provider::ALL
            .into_iter()
            .any(|provider| provider.suite(suite).is_some());
        let found = provider(suite).map(Crypto::suite);
        assert_eq!(found, somebody_has_it.then_some(suite));
    }
}

/// Runs `test` with every suite of two providers, in both orders.
fn each_pair(mut test: impl FnMut(&'static dyn Crypto, &'static dyn Crypto)) {
    for suite in Provider::AwsLc.supported() {
        println!("{suite:?}");
        let [one, other] =
            [Provider::AwsLc, Provider::Portable].map(|provider| provider.suite(suite).unwrap());
        test(one, other);
        test(other, one);
    }
}

#[test]
fn what_one_derives_the_other_derives() {
    each_pair(|one, other| {
        assert_eq!(one.hash_length(), other.hash_length());
        assert_eq!(one.aead_key_length(), other.aead_key_length());
        assert_eq!(one.aead_nonce_length(), other.aead_nonce_length());
        let data = secret(1000);
        let data = data.expose();
        assert_eq!(one.hash(data), other.hash(data));
        for length in [0, 1, 32, 64, 65, 128, 129, 1000] {
            let key = &data[..length];
            assert_eq!(one.mac(key, data), other.mac(key, data));
            assert_eq!(one.extract(key, data), other.extract(key, data));
            let prk = Secret::from(key);
            let expand = |crypto: &dyn Crypto| crypto.expand(&prk, data, 200).unwrap();
            assert_eq!(expand(one), expand(other));
        }
        for _ in 0..20 {
            let ikm = secret(one.hash_length());
            let [keys, same] = [one, other].map(|crypto| crypto.derive_kem_key_pair(&ikm).unwrap());
            assert_eq!(keys.private, same.private);
            assert_eq!(keys.public, same.public);
            assert_eq!(other.kem_public_key(&keys.private).unwrap(), keys.public);
        }
        let random = secret(PLENTY);
        let [keys, same] = [one, other].map(|crypto| {
            let mut random = Given(random.expose().to_vec());
            crypto.generate_signature_key_pair(&mut random).unwrap()
        });
        assert_eq!(keys.private, same.private);
        assert_eq!(keys.public, same.public);
    });
}

#[test]
fn what_one_seals_the_other_opens() {
    each_pair(|one, other| {
        let key = secret(one.aead_key_length());
        let nonce = secret(one.aead_nonce_length());
        let nonce = nonce.expose();
        let sealed = one.aead_seal(&key, nonce, b"aad", b"plaintext").unwrap();
        assert_eq!(
            other.aead_seal(&key, nonce, b"aad", b"plaintext").unwrap(),
            sealed
        );
        assert_eq!(
            other.aead_open(&key, nonce, b"aad", &sealed).unwrap(),
            b"plaintext"
        );
        let keys = other.derive_kem_key_pair(&secret(32)).unwrap();
        let random = secret(PLENTY);
        let seal = |crypto: &dyn Crypto| {
            let mut random = Given(random.expose().to_vec());
            let info = crypto.hpke_info(b"info");
            crypto.hpke_seal(&keys.public, &info, b"aad", b"plaintext", &mut random)
        };
        let sealed = seal(one).unwrap();
        assert_eq!(sealed, seal(other).unwrap());
        let info = other.hpke_info(b"info");
        let opened = other
            .hpke_open(&keys.private, &info, b"aad", &sealed)
            .unwrap();
        assert_eq!(opened.expose(), b"plaintext");
    });
}

#[test]
fn what_one_signs_the_other_verifies() {
    each_pair(|one, other| {
        let keys = one.generate_signature_key_pair(&mut rng()).unwrap();
        assert_eq!(
            other.signature_public_key(&keys.private).unwrap(),
            keys.public
        );
        assert_eq!(other.check_signature_public_key(&keys.public), Ok(()));
        for length in [0, 1, 100, 1000] {
            let message = secret(length);
            let signature = one.sign(&keys.private, message.expose()).unwrap();
            let verify = |message: &[u8]| other.verify(&keys.public, message, &signature);
            assert_eq!(verify(message.expose()), Ok(()));
            assert_eq!(verify(b"other"), Err(CryptoError::InvalidSignature));
        }
    });
}

/// One bit of each byte of keys and signatures flipped: all providers accept the same.
#[test]
fn what_one_refuses_the_other_refuses() {
    each_pair(|one, other| {
        let keys = one.generate_signature_key_pair(&mut rng()).unwrap();
        let signature = one.sign(&keys.private, b"message").unwrap();
        let both = [one, other];
        for altered in flipped(&signature) {
            let [a, b] = both.map(|crypto| crypto.verify(&keys.public, b"message", &altered));
            assert_eq!(a, Err(CryptoError::InvalidSignature), "{altered:02x?}");
            assert_eq!(a, b, "{altered:02x?}");
        }
        for altered in flipped(&keys.public) {
            let [a, b] = both.map(|crypto| crypto.check_signature_public_key(&altered));
            assert_eq!(a, b, "{altered:02x?}");
            let [a, b] = both.map(|crypto| crypto.verify(&altered, b"message", &signature));
            assert!(a.is_err(), "{altered:02x?}");
            assert_eq!(a, b, "{altered:02x?}");
        }
        let public = one.derive_kem_key_pair(&secret(32)).unwrap().public;
        for altered in flipped(&public) {
            let [a, b] = both.map(|crypto| crypto.check_kem_public_key(&altered));
            assert_eq!(a, b, "{altered:02x?}");
            let random = secret(PLENTY);
            let [a, b] = both.map(|crypto| {
                let mut random = Given(random.expose().to_vec());
                let info = crypto.hpke_info(b"");
                crypto.hpke_seal(&altered, &info, b"", b"", &mut random)
            });
            assert_eq!(a, b, "{altered:02x?}");
        }
    });
}

fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|place| {
        let mut altered = bytes.to_vec();
        altered[place] ^= 1 << (place % 8);
        altered
    })
}

#[test]
fn the_portable_provider_repeats_itself() {
    for suite in Provider::Portable.supported() {
        let crypto = Provider::Portable.suite(suite).unwrap();
        let random = random_secret(&mut rng(), PLENTY);
        let run = || {
            let mut random = Given(random.expose().to_vec());
            let keys = crypto.generate_signature_key_pair(&mut random).unwrap();
            let kem = crypto.derive_kem_key_pair(&keys.private).unwrap();
            let info = crypto.hpke_info(b"info");
            let sealed = crypto.hpke_seal(&kem.public, &info, b"", b"plaintext", &mut random);
            let signature = crypto.sign(&keys.private, b"message").unwrap();
            (keys.public, sealed.unwrap(), signature)
        };
        assert_eq!(run(), run(), "{suite:?}");
    }
}

/// The keys of small order make signatures that verify for many messages. All libraries must agree which.
#[test]
fn ed25519_keys_of_small_order() {
    let identity = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    let order_two = {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xec, 0x7f);
        bytes
    };
    for public in [identity, order_two] {
        for r in [identity, order_two] {
            // S = 0 makes R the negated multiple of the key that the message gives.
            let signature = [r, [0; 32]].concat();
            for message in 0..8_u8 {
                let mut verdicts = Vec::new();
                each_of(CipherSuite(1), |crypto| {
                    verdicts.push(crypto.verify(&public, &[message], &signature));
                });
                assert!(verdicts.windows(2).all(|pair| pair[0] == pair[1]));
            }
        }
    }
}

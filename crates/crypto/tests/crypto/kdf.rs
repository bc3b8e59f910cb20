//! Hashes, HMAC, HKDF and AEADs.

use crate::kit::{each, secret, unhex};
use folkmoot_crypto::{CipherSuite, Crypto, CryptoError, Secret, provider};

#[test]
fn hashes_of_fips_180() {
    let abc = |suite: CipherSuite| provider(suite).unwrap().hash(b"abc");
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sha384 = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                  8086072ba1e7cc2358baeca134c825a7";
    let sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                  2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    each(|crypto| {
        let expected = match crypto.hash_length() {
            32 => sha256,
            48 => sha384,
            _ => sha512,
        };
        assert_eq!(crypto.hash(b"abc"), unhex(expected));
    });
    assert_eq!(
        abc(CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384),
        unhex(sha384)
    );
}

/// RFC 5869 A.1 and RFC 4231 §4.7, a key beyond the block size.
#[test]
fn hkdf_and_hmac_of_their_rfcs() {
    each(|crypto| {
        if crypto.hash_length() != 32 {
            return;
        }
        let prk = crypto.extract(&unhex("000102030405060708090a0b0c"), &[0x0b; 22]);
        let okm = crypto.expand(&prk, &unhex("f0f1f2f3f4f5f6f7f8f9"), 42);
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                        34007208d5b887185865";
        assert_eq!(okm.unwrap().expose(), unhex(expected));
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(crypto.mac(&[0xaa; 131], message), unhex(expected));
    });
}

/// HMAC hashes a key that is longer than a block, so that the hash is as good a key.
#[test]
fn expand_takes_a_secret_of_any_length() {
    each(|crypto| {
        let block = if crypto.hash_length() == 32 { 64 } else { 128 };
        let long = secret(block + 1);
        let hashed = Secret::from(crypto.hash(long.expose()));
        for length in [0, 1, crypto.hash_length(), 3 * crypto.hash_length() + 1] {
            let expand = |prk| crypto.expand(prk, b"info", length).unwrap();
            assert_eq!(expand(&long), expand(&hashed));
            assert_eq!(expand(&long).len(), length);
        }
        // One byte above and below what a library may take for a limit: zeros extend a key.
        let [mut short, mut padded] = [vec![7; 64], vec![7; 64]];
        padded.push(0);
        assert_eq!(
            block == 128,
            expands_alike(crypto, &Secret::from(short.clone()), &Secret::from(padded))
        );
        short.truncate(1);
        let padded = [short.as_slice(), &[0; 40]].concat();
        assert!(expands_alike(
            crypto,
            &Secret::from(short),
            &Secret::from(padded)
        ));
    });
}

fn expands_alike(crypto: &dyn Crypto, one: &Secret, other: &Secret) -> bool {
    crypto.expand(one, b"info", 100) == crypto.expand(other, b"info", 100)
}

#[test]
fn a_kdf_gives_255_times_its_hash_length() {
    each(|crypto| {
        let most = 255 * crypto.hash_length();
        for prk in [secret(crypto.hash_length()), secret(200)] {
            assert_eq!(crypto.expand(&prk, b"", most).unwrap().len(), most);
            let refused = crypto.expand(&prk, b"", most + 1).unwrap_err();
            assert_eq!(refused, CryptoError::InvalidLength);
        }
    });
}

#[test]
fn an_aead_opens_what_it_sealed_and_nothing_else() {
    each(|crypto| {
        let key = secret(crypto.aead_key_length());
        let nonce = secret(crypto.aead_nonce_length());
        let nonce = nonce.expose();
        for plaintext in [b"".as_slice(), b"plaintext", &[7; 1000]] {
            let sealed = crypto.aead_seal(&key, nonce, b"aad", plaintext).unwrap();
            assert_eq!(sealed.len(), plaintext.len() + 16);
            assert_eq!(
                crypto.aead_open(&key, nonce, b"aad", &sealed).unwrap(),
                plaintext
            );
            let refused = Err(CryptoError::InvalidCiphertext);
            let mut altered = sealed.clone();
            *altered.last_mut().unwrap() ^= 1;
            assert_eq!(crypto.aead_open(&key, nonce, b"aad", &altered), refused);
            assert_eq!(crypto.aead_open(&key, nonce, b"add", &sealed), refused);
            assert_eq!(crypto.aead_open(&key, nonce, b"aad", &sealed[1..]), refused);
            assert_eq!(
                crypto.aead_open(&key, nonce, b"aad", &sealed[..15]),
                refused
            );
            assert_eq!(crypto.aead_open(&key, nonce, b"aad", b""), refused);
            let other = secret(crypto.aead_key_length());
            assert_eq!(crypto.aead_open(&other, nonce, b"aad", &sealed), refused);
        }
        let wrong = Err(CryptoError::InvalidLength);
        let short = secret(crypto.aead_key_length() - 1);
        assert_eq!(crypto.aead_seal(&short, nonce, b"", b""), wrong);
        assert_eq!(crypto.aead_seal(&key, &nonce[1..], b"", b""), wrong);
        assert_eq!(crypto.aead_open(&key, &nonce[1..], b"", &[0; 16]), wrong);
    });
}

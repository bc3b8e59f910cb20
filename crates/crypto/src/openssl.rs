//! X448 and Ed448 of OpenSSL, for suites 4 and 6.
//!
//! Only the curves are OpenSSL's. Hash and AEADs are those of `aws-lc-rs`: a tree hash makes many small
//! calls, which cost OpenSSL a look-up each.

use crate::aws_lc::symmetric::{AES_256_GCM, CHACHA20_POLY1305, SHA_512};
use crate::composed::Suite;
use crate::hpke::DhKem;
use crate::key_format::KeyFormat;
use crate::primitives::{Curve, SignatureScheme};
use crate::{CipherSuite, CryptoError, Secret};
use openssl::derive::Deriver;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::sign::{Signer, Verifier};

pub(crate) static SUITES: [Suite; 2] = [
    Suite {
        id: CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448,
        kem: &X448_KEM,
        kdf: &SHA_512,
        aead: &AES_256_GCM,
        signature: &Ed448,
    },
    Suite {
        id: CipherSuite::MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448,
        kem: &X448_KEM,
        kdf: &SHA_512,
        aead: &CHACHA20_POLY1305,
        signature: &Ed448,
    },
];

static X448_KEM: DhKem<X448> = DhKem::x448(X448);

#[derive(Debug)]
struct X448;

impl Curve for X448 {
    type Private = PKey<Private>;

    fn private_key(&self, private: &Secret) -> Result<PKey<Private>, CryptoError> {
        private_key(private, Id::X448)
    }

    fn public_key(&self, private: &PKey<Private>) -> Result<Vec<u8>, CryptoError> {
        private
            .raw_public_key()
            .map_err(|_| CryptoError::InvalidKey)
    }

    fn agree(&self, private: &PKey<Private>, public: &[u8]) -> Result<Secret, CryptoError> {
        let public = public_key(public, Id::X448)?;
        let shared = Deriver::new(private).and_then(|mut deriver| {
            deriver.set_peer(&public)?;
            deriver.derive_to_vec()
        });
        shared
            .map(Secret::from)
            .map_err(|_| CryptoError::InvalidKey)
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        public_key(public, Id::X448).map(|_| ())
    }
}

#[derive(Debug)]
struct Ed448;

impl SignatureScheme for Ed448 {
    fn keys(&self) -> &KeyFormat {
        &KeyFormat::ED448
    }

    fn public_key(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        private_key(private, Id::ED448)?
            .raw_public_key()
            .map_err(|_| CryptoError::InvalidKey)
    }

    fn sign(&self, private: &Secret, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let private = private_key(private, Id::ED448)?;
        Signer::new_without_digest(&private)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(message))
            .map_err(|_| CryptoError::InvalidKey)
    }

    fn verify(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let public = public_key(public, Id::ED448)?;
        match Verifier::new_without_digest(&public)
            .and_then(|mut verifier| verifier.verify_oneshot(signature, message))
        {
            Ok(true) => Ok(()),
            // OpenSSL reports a signature of the wrong length, and a key that is no point, as errors.
            Ok(false) | Err(_) => Err(CryptoError::InvalidSignature),
        }
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        public_key(public, Id::ED448).map(|_| ())
    }
}

fn private_key(private: &Secret, curve: Id) -> Result<PKey<Private>, CryptoError> {
    PKey::private_key_from_raw_bytes(private.expose(), curve).map_err(|_| CryptoError::InvalidKey)
}

fn public_key(public: &[u8], curve: Id) -> Result<PKey<Public>, CryptoError> {
    PKey::public_key_from_raw_bytes(public, curve).map_err(|_| CryptoError::InvalidKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        let pairs = digits.map(|pair| str::from_utf8(pair).unwrap());
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    /// RFC 7748 §6.2.
    #[test]
    fn x448_agrees_as_published() {
        let keys = [
            (
                "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d\
                 d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
                "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c\
                 22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
            ),
            (
                "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d\
                 6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
                "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430\
                 27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
            ),
        ];
        let shared = "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b\
                      b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d";
        let [alice, bob] = keys.map(|(private, public)| {
            let private = X448.private_key(&Secret::from(unhex(private))).unwrap();
            assert_eq!(X448.public_key(&private).unwrap(), unhex(public));
            (private, unhex(public))
        });
        let expected = Secret::from(unhex(shared));
        assert_eq!(X448.agree(&alice.0, &bob.1).unwrap(), expected);
        assert_eq!(X448.agree(&bob.0, &alice.1).unwrap(), expected);
    }
}

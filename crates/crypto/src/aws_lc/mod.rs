//! The default provider: `aws-lc-rs`, for the suites whose curves it has. It has no ML-KEM key pair from
//! a seed and no encapsulation from one: ML-KEM is `RustCrypto`'s here too.
//!
//! Its ECDSA takes the nonces' randomness from the library, not from the caller: signatures of
//! suites 2, 5 and 7 differ from run to run.

mod agreement;
mod signature;
pub(crate) mod symmetric;

pub use symmetric::{hmac_sha256, sha256};

use crate::composed::Suite;
use crate::hpke::ML_KEM_1024;
use crate::{CipherSuite, PostQuantumCodePoints};
use agreement::{MLKEM768_X25519, P256, P384, P521, X25519};
use signature::{ECDSA_P256, ECDSA_P384, ECDSA_P521, ED25519};
use symmetric::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, SHA_256, SHA_384, SHA_512};

/// Suite 0x0001 first.
pub(crate) static SUITES: [Suite; 5] = [
    Suite {
        id: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        kem: &X25519,
        kdf: &SHA_256,
        aead: &AES_128_GCM,
        signature: &ED25519,
    },
    Suite {
        id: CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
        kem: &P256,
        kdf: &SHA_256,
        aead: &AES_128_GCM,
        signature: &ECDSA_P256,
    },
    Suite {
        id: CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519,
        kem: &X25519,
        kdf: &SHA_256,
        aead: &CHACHA20_POLY1305,
        signature: &ED25519,
    },
    Suite {
        id: CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
        kem: &P521,
        kdf: &SHA_512,
        aead: &AES_256_GCM,
        signature: &ECDSA_P521,
    },
    Suite {
        id: CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
        kem: &P384,
        kdf: &SHA_384,
        aead: &AES_256_GCM,
        signature: &ECDSA_P384,
    },
];

pub(crate) static POST_QUANTUM: [Suite; 3] = post_quantum(PostQuantumCodePoints::DEFAULT);

pub(crate) const fn post_quantum(code_points: PostQuantumCodePoints) -> [Suite; 3] {
    [
        Suite {
            id: code_points.mlkem768x25519_aes128gcm_sha256_ed25519,
            kem: &MLKEM768_X25519,
            kdf: &SHA_256,
            aead: &AES_128_GCM,
            signature: &ED25519,
        },
        Suite {
            id: code_points.mlkem768x25519_aes256gcm_sha384_ed25519,
            kem: &MLKEM768_X25519,
            kdf: &SHA_384,
            aead: &AES_256_GCM,
            signature: &ED25519,
        },
        Suite {
            id: code_points.mlkem1024_aes256gcm_sha384_p384,
            kem: &ML_KEM_1024,
            kdf: &SHA_384,
            aead: &AES_256_GCM,
            signature: &ECDSA_P384,
        },
    ]
}

//! The cryptographic operations that MLS (RFC 9420 §5.1) and the services around it need, one cipher
//! suite behind one object-safe trait, so that a suite is chosen at run time.
//!
//! A suite is composed of the primitives of a [`Provider`]. This crate adds RFC 9180's HPKE base mode on
//! top of them, because sharing one `info` hash among the recipients of a Welcome needs the key schedule
//! open.
//!
//! ```
//! use folkmoot_crypto::{Crypto, suite_one};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! let crypto = suite_one();
//! let keys = crypto.generate_signature_key_pair(&mut rng)?;
//! let signature = crypto.sign(&keys.private, b"hello")?;
//! crypto.verify(&keys.public, b"hello", &signature)?;
//! # Ok::<(), folkmoot_crypto::CryptoError>(())
//! ```
#![forbid(unsafe_code)]

#[cfg(not(target_family = "wasm"))]
mod aws_lc;
mod composed;
mod hpke;
mod key_format;
#[cfg(all(feature = "openssl", not(target_family = "wasm")))]
mod openssl;
mod portable;
mod post_quantum;
mod primitives;
mod provider;
mod secret;
mod suite;

/// What computes where nobody chooses.
#[cfg(not(target_family = "wasm"))]
use aws_lc as default;
#[cfg(target_family = "wasm")]
use portable as default;

pub use default::{hmac_sha256, sha256};
pub use hpke::{HpkeCiphertext, HpkeInfo, HpkeKey, HpkePsk, HpkeSeed};
pub use post_quantum::{CodePointTaken, PostQuantumCodePoints, PostQuantumSuites};
pub use provider::{Provider, provider, suite_one};
pub use secret::{Secret, constant_time_eq};
pub use suite::{CipherSuite, Crypto, CryptoError, KemKeyPair, SignatureKeyPair};

use rand_core::CryptoRng;

/// `N` random bytes.
pub fn random<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A fresh secret of `length` bytes.
pub fn random_secret(rng: &mut dyn CryptoRng, length: usize) -> Secret {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    Secret::from(bytes)
}

//! Pre-shared keys in the key schedule (RFC 9420 §8.4).

use crate::labels::expand_to_hash;
use crate::wire::{PreSharedKeyId, Psk, encode};
use folkmoot_crypto::{Crypto, Secret};
use rand_core::CryptoRng;
use tls_codec::{TlsSerialize, TlsSize};

#[derive(TlsSerialize, TlsSize)]
struct PskLabel<'a> {
    id: &'a PreSharedKeyId,
    index: u16,
    count: u16,
}

/// The keys of one commit, in the order of their proposals (check 92).
pub(crate) type Psks = Vec<(PreSharedKeyId, Secret)>;

/// A use of a pre-shared key, under a random nonce of its own (check 134).
pub(crate) fn fresh_psk_id(
    crypto: &dyn Crypto,
    psk: Psk,
    rng: &mut dyn CryptoRng,
) -> PreSharedKeyId {
    let mut nonce = vec![0; crypto.hash_length()];
    rng.fill_bytes(&mut nonce);
    PreSharedKeyId {
        psk,
        psk_nonce: nonce.into(),
    }
}

/// `psk_secret`: all keys in their order, or zero without any (check 135).
pub(crate) fn psk_secret(crypto: &dyn Crypto, psks: &Psks) -> Secret {
    let zero = Secret::zero(crypto.hash_length());
    let count = u16::try_from(psks.len()).expect("a commit's pre-shared keys are bounded");
    let mut secret = zero.clone();
    for ((id, psk), index) in psks.iter().zip(0..) {
        let label = encode(&PskLabel { id, index, count });
        let extracted = crypto.extract(zero.expose(), psk.expose());
        let input = expand_to_hash(crypto, &extracted, "derived psk", &label);
        secret = crypto.extract(input.expose(), secret.expose());
    }
    secret
}

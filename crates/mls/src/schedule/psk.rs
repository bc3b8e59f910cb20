//! Pre-shared keys in the key schedule (RFC 9420 §8.4).

use crate::labels::expand_to_hash;
use crate::wire::{PreSharedKeyId, encode};
use folkmoot_crypto::{Crypto, Secret};
use tls_codec::{TlsSerialize, TlsSize};

#[derive(TlsSerialize, TlsSize)]
struct PskLabel<'a> {
    id: &'a PreSharedKeyId,
    index: u16,
    count: u16,
}

/// The keys of one commit, in the order of their proposals (check 92).
pub(crate) type Psks = Vec<(PreSharedKeyId, Secret)>;

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

//! Values without a meaning (RFC 9420 §13.5): who mixes them in keeps others from relying on there being none.
//!
//! Which ones a client takes follows from its signature key, so that its leaf stays the same.

use crate::wire::{Capabilities, CredentialType, ExtensionType, ProposalType};
use folkmoot_crypto::CipherSuite;

/// What an extension without a meaning holds.
pub(crate) const DATA: &[u8] = b"";

/// One of the fifteen values, from `0x0A0A` to `0xEAEA`.
pub(crate) fn value(seed: &[u8]) -> u16 {
    let sum = seed
        .iter()
        .fold(0_u16, |sum, byte| sum.wrapping_add((*byte).into()));
    0x0A0A + 0x1010 * (sum % 15)
}

/// Whether a value has no meaning.
pub(crate) fn is_one(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a && high != 0xfa
}

/// Lists with one of the values more.
pub(crate) fn mix_in(mut capabilities: Capabilities, seed: &[u8]) -> Capabilities {
    let value = value(seed);
    capabilities.cipher_suites.push(CipherSuite(value));
    capabilities.extensions.push(ExtensionType(value));
    capabilities.proposals.push(ProposalType(value));
    capabilities.credentials.push(CredentialType(value));
    capabilities
}

/// Lists without them: what a client itself supports (RFC 9420 §13.5).
pub(crate) fn without(mut capabilities: Capabilities) -> Capabilities {
    capabilities.cipher_suites.retain(|one| !is_one(one.0));
    capabilities.extensions.retain(|one| !is_one(one.0));
    capabilities.proposals.retain(|one| !is_one(one.0));
    capabilities.credentials.retain(|one| !is_one(one.0));
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen() {
        let values = (0..=u16::MAX).filter(|value| is_one(*value));
        let expected = (0..15).map(|n| 0x0A0A + 0x1010 * n);
        assert!(values.eq(expected));
        assert!((0..=255).all(|seed| is_one(value(&[seed, 7]))));
    }
}

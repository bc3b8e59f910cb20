//! Receipts: what a Delivery Service signs for every append.

use folkmoot_crypto::{CryptoError, SignatureKeyPair, suite_one};
use folkmoot_identity::ProviderDomain;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::signed::{encoded, label};
use crate::{ChainHead, GroupId, LogPosition, ReceiptPublicKey, Sequence, Signature};

/// The Delivery Service's signed word that a group's log has this head at this place. Two that
/// conflict prove that it equivocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The group.
    pub group: GroupId,
    /// The place in its log.
    pub sequence: Sequence,
    /// The chain up to and including that place.
    pub head: ChainHead,
    /// Over `("Folkmoot 1.0 receipt", domain, group, sequence, head)`.
    pub signature: Signature,
}

/// A receipt whose signature does not hold. The fault is the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the provider's receipt does not carry its signature")]
pub struct ForgedReceipt;

impl Receipt {
    /// Checks the signature and returns the position that it vouches for.
    pub fn verify(
        &self,
        key: &ReceiptPublicKey,
        domain: &ProviderDomain,
    ) -> Result<LogPosition, ForgedReceipt> {
        let at = LogPosition {
            group: self.group,
            sequence: self.sequence,
            head: self.head,
        };
        let content = receipt_content(domain, &at);
        suite_one()
            .verify(&key.0, &content, &self.signature.0)
            .map_err(|_| ForgedReceipt)?;
        Ok(at)
    }
}

fn receipt_content(domain: &ProviderDomain, at: &LogPosition) -> Vec<u8> {
    encoded(&(
        label("Folkmoot 1.0 receipt"),
        domain.clone(),
        (at.group, at.sequence.0, at.head),
    ))
}

/// The Ed25519 key with which a Delivery Service signs receipts.
#[derive(Clone, Debug)]
pub struct ReceiptKey(SignatureKeyPair);

impl ReceiptKey {
    /// A fresh one.
    pub fn generate(rng: &mut dyn CryptoRng) -> Result<Self, CryptoError> {
        Self::try_from(suite_one().generate_signature_key_pair(rng)?)
    }

    /// The key that verifies.
    pub fn public(&self) -> ReceiptPublicKey {
        ReceiptPublicKey::try_from(self.0.public.as_slice())
            .expect("the length was checked on construction")
    }

    /// The key pair, to be stored.
    pub fn key_pair(&self) -> &SignatureKeyPair {
        &self.0
    }

    /// Signs a position in a log of the provider `domain`.
    pub fn sign(&self, domain: &ProviderDomain, at: &LogPosition) -> Receipt {
        let signature = suite_one()
            .sign(&self.0.private, &receipt_content(domain, at))
            .expect("the key has signed on construction");
        Receipt {
            group: at.group,
            sequence: at.sequence,
            head: at.head,
            signature: Signature::try_from(signature.as_slice())
                .expect("an Ed25519 signature has 64 bytes"),
        }
    }
}

impl TryFrom<SignatureKeyPair> for ReceiptKey {
    type Error = CryptoError;

    /// Accepts a pair whose halves belong together.
    fn try_from(keys: SignatureKeyPair) -> Result<Self, CryptoError> {
        let probe = label("Folkmoot 1.0 receipt key check");
        let probe = encoded(&probe);
        let signature = suite_one().sign(&keys.private, &probe)?;
        suite_one().verify(&keys.public, &probe, &signature)?;
        ReceiptPublicKey::try_from(keys.public.as_slice()).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Self(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SlotPublicKey;

    fn start() -> LogPosition {
        LogPosition::start(GroupId([1; 32]), &SlotPublicKey([2; 32]))
    }

    #[test]
    fn a_receipt_vouches_for_its_domain_and_place_only() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let keys = ReceiptKey::generate(&mut rng).unwrap();
        let domain = "example.org".parse().unwrap();
        let receipt = keys.sign(&domain, &start());
        assert_eq!(receipt.verify(&keys.public(), &domain), Ok(start()));

        let other = "example.net".parse().unwrap();
        assert_eq!(receipt.verify(&keys.public(), &other), Err(ForgedReceipt));
        let changes: [fn(&mut Receipt); 4] = [
            |r| r.group.0[0] ^= 1,
            |r| r.sequence = Sequence(1),
            |r| r.head.0[0] ^= 1,
            |r| r.signature.0[0] ^= 1,
        ];
        for change in changes {
            let mut forged = receipt;
            change(&mut forged);
            assert_eq!(forged.verify(&keys.public(), &domain), Err(ForgedReceipt));
        }
    }

    #[test]
    fn halves_of_two_pairs_are_no_receipt_key() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let one = ReceiptKey::generate(&mut rng).unwrap();
        let other = ReceiptKey::generate(&mut rng).unwrap();
        let mixed = SignatureKeyPair {
            private: one.key_pair().private.clone(),
            public: other.key_pair().public.clone(),
        };
        assert!(ReceiptKey::try_from(mixed).is_err());
        assert!(ReceiptKey::try_from(one.key_pair().clone()).is_ok());
    }
}

//! A joiner's first request: from its ticket to access of its own.

use folkmoot_crypto::{CryptoError, SignatureKeyPair};
use folkmoot_identity::ProviderDomain;
use folkmoot_mls::Timestamp;
use serde::{Deserialize, Serialize};
use tls_codec::VLByteSlice;

use crate::signed::{encoded, label};
use crate::slot::{check_time, sign, verify};
use crate::{
    Digest, GroupId, RequestRejected, Sequence, Signature, SlotId, SlotPublicKey, Ticket, number,
};

/// Body of `POST /v1/slot/redeem`, as it came: binds a slot that a commit opened to a key of the
/// joiner. Works once per ticket; again with the same key it is a retry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redeem {
    /// The group.
    pub group: GroupId,
    /// The joiner's slot.
    pub slot: SlotId,
    /// From the joiner's sealed pointer.
    pub ticket: Ticket,
    /// The joiner's key for this slot.
    pub slot_key: SlotPublicKey,
    /// When it was signed.
    #[serde(with = "number::time")]
    pub time: Timestamp,
    /// By the slot key over
    /// `("Folkmoot 1.0 slot redeem", domain, group, slot, ticket, slot key, time)`.
    pub signature: Signature,
}

/// A redemption that the key it names signed, within the time window. Whether the ticket is the
/// right one only the Delivery Service's records can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRedeem {
    /// The group.
    pub group: GroupId,
    /// The joiner's slot.
    pub slot: SlotId,
    /// Digest of the ticket, to be compared with the one that the commit left.
    pub ticket_digest: Digest,
    /// The joiner's key for this slot.
    pub slot_key: SlotPublicKey,
}

/// Answer to [`Redeem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redeemed {
    /// The place of the commit that opened the slot; the slot reads what comes after.
    pub from: Sequence,
}

impl Redeem {
    /// Signs a redemption at the provider `domain` with the key that the slot gets.
    pub fn sign(
        keys: &SignatureKeyPair,
        domain: &ProviderDomain,
        group: GroupId,
        slot: SlotId,
        ticket: Ticket,
        time: Timestamp,
    ) -> Result<Self, CryptoError> {
        let slot_key =
            SlotPublicKey::try_from(keys.public.as_slice()).map_err(|_| CryptoError::InvalidKey)?;
        let mut redeem = Self {
            group,
            slot,
            ticket,
            slot_key,
            time,
            signature: Signature([0; Signature::LENGTH]),
        };
        redeem.signature = sign(keys, &redeem.content(domain))?;
        Ok(redeem)
    }

    /// Checks time and signature under the key that it names.
    pub fn verify(
        &self,
        domain: &ProviderDomain,
        now: Timestamp,
    ) -> Result<VerifiedRedeem, RequestRejected> {
        check_time(self.time, now)?;
        verify(&self.slot_key, &self.content(domain), &self.signature)?;
        Ok(VerifiedRedeem {
            group: self.group,
            slot: self.slot,
            ticket_digest: self.ticket.digest(&self.group, &self.slot),
            slot_key: self.slot_key,
        })
    }

    fn content(&self, domain: &ProviderDomain) -> Vec<u8> {
        encoded(&(
            (label("Folkmoot 1.0 slot redeem"), domain.clone()),
            (self.group, self.slot, VLByteSlice(self.ticket.expose())),
            (self.slot_key, self.time.0),
        ))
    }
}

#[cfg(test)]
mod tests {
    use folkmoot_crypto::suite_one;

    use super::*;
    use crate::bounds::SLOT_TIME_WINDOW;
    use crate::{decode, encode};

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn keys() -> SignatureKeyPair {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        suite_one().generate_signature_key_pair(&mut rng).unwrap()
    }

    fn public(keys: &SignatureKeyPair) -> SlotPublicKey {
        SlotPublicKey::try_from(keys.public.as_slice()).unwrap()
    }

    #[test]
    fn a_redemption_is_bound_to_key_and_ticket() {
        let (keys, org): (_, ProviderDomain) = (keys(), "example.org".parse().unwrap());
        let ticket = Ticket::try_from([8; 32].as_slice()).unwrap();
        let (group, slot) = (GroupId([6; 32]), SlotId([7; 16]));
        let good = Redeem::sign(&keys, &org, group, slot, ticket.clone(), NOW).unwrap();
        let good: Redeem = decode(&encode(&good)).unwrap();
        let verified = good.verify(&org, NOW).unwrap();
        assert_eq!(verified.ticket_digest, ticket.digest(&group, &slot));
        assert_eq!(verified.slot_key, public(&keys));

        let changes: [fn(&mut Redeem); 5] = [
            |r| r.group.0[0] ^= 1,
            |r| r.slot.0[0] ^= 1,
            |r| r.time.0 += 1,
            |r| r.ticket = Ticket::try_from([9; 32].as_slice()).unwrap(),
            |r| r.slot_key = public(&self::keys()),
        ];
        for change in changes {
            let mut forged = good.clone();
            change(&mut forged);
            assert_eq!(forged.verify(&org, NOW), Err(RequestRejected::Signature));
        }
        let late = Timestamp(NOW.0 + SLOT_TIME_WINDOW + 1);
        assert!(matches!(
            good.verify(&org, late),
            Err(RequestRejected::Time(_))
        ));
    }
}

//! Names of things in a group's log: the group, places, slots, keys, digests.

use std::fmt;

use folkmoot_crypto::{Secret, hmac_sha256};
use folkmoot_identity::DeviceName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tls_codec::VLByteSlice;

use crate::bytes::{deserialize_fixed, fixed_bytes, fixed_secrets, serialize_fixed};
use crate::signed::{digest, label};

/// `GroupContext` extension that holds the [`SlotSecret`] as 32 plain bytes (private use,
/// RFC 9420 §17.3).
pub const SLOT_SECRET_EXTENSION: u16 = 0xf001;
/// `GroupContext` extension that holds the group's name in UTF-8 (private use, RFC 9420 §17.3).
pub const GROUP_NAME_EXTENSION: u16 = 0xf002;
/// Longest group name, in bytes.
pub const MAX_GROUP_NAME: usize = 256;

fixed_bytes! {
    /// A group's id, random and equal to its MLS `group_id`.
    GroupId: 32;
    /// The id of a member's place of access to a group's log, from [`SlotSecret::slot`].
    SlotId: 16;
    /// The Ed25519 key that signs the requests of one slot.
    SlotPublicKey: 32;
    /// The Ed25519 key that verifies receipts of one Delivery Service.
    ReceiptPublicKey: 32;
    /// An Ed25519 signature.
    Signature: 64;
    /// Chosen at random by a client for each thing it submits, and kept for its retries.
    IdempotencyKey: 16;
    /// SHA-256 of something that is elsewhere.
    Digest: 32;
    /// SHA-256 over a group's log up to and including one entry.
    ChainHead: 32;
}

fixed_secrets! {
    /// Known to a group's members alone; turns device names into slot ids.
    SlotSecret: 32;
    /// Redeems one slot once.
    Ticket: 32;
    /// Encrypts the Welcome of one commit; see [`WelcomeKey::seal`](Self::seal).
    WelcomeKey: 32;
}

impl GroupId {
    /// A fresh one.
    pub fn generate(rng: &mut dyn rand_core::CryptoRng) -> Self {
        Self(folkmoot_crypto::random(rng))
    }
}

impl IdempotencyKey {
    /// A fresh one.
    pub fn generate(rng: &mut dyn rand_core::CryptoRng) -> Self {
        Self(folkmoot_crypto::random(rng))
    }
}

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(folkmoot_crypto::sha256(bytes))
    }
}

impl SlotSecret {
    /// The slot of `device`: every member can compute it, and nobody else.
    pub fn slot(&self, device: &DeviceName) -> SlotId {
        let mac = hmac_sha256(self.expose(), device.to_string().as_bytes());
        let mut id = [0; SlotId::LENGTH];
        id.copy_from_slice(&mac[..SlotId::LENGTH]);
        SlotId(id)
    }
}

impl Ticket {
    /// What the Delivery Service keeps of this ticket: SHA-256 over
    /// `(label, group, slot, ticket)`, so that a digest opens no other slot.
    pub fn digest(&self, group: &GroupId, slot: &SlotId) -> Digest {
        digest(&(
            (label("Folkmoot 1.0 ticket"), *group),
            (*slot, VLByteSlice(self.expose())),
        ))
    }
}

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_fixed(self.expose(), serializer)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_fixed::<_, { Self::LENGTH }>(deserializer)
            .map(|bytes| Self(Secret::from(bytes.as_slice())))
    }
}

/// A place in a group's log: 0 is its creation, the first entry is 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The next place, or `None` at the end of all numbers.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! A device's inbox: small sealed pointers to groups that the device was added to.

use std::fmt;

use folkmoot_identity::DeviceName;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

use crate::bounds::INBOX_READ_LIMIT;
use crate::bytes::fixed_bytes;
use crate::{
    ChainHead, GroupId, IdempotencyKey, KeyPackageRefBytes, List, LogPosition, Sequence, SlotId,
    Ticket, WelcomeKey,
};

/// A place in an inbox; the first item is at 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct InboxCursor(pub u64);

impl InboxCursor {
    /// The next place, or `None` at the end of all numbers.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Body of `POST /v1/inbox`. Only for a key package that was claimed before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostPointer {
    /// Whose inbox.
    pub to: DeviceName,
    /// Chosen once per pointer; a retry repeats it with the same bytes.
    pub idempotency: IdempotencyKey,
    /// The key package that the device was added with.
    pub key_package_ref: KeyPackageRefBytes,
    /// Sealed to that key package's init key.
    pub pointer: SealedPointer,
}

/// Answer to [`PostPointer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posted {
    /// Its place in the inbox.
    pub cursor: InboxCursor,
}

/// One item of an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxItem {
    /// Its place.
    pub cursor: InboxCursor,
    /// The key package whose init key opens the pointer.
    pub key_package_ref: KeyPackageRefBytes,
    /// The sealed pointer.
    pub pointer: SealedPointer,
}

/// Answer of `GET /v1/inbox?after=…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxPage {
    /// Items in order; none means that the reader is at the end.
    pub items: List<InboxItem, INBOX_READ_LIMIT>,
}

/// Body of `POST /v1/inbox/ack`: the items up to a place are done with and can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AckInbox {
    /// The last item that is done with.
    pub through: InboxCursor,
}

/// Label of the `EncryptWithLabel` (RFC 9420 §5.1.3) that seals a [`Pointer`]; its context is the
/// `KeyPackageRef`.
pub const POINTER_LABEL: &str = "FolkmootPointer";

fixed_bytes! {
    /// A [`Pointer`] sealed under suite 1: `kem_output` (32 bytes), then the ciphertext.
    SealedPointer: KEM_OUTPUT_LENGTH + POINTER_LENGTH + TAG_LENGTH;
}

/// Length of an encoded [`Pointer`] in bytes, whatever is in it.
pub const POINTER_LENGTH: usize = 256;
const KEM_OUTPUT_LENGTH: usize = 32;
const TAG_LENGTH: usize = 16;

impl SealedPointer {
    /// From the two parts of an HPKE ciphertext; `None` when it was no [`Pointer`] under suite 1.
    pub fn from_parts(kem_output: &[u8], ciphertext: &[u8]) -> Option<Self> {
        if kem_output.len() != KEM_OUTPUT_LENGTH {
            return None;
        }
        Self::try_from([kem_output, ciphertext].concat().as_slice()).ok()
    }

    /// The encapsulated key.
    pub fn kem_output(&self) -> &[u8] {
        &self.0[..KEM_OUTPUT_LENGTH]
    }

    /// The ciphertext with its tag.
    pub fn ciphertext(&self) -> &[u8] {
        &self.0[KEM_OUTPUT_LENGTH..]
    }
}

/// All that a joiner needs to enter a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The group and the place of the commit that added the joiner.
    pub position: LogPosition,
    /// The joiner's slot.
    pub slot: SlotId,
    /// Redeems that slot.
    pub ticket: Ticket,
    /// Opens that commit's Welcome.
    pub welcome_key: WelcomeKey,
}

/// Opened, but not a pointer. The fault is the committer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the sealed pointer to a group is malformed")]
pub struct MalformedPointer;

const POINTER_VERSION: u8 = 1;

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct PointerContent {
    version: u8,
    group: GroupId,
    sequence: u64,
    head: ChainHead,
    slot: SlotId,
    ticket: [u8; Ticket::LENGTH],
    welcome_key: [u8; WelcomeKey::LENGTH],
}

impl Pointer {
    /// The plaintext to seal: always [`POINTER_LENGTH`] bytes.
    pub fn encode(&self) -> folkmoot_crypto::Secret {
        let secrets = "their lengths are checked on construction";
        let content = PointerContent {
            version: POINTER_VERSION,
            group: self.position.group,
            sequence: self.position.sequence.0,
            head: self.position.head,
            slot: self.slot,
            ticket: self.ticket.expose().try_into().expect(secrets),
            welcome_key: self.welcome_key.expose().try_into().expect(secrets),
        };
        let mut bytes = crate::signed::encoded(&content);
        bytes.resize(POINTER_LENGTH, 0);
        bytes.into()
    }

    /// Reads what was sealed: known version, exact length, zero padding.
    pub fn decode(bytes: &[u8]) -> Result<Self, MalformedPointer> {
        use tls_codec::DeserializeBytes as _;
        if bytes.len() != POINTER_LENGTH {
            return Err(MalformedPointer);
        }
        let (content, padding) =
            PointerContent::tls_deserialize_bytes(bytes).map_err(|_| MalformedPointer)?;
        if content.version != POINTER_VERSION || padding.iter().any(|byte| *byte != 0) {
            return Err(MalformedPointer);
        }
        Ok(Self {
            position: LogPosition {
                group: content.group,
                sequence: Sequence(content.sequence),
                head: content.head,
            },
            slot: content.slot,
            ticket: Ticket::try_from(content.ticket.as_slice()).map_err(|_| MalformedPointer)?,
            welcome_key: WelcomeKey::try_from(content.welcome_key.as_slice())
                .map_err(|_| MalformedPointer)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer() -> Pointer {
        Pointer {
            position: LogPosition {
                group: GroupId([1; 32]),
                sequence: Sequence(2),
                head: ChainHead([3; 32]),
            },
            slot: SlotId([4; 16]),
            ticket: Ticket::try_from([5; 32].as_slice()).unwrap(),
            welcome_key: WelcomeKey::try_from([6; 32].as_slice()).unwrap(),
        }
    }

    #[test]
    fn a_pointer_has_one_length_and_comes_back() {
        let bytes = pointer().encode();
        assert_eq!(bytes.len(), POINTER_LENGTH);
        assert_eq!(Pointer::decode(bytes.expose()), Ok(pointer()));
    }

    #[test]
    fn other_versions_lengths_and_padding_are_refused() {
        let good = pointer().encode().expose().to_vec();
        assert!(Pointer::decode(&good[..POINTER_LENGTH - 1]).is_err());
        assert!(Pointer::decode(&[&good[..], &[0]].concat()).is_err());
        for place in [0, POINTER_LENGTH - 1] {
            let mut bad = good.clone();
            bad[place] ^= 2;
            assert_eq!(Pointer::decode(&bad), Err(MalformedPointer), "{place}");
        }
    }

    #[test]
    fn a_sealed_pointer_is_cut_where_it_was_joined() {
        let sealed = SealedPointer::from_parts(&[1; 32], &[2; 272]).unwrap();
        assert_eq!(sealed.kem_output(), [1; 32]);
        assert_eq!(sealed.ciphertext(), [2; 272]);
        assert_eq!(SealedPointer::from_parts(&[1; 31], &[2; 273]), None);
        assert_eq!(SealedPointer::from_parts(&[1; 32], &[2; 271]), None);
    }

    #[test]
    fn secrets_in_a_pointer_are_not_printed() {
        let text = format!("{:?}", pointer());
        assert!(!text.contains("0505") && !text.contains("5, 5"), "{text}");
    }
}

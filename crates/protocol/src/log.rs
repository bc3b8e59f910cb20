//! A group's log: its entries and the chain over them.

use folkmoot_mls::{Epoch, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLByteSlice};

use crate::bounds::{MAX_CLOSES, MAX_MESSAGE, MAX_OPENS};
use crate::signed::{digest, label};
use crate::{
    Bytes, ChainHead, Digest, GroupId, IdempotencyKey, List, Sequence, SlotId, SlotPublicKey,
    number,
};

/// What kind of MLS message an entry holds, with the values of RFC 9420 §6's `ContentType`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum EntryKind {
    /// An application message.
    Application = 1,
    /// A proposal.
    Proposal = 2,
    /// A commit, which ends its epoch.
    Commit = 3,
}

/// A slot that a commit opens for a device that it adds, as readers of the log see it: the joiner's
/// part of the Welcome is its own.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The joiner's slot.
    pub slot: SlotId,
    /// From [`Ticket::digest`](crate::Ticket::digest).
    pub ticket_digest: Digest,
}

/// The content of an entry before it has a place in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The epoch of the message; a commit ends it.
    pub epoch: Epoch,
    /// The kind of the message.
    pub kind: EntryKind,
    /// The encoded `MLSMessage`.
    pub message: Bytes<MAX_MESSAGE>,
    /// Digest of the encrypted Welcome that came with a commit, every joiner's part of it included.
    pub welcome_digest: Option<Digest>,
    /// Slots that a commit opened.
    pub opens: List<Opening, MAX_OPENS>,
    /// Slots that a commit closed; a slot in both lists was closed first.
    pub closes: List<SlotId, MAX_CLOSES>,
    /// As the submitter chose it, by which it knows its own entries.
    pub idempotency: IdempotencyKey,
}

/// One entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// Its place: 1 and up, without gaps.
    pub sequence: Sequence,
    /// The epoch of the message; a commit ends it.
    #[serde(with = "number::epoch")]
    pub epoch: Epoch,
    /// The kind of the message.
    pub kind: EntryKind,
    /// The encoded `MLSMessage`.
    pub message: Bytes<MAX_MESSAGE>,
    /// Digest of the encrypted Welcome that came with a commit, every joiner's part of it included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome_digest: Option<Digest>,
    /// Slots that a commit opened.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub opens: List<Opening, MAX_OPENS>,
    /// Slots that a commit closed.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub closes: List<SlotId, MAX_CLOSES>,
    /// As the submitter chose it.
    pub idempotency: IdempotencyKey,
    /// When the Delivery Service accepted it.
    #[serde(with = "number::time")]
    pub time: Timestamp,
    /// The chain over the log up to and including this entry.
    pub head: ChainHead,
}

fn is_empty<T, const MAX: usize>(list: &List<T, MAX>) -> bool {
    list.is_empty()
}

/// A verified place in a group's log, from which the next entry can be checked or written.
///
/// ```
/// # use folkmoot_protocol::{LogPosition, GroupId, SlotPublicKey, NewEntry, EntryKind};
/// # use folkmoot_protocol::{IdempotencyKey, Sequence, Epoch, Timestamp};
/// let start = LogPosition::start(GroupId([1; 32]), &SlotPublicKey([2; 32]));
/// let new = NewEntry {
///     epoch: Epoch(0),
///     kind: EntryKind::Application,
///     message: b"an MLSMessage".as_slice().try_into()?,
///     welcome_digest: None,
///     opens: Default::default(),
///     closes: Default::default(),
///     idempotency: IdempotencyKey([3; 16]),
/// };
/// let mut entry = start.extend(new, Timestamp(1_700_000_000))?;
/// assert_eq!(start.advance(&entry)?.sequence, Sequence(1));
/// entry.time = Timestamp(1_700_000_001);
/// assert!(start.advance(&entry).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogPosition {
    /// The group.
    pub group: GroupId,
    /// The place of the last entry, 0 before the first.
    pub sequence: Sequence,
    /// The chain up to there.
    pub head: ChainHead,
}

/// An entry that does not follow where it claims to. The fault is the provider's, or the
/// position's if it was taken over from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BrokenChain {
    /// Not the next place.
    #[error("the provider sent entry {found} of the log where {expected} follows")]
    Sequence {
        /// What would follow.
        expected: Sequence,
        /// What came.
        found: Sequence,
    },
    /// The next place with another history.
    #[error("entry {0} of the provider's log does not continue the log seen so far")]
    Head(Sequence),
    /// No number is left for another entry.
    #[error("the log is full")]
    Full,
}

impl LogPosition {
    /// The start of a log: `head = SHA-256(label, group, slot key of the creator)`.
    pub fn start(group: GroupId, creator: &SlotPublicKey) -> Self {
        let head = digest(&(label("Folkmoot 1.0 log start"), group, *creator));
        Self {
            group,
            sequence: Sequence(0),
            head: ChainHead(head.0),
        }
    }

    /// Writes the next entry.
    pub fn extend(&self, new: NewEntry, time: Timestamp) -> Result<LogEntry, BrokenChain> {
        let mut entry = LogEntry {
            sequence: self.sequence.next().ok_or(BrokenChain::Full)?,
            epoch: new.epoch,
            kind: new.kind,
            message: new.message,
            welcome_digest: new.welcome_digest,
            opens: new.opens,
            closes: new.closes,
            idempotency: new.idempotency,
            time,
            head: self.head,
        };
        entry.head = self.head_with(&entry);
        Ok(entry)
    }

    /// Checks that `entry` is the next one and returns its position.
    pub fn advance(&self, entry: &LogEntry) -> Result<Self, BrokenChain> {
        let expected = self.sequence.next().ok_or(BrokenChain::Full)?;
        if entry.sequence != expected {
            return Err(BrokenChain::Sequence {
                expected,
                found: entry.sequence,
            });
        }
        if entry.head != self.head_with(entry) {
            return Err(BrokenChain::Head(entry.sequence));
        }
        Ok(Self {
            group: self.group,
            sequence: entry.sequence,
            head: entry.head,
        })
    }

    /// The one place where the chain is computed, by provider and client alike.
    fn head_with(&self, entry: &LogEntry) -> ChainHead {
        let content = ChainContent {
            label: label("Folkmoot 1.0 log"),
            group: self.group,
            previous: self.head,
            sequence: entry.sequence.0,
            kind: entry.kind,
            epoch: entry.epoch.0,
            message: Digest::of(&entry.message),
            welcome: entry.welcome_digest,
            opens: &entry.opens,
            closes: &entry.closes,
            idempotency: entry.idempotency,
            time: entry.time.0,
        };
        ChainHead(digest(&content).0)
    }
}

#[derive(TlsSerialize, TlsSize)]
struct ChainContent<'a> {
    label: VLByteSlice<'a>,
    group: GroupId,
    previous: ChainHead,
    sequence: u64,
    kind: EntryKind,
    epoch: u64,
    message: Digest,
    welcome: Option<Digest>,
    opens: &'a [Opening],
    closes: &'a [SlotId],
    idempotency: IdempotencyKey,
    time: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(position: &LogPosition, message: &[u8]) -> LogEntry {
        let new = NewEntry {
            epoch: Epoch(4),
            kind: EntryKind::Commit,
            message: message.try_into().unwrap(),
            welcome_digest: Some(Digest([5; 32])),
            opens: vec![Opening {
                slot: SlotId([6; 16]),
                ticket_digest: Digest([7; 32]),
            }]
            .try_into()
            .unwrap(),
            closes: vec![SlotId([8; 16])].try_into().unwrap(),
            idempotency: IdempotencyKey([9; 16]),
        };
        position.extend(new, Timestamp(1000)).unwrap()
    }

    fn start() -> LogPosition {
        LogPosition::start(GroupId([1; 32]), &SlotPublicKey([2; 32]))
    }

    #[test]
    fn every_field_of_an_entry_is_in_the_chain() {
        let entry = entry(&start(), b"message");
        assert!(start().advance(&entry).is_ok());
        let changes: [fn(&mut LogEntry); 9] = [
            |e| e.epoch = Epoch(5),
            |e| e.kind = EntryKind::Proposal,
            |e| e.message = b"massage".as_slice().try_into().unwrap(),
            |e| e.welcome_digest = None,
            |e| e.opens = List::default(),
            |e| e.closes = List::default(),
            |e| e.idempotency.0[0] ^= 1,
            |e| e.time = Timestamp(1001),
            |e| e.head.0[31] ^= 1,
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut forged = entry.clone();
            change(&mut forged);
            assert_eq!(
                start().advance(&forged),
                Err(BrokenChain::Head(Sequence(1))),
                "{number}"
            );
        }
    }

    #[test]
    fn entries_left_out_doubled_or_of_another_group_break_the_chain() {
        let first = entry(&start(), b"first");
        let one = start().advance(&first).unwrap();
        let second = entry(&one, b"second");
        assert_eq!(one.advance(&second).unwrap().sequence, Sequence(2));
        let gap = BrokenChain::Sequence {
            expected: Sequence(1),
            found: Sequence(2),
        };
        assert_eq!(start().advance(&second), Err(gap));
        assert!(one.advance(&first).is_err());
        let rival = start().advance(&entry(&start(), b"rival")).unwrap();
        assert_eq!(rival.advance(&second), Err(BrokenChain::Head(Sequence(2))));
        let other = LogPosition::start(GroupId([9; 32]), &SlotPublicKey([2; 32]));
        assert!(other.advance(&first).is_err());
    }

    #[test]
    fn a_full_log_takes_no_entry() {
        let mut last = start();
        last.sequence = Sequence(u64::MAX);
        assert_eq!(last.advance(&entry(&start(), b"")), Err(BrokenChain::Full));
    }

    #[test]
    fn an_entry_survives_json_and_unknown_fields_do_not() {
        let entry = entry(&start(), b"message");
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<LogEntry>(&json).unwrap(), entry);
        let extra = json.replacen('{', "{\"extra\":1,", 1);
        assert!(serde_json::from_str::<LogEntry>(&extra).is_err());
        let kind = json.replacen("\"commit\"", "\"welcome\"", 1);
        assert!(serde_json::from_str::<LogEntry>(&kind).is_err());
    }
}

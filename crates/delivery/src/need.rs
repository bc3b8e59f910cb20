//! The records of a Delivery Service: what a decision must see, and what it changes.
//!
//! A store keeps them as it likes, so long as loading a [`Need`] gives what the [`Write`]s before
//! it have left.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::bounds::{MAX_CLOSES, MAX_OPENS, READ_BYTES, READ_LIMIT};
use folkmoot_protocol::{
    ChainHead, Digest, Epoch, GroupId, IdempotencyKey, InboxCursor, InboxItem, JoinerWelcome,
    KeyPackageBytes, KeyPackageRefBytes, LogEntry, LogPosition, SealedWelcome, Sequence, SlotId,
    SlotPublicKey, Timestamp,
};

/// The records that a decision must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// None; answered by [`Facts::Nothing`].
    Nothing,
    /// A device's key packages; answered by [`Facts::KeyPackages`].
    KeyPackages {
        /// Whose.
        device: DeviceName,
        /// Which of these are known, spent ones included.
        references: Vec<KeyPackageRefBytes>,
        /// When: those that expired count as absent among the available.
        at: Timestamp,
    },
    /// One key package of each device of a user: unspent, unexpired, and of those the one that
    /// expires first. At most [`DEVICES_PER_USER`](folkmoot_protocol::bounds::DEVICES_PER_USER).
    /// Answered by [`Facts::Claim`].
    Claim {
        /// Whose.
        user: UserName,
        /// When.
        at: Timestamp,
    },
    /// What a post depends on; answered by [`Facts::Post`].
    Post {
        /// Whose inbox.
        to: DeviceName,
        /// Whether it was posted before.
        idempotency: IdempotencyKey,
        /// Whether this key package was claimed.
        reference: KeyPackageRefBytes,
    },
    /// The items after a place, at most
    /// [`INBOX_READ_LIMIT`](folkmoot_protocol::bounds::INBOX_READ_LIMIT); answered by
    /// [`Facts::Inbox`].
    Inbox {
        /// Whose.
        device: DeviceName,
        /// The last item that is not wanted.
        after: InboxCursor,
    },
    /// What a request to a log depends on; answered by [`Facts::Group`].
    Group(GroupNeed),
}

/// What a request to a group's log depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupNeed {
    /// The group.
    pub group: GroupId,
    /// The slot that asks. Where it does not exist, nothing else needs to be loaded.
    pub slot: SlotId,
    /// Whether this slot appended under this key before.
    pub idempotency: Option<IdempotencyKey>,
    /// The commit that ended this epoch.
    pub commit_of: Option<Epoch>,
    /// Slots besides the one that asks, at most [`GroupNeed::MAX_SLOTS`].
    pub slots: Vec<SlotId>,
    /// Entries to read.
    pub entries: Option<EntryRange>,
    /// The Welcome that came with the entry at this place: its shared part, and the part of the slot
    /// that asks.
    pub welcome: Option<Sequence>,
}

impl GroupNeed {
    /// Most slots that one decision sees.
    pub const MAX_SLOTS: usize = MAX_OPENS + MAX_CLOSES;

    pub(crate) fn new(group: GroupId, slot: SlotId) -> Self {
        Self {
            group,
            slot,
            idempotency: None,
            commit_of: None,
            slots: Vec::new(),
            entries: None,
            welcome: None,
        }
    }
}

/// Entries in order from after a place, until one of the bounds is met; the first entry comes
/// whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRange {
    /// The last place that is not wanted.
    pub after: Sequence,
    /// Most entries.
    pub limit: usize,
    /// Most bytes of messages.
    pub bytes: usize,
}

impl EntryRange {
    pub(crate) fn new(after: Sequence, limit: usize) -> Self {
        Self {
            after,
            limit: limit.min(READ_LIMIT),
            bytes: READ_BYTES,
        }
    }
}

/// What was loaded for a [`Need`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// For [`Need::Nothing`].
    Nothing,
    /// For [`Need::KeyPackages`].
    KeyPackages {
        /// Those of the references that are known.
        known: BTreeSet<KeyPackageRefBytes>,
        /// How many are unspent and unexpired.
        available: u64,
    },
    /// For [`Need::Claim`].
    Claim(Vec<StoredKeyPackage>),
    /// For [`Need::Post`].
    Post {
        /// Whether the device has this key package and it was claimed.
        claimed: bool,
        /// What was posted under the idempotency key.
        earlier: Option<EarlierPost>,
        /// The inbox.
        inbox: InboxState,
    },
    /// For [`Need::Inbox`].
    Inbox(Vec<InboxItem>),
    /// For [`Need::Group`].
    Group(Box<GroupFacts>),
}

/// What was loaded for a [`GroupNeed`]; absent records are absent here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFacts {
    /// The group.
    pub group: Option<GroupRecord>,
    /// The slot that asks.
    pub slot: Option<SlotRecord>,
    /// What the slot appended under the idempotency key.
    pub earlier: Option<EarlierAppend>,
    /// The commit that ended the epoch.
    pub winner: Option<LogEntry>,
    /// The other slots.
    pub slots: BTreeMap<SlotId, SlotRecord>,
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// The Welcome for the slot that asks.
    pub welcome: Option<JoinerWelcome>,
}

/// A key package that was offered. Once spent, its bytes are gone and its reference stays until it
/// expires, so that it is neither stored nor handed out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeyPackage {
    /// Whose.
    pub device: DeviceName,
    /// Which.
    pub reference: KeyPackageRefBytes,
    /// The last second of its lifetime.
    pub not_after: Timestamp,
    /// The encoded `MLSMessage`.
    pub package: KeyPackageBytes,
}

/// The head of a group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// The epoch that the next commit ends.
    pub epoch: Epoch,
    /// The last entry.
    pub position: LogPosition,
}

/// A member's access to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRecord {
    /// The entry that opened it; it reads what comes after.
    pub from: Sequence,
    /// What redeems it; none for the creator's.
    pub ticket_digest: Option<Digest>,
    /// Its key; none before it was redeemed.
    pub key: Option<SlotPublicKey>,
    /// The entry that closed it, which is the last one it reads.
    pub closed_at: Option<Sequence>,
}

/// An append that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierAppend {
    /// Digest of the request.
    pub request: Digest,
    /// Where it went.
    pub sequence: Sequence,
    /// The chain there.
    pub head: ChainHead,
}

/// A post that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierPost {
    /// Digest of the request.
    pub request: Digest,
    /// Where it went.
    pub cursor: InboxCursor,
}

/// The state of an inbox; an absent one is as if nothing had ever been posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxState {
    /// The last place that was ever given.
    pub last: InboxCursor,
    /// How many items are there.
    pub kept: u64,
}

/// A change of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Adds a key package that is not known yet.
    PutKeyPackage(StoredKeyPackage),
    /// Erases the bytes of a key package and keeps its reference.
    SpendKeyPackage {
        /// Whose.
        device: DeviceName,
        /// Which.
        reference: KeyPackageRefBytes,
    },
    /// Drops all traces of a device's key packages whose `not_after` is before this time.
    DropKeyPackages {
        /// Whose.
        device: DeviceName,
        /// When.
        expired_at: Timestamp,
    },
    /// Adds an item to an inbox and remembers the post.
    PutPost(Box<StoredPost>),
    /// Drops items of an inbox up to and including a place.
    DropItems {
        /// Whose.
        device: DeviceName,
        /// The last to go.
        through: InboxCursor,
    },
    /// Forgets posts to an inbox from before this time; items stay.
    ForgetPosts {
        /// Whose.
        device: DeviceName,
        /// When.
        before: Timestamp,
    },
    /// Adds or replaces the head of a log.
    PutGroup(GroupRecord),
    /// Adds or replaces a slot.
    PutSlot {
        /// The group.
        group: GroupId,
        /// Which.
        slot: SlotId,
        /// What it is now.
        record: SlotRecord,
    },
    /// Adds an entry to a log.
    PutEntry(Box<StoredEntry>),
}

/// An entry with what is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The group.
    pub group: GroupId,
    /// The slot that appended it.
    pub slot: SlotId,
    /// Digest of the request, for retries.
    pub request: Digest,
    /// The entry.
    pub entry: LogEntry,
    /// The encrypted Welcome that came with it. Its shared part is kept with the entry, each part with
    /// its slot, in place of what the slot had when it was opened before.
    pub welcome: Option<SealedWelcome>,
}

/// An inbox item with what is kept for retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPost {
    /// Whose inbox.
    pub to: DeviceName,
    /// As the poster chose it.
    pub idempotency: IdempotencyKey,
    /// Digest of the request.
    pub request: Digest,
    /// When it was posted.
    pub time: Timestamp,
    /// The item.
    pub item: InboxItem,
}

//! The rows of the client's store and the changes to them.

use folkmoot_crypto::Secret;
use folkmoot_identity::DeviceName;
use folkmoot_mls::{Delta, Epoch, Timestamp};
use folkmoot_protocol::{ChainHead, GroupId, Sequence, SlotId};

/// Whose profile it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The join address of the provider, in its own text form.
    pub address: String,
    /// The device.
    pub device: DeviceName,
    /// The private device key.
    pub device_key: Secret,
    /// What the provider said of itself, once it was asked; the client's encoding.
    pub provider: Option<Vec<u8>>,
    /// The device certificate in DER, once it is registered.
    pub certificate: Option<Vec<u8>>,
}

/// How far the inbox was read, in the provider's cursors; 0 is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxMark {
    /// Items up to here are in this store.
    pub read: u64,
    /// The provider knows that items up to here need not be kept.
    pub acknowledged: u64,
}

/// A key package of this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPackageRow {
    /// Its `KeyPackageRef`.
    pub reference: Vec<u8>,
    /// The encoded `MLSMessage`.
    pub package: Vec<u8>,
    /// Its private keys in the engine's encoding; `None` once it was used.
    pub secrets: Option<Secret>,
    /// The end of its lifetime.
    pub expires: Timestamp,
    /// Whether the provider has it.
    pub uploaded: bool,
}

/// How one stands to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// Created here and not yet known to the provider.
    Creating,
    /// One is a member.
    Active,
    /// One is a member, and the log ended the epoch by a commit that this device cannot take.
    Stuck,
    /// One was a member; messages stay readable.
    Removed,
}

/// A group as this device sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub id: GroupId,
    /// The name that its creator gave it.
    pub name: String,
    /// How one stands to it.
    pub state: GroupState,
    /// One has asked to leave.
    pub leaving: bool,
    /// The provider was caught: nothing more is sent.
    pub halted: bool,
    /// The last place of the log that is processed.
    pub cursor: Sequence,
    /// The chain head there.
    pub head: ChainHead,
    /// This device's slot.
    pub slot: SlotId,
    /// The private key that signs the slot's requests.
    pub slot_key: Secret,
    /// The current epoch, or the last one a member of.
    pub epoch: Epoch,
    /// How many leaves the group has.
    pub members: u64,
}

/// What is being appended to a group's log: one thing at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The group.
    pub group: GroupId,
    /// The exact bytes, the idempotency key and how far it got; the client's encoding.
    pub body: Secret,
}

/// Something that was asked of the client and is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Rises with each intent.
    pub id: u64,
    /// The group that it concerns.
    pub group: Option<GroupId>,
    /// What is asked; the client's encoding.
    pub body: Secret,
}

/// A sealed pointer on its way into another device's inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Rises with each post.
    pub id: u64,
    /// The request; the client's encoding.
    pub body: Secret,
}

/// An invitation that is being followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The key package that the pointer was sealed to.
    pub reference: Vec<u8>,
    /// The opened pointer, the slot key and how far it got; the client's encoding.
    pub body: Secret,
}

/// An application message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The group.
    pub group: GroupId,
    /// Its place in the group's log.
    pub sequence: Sequence,
    /// The epoch in which it was sent.
    pub epoch: Epoch,
    /// Who wrote it.
    pub sender: DeviceName,
    /// What they wrote.
    pub text: String,
    /// When the provider took it.
    pub time: Timestamp,
    /// Whether this device wrote it.
    pub own: bool,
    /// Whether a person has read it.
    pub read: bool,
}

/// What one step of the client changes, in order; written in one transaction.
pub type ClientChanges = Vec<ClientChange>;

/// One change. Putting replaces what was there under the same key; erasing what is absent is no
/// error.
#[derive(Debug)]
pub enum ClientChange {
    /// Sets the account.
    PutAccount(Account),
    /// Sets the inbox's mark.
    PutInboxMark(InboxMark),
    /// Sets a key package.
    PutKeyPackage(KeyPackageRow),
    /// Forgets all key packages whose lifetime ended before.
    EraseKeyPackages {
        /// The first moment that is kept.
        expired_before: Timestamp,
    },
    /// Sets a group.
    PutGroup(GroupRow),
    /// Applies the engine's changes to a group's records.
    Records(GroupId, Delta),
    /// Erases all of the engine's records of a group.
    EraseRecords(GroupId),
    /// Records the chain head at a place of a group's log.
    PutHead(GroupId, Sequence, ChainHead),
    /// Forgets the chain heads of a group before a place.
    EraseHeads {
        /// The group.
        group: GroupId,
        /// The first place that is kept.
        before: Sequence,
    },
    /// Sets what is being appended to a group's log.
    PutOutgoing(Outgoing),
    /// Forgets what was being appended.
    EraseOutgoing(GroupId),
    /// Sets an intent.
    PutIntent(Intent),
    /// Forgets an intent.
    EraseIntent(u64),
    /// Queues a post under the next free id.
    AddPost(Secret),
    /// Forgets a post.
    ErasePost(u64),
    /// Sets an invitation.
    PutJoin(Join),
    /// Forgets the invitation to a key package.
    EraseJoin(Vec<u8>),
    /// Keeps a message.
    PutMessage(MessageRow),
    /// Marks a message as read.
    MarkRead(GroupId, Sequence),
}

//! What is asked of a Delivery Service, and what comes of it.

use folkmoot_identity::DeviceName;
use folkmoot_protocol::{
    AckInbox, Appended, ClaimKeyPackages, CreateGroup, Digest, GroupId, InboxCursor, InboxPage,
    JoinerWelcome, KeyPackagesAvailable, KeyPackagesClaimed, KeyPackagesUploaded, LogPage,
    PostPointer, Posted, Problem, Receipt, Redeemed, Sequence, SlotId, SlotPublicKey, SlotRequest,
    Timestamp, VerifiedRedeem,
};

use crate::key_package::OfferedKeyPackage;
use crate::need::{Need, Write};

/// One request, checked as far as that is possible without any record.
///
/// The devices in it are those whose sessions the caller has authenticated; requests to a group's
/// log name none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Keep key packages; made by
    /// [`Delivery::upload_key_packages`](crate::Delivery::upload_key_packages).
    UploadKeyPackages {
        /// Whose.
        device: DeviceName,
        /// What is offered.
        packages: Vec<OfferedKeyPackage>,
    },
    /// Count what is left to claim.
    CountKeyPackages {
        /// Whose.
        device: DeviceName,
    },
    /// Hand out one key package of each device of a user.
    ClaimKeyPackages(ClaimKeyPackages),
    /// Put a sealed pointer into an inbox.
    PostPointer(PostPointer),
    /// Read the inbox of a device.
    ReadInbox {
        /// Whose.
        device: DeviceName,
        /// The last item that the reader has.
        after: InboxCursor,
    },
    /// Drop the items of an inbox that are done with.
    AckInbox {
        /// Whose.
        device: DeviceName,
        /// Up to where.
        ack: AckInbox,
    },
    /// Begin a log.
    CreateGroup(CreateGroup),
    /// A slot's request; made by [`Delivery::slot`](crate::Delivery::slot).
    Log(LogRequest),
    /// Bind a slot to a key; made by [`Delivery::redeem`](crate::Delivery::redeem).
    Redeem(VerifiedRedeem),
    /// Read on where a slot was found entitled to before; for streams.
    Follow(FollowRequest),
}

impl Command {
    /// The records that the decision must see.
    pub fn need(&self, now: Timestamp) -> Need {
        match self {
            Self::UploadKeyPackages { device, packages } => Need::KeyPackages {
                device: device.clone(),
                references: packages.iter().map(|p| p.reference().clone()).collect(),
                at: now,
            },
            Self::CountKeyPackages { device } => Need::KeyPackages {
                device: device.clone(),
                references: Vec::new(),
                at: now,
            },
            Self::ClaimKeyPackages(claim) => Need::Claim {
                user: claim.user.clone(),
                at: now,
            },
            Self::PostPointer(post) => Need::Post {
                to: post.to.clone(),
                idempotency: post.idempotency,
                reference: post.key_package_ref.clone(),
            },
            Self::ReadInbox { device, after } => Need::Inbox {
                device: device.clone(),
                after: *after,
            },
            Self::AckInbox { .. } => Need::Nothing,
            Self::CreateGroup(create) => Need::Group(create.into()),
            Self::Log(request) => Need::Group(request.into()),
            Self::Redeem(redeem) => Need::Group(redeem.into()),
            Self::Follow(follow) => Need::Group(follow.into()),
        }
    }

    /// Whether its decision never writes, so that any consistent snapshot will do.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::CountKeyPackages { .. } | Self::ReadInbox { .. } | Self::Follow(_) => true,
            Self::Log(request) => request.only_reads(),
            Self::UploadKeyPackages { .. }
            | Self::ClaimKeyPackages(_)
            | Self::PostPointer(_)
            | Self::AckInbox { .. }
            | Self::CreateGroup(_)
            | Self::Redeem(_) => false,
        }
    }
}

/// A slot's request that is well formed and in time. Its signature is checked where the slot's key
/// is known: in the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    pub(crate) request: SlotRequest,
    /// Of an append; none for the others.
    pub(crate) digest: Option<Digest>,
}

/// A slot's right to read a log, as a decision found it. It ends when the slot gets another key,
/// and past the place that closed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscription {
    pub(crate) group: GroupId,
    pub(crate) slot: SlotId,
    pub(crate) key: SlotPublicKey,
}

impl Subscription {
    /// The group whose log it reads.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// The slot that reads.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// Asks for what comes after a place.
    pub fn after(&self, after: Sequence) -> FollowRequest {
        FollowRequest {
            subscription: self.clone(),
            after,
        }
    }
}

/// The next read of a [`Subscription`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowRequest {
    pub(crate) subscription: Subscription,
    pub(crate) after: Sequence,
}

/// What is to be done about a command. Reply and wakes may leave only when the writes are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// To be applied in this order, all or none. Empty when the command is refused.
    pub writes: Vec<Write>,
    /// The answer or the refusal.
    pub reply: Result<Reply, Problem>,
    /// Who may have something new to read.
    pub wakes: Vec<Wake>,
}

/// Who may have something new to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    /// Whoever follows a group's log.
    Group(GroupId),
    /// A device.
    Inbox(DeviceName),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To an upload.
    Uploaded(KeyPackagesUploaded),
    /// To a count.
    Counted(KeyPackagesAvailable),
    /// To a claim.
    Claimed(KeyPackagesClaimed),
    /// To a post.
    Posted(Posted),
    /// To a read of an inbox.
    Inbox(InboxPage),
    /// To an acknowledgement.
    Acknowledged,
    /// To the creation of a group.
    Created(Receipt),
    /// To an append.
    Appended(Appended),
    /// To a read of a log, or of a subscription.
    Entries(LogPage),
    /// To a request for a Welcome.
    Welcome(JoinerWelcome),
    /// To a redemption.
    Redeemed(Redeemed),
    /// To a request to follow: the right to read on, and the first entries.
    Following(Subscription, LogPage),
}

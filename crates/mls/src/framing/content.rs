//! Framed content (RFC 9420 §6).

use crate::tree::LeafIndex;
use crate::wire::{Commit, Epoch, GroupId, Proposal};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// How a message travels (RFC 9420 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u16)]
pub enum WireFormat {
    /// Signed, and tagged for members.
    PublicMessage = 1,
    /// Signed and encrypted.
    PrivateMessage = 2,
}

/// What a message carries.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
#[repr(u8)]
pub enum ContentType {
    /// Application data.
    Application = 1,
    /// A proposal.
    Proposal = 2,
    /// A commit.
    Commit = 3,
}

/// Who made a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Sender {
    /// A member.
    #[tls_codec(discriminant = 1)]
    Member(LeafIndex),
    /// Someone outside whom the group's `external_senders` names.
    #[tls_codec(discriminant = 2)]
    External(u32),
    /// A client that proposes to be added.
    #[tls_codec(discriminant = 3)]
    NewMemberProposal,
    /// A client that joins by its own commit.
    #[tls_codec(discriminant = 4)]
    NewMemberCommit,
}

/// The content itself.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Content {
    /// Application data.
    #[tls_codec(discriminant = 1)]
    Application(VLBytes),
    /// A proposal.
    #[tls_codec(discriminant = 2)]
    Proposal(Proposal),
    /// A commit.
    #[tls_codec(discriminant = 3)]
    Commit(Box<Commit>),
}

impl Content {
    /// Its type.
    pub fn content_type(&self) -> ContentType {
        match self {
            Self::Application(_) => ContentType::Application,
            Self::Proposal(_) => ContentType::Proposal,
            Self::Commit(_) => ContentType::Commit,
        }
    }
}

/// Content with what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct FramedContent {
    /// The group.
    pub group_id: GroupId,
    /// The epoch.
    pub epoch: Epoch,
    /// Who made it.
    pub sender: Sender,
    /// Authenticated, never encrypted; the application gives it its form, or its components do (check 149).
    pub authenticated_data: VLBytes,
    /// The content.
    pub content: Content,
}

//! Proposals (RFC 9420 §12.1).

use super::{
    AppDataUpdate, AppEphemeral, ComponentId, Epoch, Extensions, GroupId, KeyPackage, LeafNode,
    ProtocolVersion, drafts,
};
use crate::tree::LeafIndex;
use folkmoot_crypto::CipherSuite;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// A proposal type's code point (RFC 9420 §17.4).
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
pub struct ProposalType(pub u16);

impl ProposalType {
    /// `app_data_update`.
    pub const APP_DATA_UPDATE: Self = Self(drafts::APP_DATA_UPDATE);
    /// `app_ephemeral`.
    pub const APP_EPHEMERAL: Self = Self(drafts::APP_EPHEMERAL);
    /// `self_remove`.
    pub const SELF_REMOVE: Self = Self(drafts::SELF_REMOVE);

    /// Whether every client supports the type without listing it (RFC 9420 §7.2).
    pub fn is_default(self) -> bool {
        (1..=7).contains(&self.0)
    }
}

/// A change to a group that somebody proposes: those of RFC 9420 and of draft-ietf-mls-extensions. Other
/// types are no proposals here (check 65).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u16)]
pub enum Proposal {
    /// Add a client.
    #[tls_codec(discriminant = 1)]
    Add(Box<KeyPackage>),
    /// Replace the sender's leaf.
    #[tls_codec(discriminant = 2)]
    Update(Box<LeafNode>),
    /// Remove a member.
    #[tls_codec(discriminant = 3)]
    Remove(LeafIndex),
    /// Mix a pre-shared key in.
    #[tls_codec(discriminant = 4)]
    PreSharedKey(PreSharedKeyId),
    /// Start again with other parameters.
    #[tls_codec(discriminant = 5)]
    ReInit(ReInit),
    /// Join from outside.
    #[tls_codec(discriminant = 6)]
    ExternalInit(VLBytes),
    /// Replace the group's extensions.
    #[tls_codec(discriminant = 7)]
    GroupContextExtensions(Extensions),
    /// Change what a component keeps in the group's extensions.
    #[tls_codec(discriminant = "drafts::APP_DATA_UPDATE")]
    AppDataUpdate(AppDataUpdate),
    /// Say something with a commit.
    #[tls_codec(discriminant = "drafts::APP_EPHEMERAL")]
    AppEphemeral(AppEphemeral),
    /// Remove the sender.
    #[tls_codec(discriminant = "drafts::SELF_REMOVE")]
    SelfRemove,
}

impl Proposal {
    /// Its type.
    pub fn proposal_type(&self) -> ProposalType {
        ProposalType(match self {
            Self::Add(_) => 1,
            Self::Update(_) => 2,
            Self::Remove(_) => 3,
            Self::PreSharedKey(_) => 4,
            Self::ReInit(_) => 5,
            Self::ExternalInit(_) => 6,
            Self::GroupContextExtensions(_) => 7,
            Self::AppDataUpdate(_) => drafts::APP_DATA_UPDATE,
            Self::AppEphemeral(_) => drafts::APP_EPHEMERAL,
            Self::SelfRemove => drafts::SELF_REMOVE,
        })
    }

    /// Whether a commit of it needs a path (RFC 9420 §17.4, check 82).
    pub(crate) fn requires_path(&self) -> bool {
        match self {
            Self::Add(_)
            | Self::PreSharedKey(_)
            | Self::ReInit(_)
            | Self::AppDataUpdate(_)
            | Self::AppEphemeral(_) => false,
            Self::SelfRemove
            | Self::Update(_)
            | Self::Remove(_)
            | Self::ExternalInit(_)
            | Self::GroupContextExtensions(_) => true,
        }
    }

    /// Whether those outside whom the group names may propose it (RFC 9420 §12.1.8, check 42).
    pub(crate) fn may_be_external(&self) -> bool {
        match self {
            Self::Add(_)
            | Self::Remove(_)
            | Self::PreSharedKey(_)
            | Self::ReInit(_)
            | Self::GroupContextExtensions(_)
            | Self::AppDataUpdate(_)
            | Self::AppEphemeral(_) => true,
            Self::Update(_) | Self::ExternalInit(_) | Self::SelfRemove => false,
        }
    }
}

/// Parameters of the group that follows a reinitialised one (RFC 9420 §12.1.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ReInit {
    /// Its id.
    pub group_id: GroupId,
    /// Its protocol version.
    pub version: ProtocolVersion,
    /// Its cipher suite.
    pub cipher_suite: CipherSuite,
    /// Its extensions.
    pub extensions: Extensions,
}

/// Names a pre-shared key (RFC 9420 §8.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PreSharedKeyId {
    /// Which key.
    pub psk: Psk,
    /// Fresh for each use.
    pub psk_nonce: VLBytes,
}

/// Where a pre-shared key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Psk {
    /// Outside MLS, under this id.
    #[tls_codec(discriminant = 1)]
    External(VLBytes),
    /// An earlier epoch of some group.
    #[tls_codec(discriminant = 2)]
    Resumption(ResumptionPskUsage, GroupId, Epoch),
    /// A component of the application, under this id (draft-ietf-mls-extensions §4.5).
    #[tls_codec(discriminant = "drafts::APPLICATION_PSK")]
    Application(ComponentId, VLBytes),
}

/// What a resumption key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ResumptionPskUsage {
    /// The application's own purpose.
    Application = 1,
    /// The group's successor.
    ReInit = 2,
    /// A group split off.
    Branch = 3,
}

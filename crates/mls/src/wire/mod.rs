//! The structures of RFC 9420 as they travel, decoded strictly and not yet believed.

mod ciphertexts;
mod commit;
mod component;
mod context;
mod credential;
pub(crate) mod drafts;
mod extension;
mod key_package;
mod leaf_node;
mod media;
mod proposal;
mod welcome;

pub use ciphertexts::HpkeCiphertexts;
pub use commit::{Commit, ProposalOrRef, ProposalRef, UpdatePath, UpdatePathNode};
pub use component::{
    AppAck, AppDataOperation, AppDataUpdate, AppEphemeral, ByComponent, ComponentId,
    ComponentsList, MessageRange,
};
pub use context::{GroupContext, GroupInfo, GroupInfoContent};
pub use credential::{Credential, CredentialType};
pub use extension::{Extension, ExtensionType, Extensions, ExternalSender, RequiredCapabilities};
pub use key_package::{KeyPackage, KeyPackageContent, KeyPackageRef};
pub(crate) use leaf_node::LeafPlace;
pub use leaf_node::{Capabilities, LeafNode, LeafNodeContent, LeafNodeSource, Lifetime};
pub use media::{ApplicationFraming, MediaParameter, MediaType, MediaTypes};
pub use proposal::{PreSharedKeyId, Proposal, ProposalType, Psk, ReInit, ResumptionPskUsage};
pub use welcome::{EncryptedGroupSecrets, GroupSecrets, PathSecret, Welcome, WelcomeShared};

use crate::error::{DecodeError, StateError};
use core::fmt;
use tls_codec::{DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// Seconds since 1970-01-01T00:00:00Z, as in a [`Lifetime`].
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct Timestamp(pub u64);

/// A group's epoch number (RFC 9420 §8).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct Epoch(pub u64);

/// A group's identifier (RFC 9420 §8.1), opaque to the protocol.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
pub struct GroupId(VLBytes);

impl GroupId {
    /// A group id of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(VLBytes::new(bytes.into()))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GroupId(")?;
        self.as_slice()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
        formatter.write_str(")")
    }
}

/// A protocol version (RFC 9420 §6).
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
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// MLS 1.0, RFC 9420.
    pub const MLS_10: Self = Self(1);
}

/// The longest vector of the encoding, in bytes (RFC 9420 §2.1.2).
const MAX_VECTOR: usize = (1 << 30) - 1;

/// Encodes what may be of any length, such as a whole tree.
pub(crate) fn encode_any<T: Serialize>(value: &T) -> Result<Vec<u8>, StateError> {
    if value.tls_serialized_len() > MAX_VECTOR {
        return Err(StateError::TooLong);
    }
    let encoded = value.tls_serialize_detached();
    encoded.map_err(|_| StateError::TooLong)
}

/// Encodes a value that is bounded: the parts of one message, one node, one secret.
///
/// Vectors beyond [`MAX_VECTOR`] are the only failure the codec knows. Messages are below
/// [`crate::MAX_MESSAGE_LENGTH`], those that arrive as those that leave, and whatever grows from
/// message to message goes through [`encode_any`].
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    value
        .tls_serialize_detached()
        .expect("own structures are bounded below 2^30 bytes")
}

/// Decodes exactly one value: trailing bytes are an error.
pub(crate) fn decode<T: DeserializeBytes>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::tls_deserialize_exact_bytes(bytes).map_err(DecodeError::from)
}

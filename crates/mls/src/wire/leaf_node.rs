//! Leaf nodes (RFC 9420 §7.2).

use super::{
    Credential, CredentialType, ExtensionType, Extensions, GroupId, ProposalType, ProtocolVersion,
    Timestamp, encode,
};
use crate::tree::LeafIndex;
use folkmoot_crypto::CipherSuite;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// What a client can do. Values that are not known here, GREASE among them, stand for nothing else and
/// hurt nobody (checks 5, 6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Capabilities {
    /// Protocol versions.
    pub versions: Vec<ProtocolVersion>,
    /// Cipher suites.
    pub cipher_suites: Vec<CipherSuite>,
    /// Extension types beyond the default ones.
    pub extensions: Vec<ExtensionType>,
    /// Proposal types beyond the default ones.
    pub proposals: Vec<ProposalType>,
    /// Credential types.
    pub credentials: Vec<CredentialType>,
}

impl Capabilities {
    /// Whether an extension type is supported, default types always being so.
    pub fn supports_extension(&self, extension_type: ExtensionType) -> bool {
        extension_type.is_default() || self.extensions.contains(&extension_type)
    }

    /// Whether a proposal type is supported, default types always being so.
    pub fn supports_proposal(&self, proposal_type: ProposalType) -> bool {
        proposal_type.is_default() || self.proposals.contains(&proposal_type)
    }
}

/// When a KeyPackage's leaf may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Lifetime {
    /// First second.
    pub not_before: Timestamp,
    /// Last second.
    pub not_after: Timestamp,
}

impl Lifetime {
    /// Whether `now` lies inside.
    pub fn contains(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Where a leaf comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum LeafNodeSource {
    /// A KeyPackage.
    #[tls_codec(discriminant = 1)]
    KeyPackage(Lifetime),
    /// An Update proposal.
    #[tls_codec(discriminant = 2)]
    Update,
    /// A Commit; carries the parent hash.
    #[tls_codec(discriminant = 3)]
    Commit(VLBytes),
}

/// A leaf but for its signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LeafNodeContent {
    /// HPKE public key.
    pub encryption_key: VLBytes,
    /// Signature public key.
    pub signature_key: VLBytes,
    /// Binds the signature key to an identity.
    pub credential: Credential,
    /// What the client supports.
    pub capabilities: Capabilities,
    /// How the leaf came here.
    pub source: LeafNodeSource,
    /// Extensions.
    pub extensions: Extensions,
}

/// A member's leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LeafNode {
    /// All that is signed.
    pub content: LeafNodeContent,
    /// Signature by `signature_key` over the content and, where it is in a group already, its place.
    pub signature: VLBytes,
}

/// A leaf's place: part of what it signs once it stands in a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeafPlace<'a> {
    pub(crate) group_id: &'a GroupId,
    pub(crate) leaf_index: LeafIndex,
}

impl LeafNode {
    /// Whom it shows, and the key that speaks for them.
    pub(crate) fn identity(&self) -> (&Credential, &[u8]) {
        let content = &self.content;
        (&content.credential, content.signature_key.as_slice())
    }
}

impl LeafNodeContent {
    /// `LeafNodeTBS`: the place counts for sources `update` and `commit` only (check 15).
    pub(crate) fn to_be_signed(&self, place: Option<LeafPlace<'_>>) -> Vec<u8> {
        let mut bytes = encode(self);
        let in_group = !matches!(self.source, LeafNodeSource::KeyPackage(_));
        if let (true, Some(place)) = (in_group, place) {
            bytes.extend(encode(place.group_id));
            bytes.extend(encode(&place.leaf_index));
        }
        bytes
    }
}

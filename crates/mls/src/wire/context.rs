//! GroupContext (RFC 9420 §8.1) and GroupInfo (§12.4.3).

use super::{Epoch, Extensions, GroupId, ProtocolVersion};
use crate::tree::LeafIndex;
use folkmoot_crypto::CipherSuite;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// What all members of a group agree on.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupContext {
    /// Protocol version.
    pub version: ProtocolVersion,
    /// Cipher suite.
    pub cipher_suite: CipherSuite,
    /// The group's id.
    pub group_id: GroupId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Tree hash of the ratchet tree.
    pub tree_hash: VLBytes,
    /// Hash of all handshakes so far.
    pub confirmed_transcript_hash: VLBytes,
    /// Extensions of the group.
    pub extensions: Extensions,
}

/// A GroupInfo but for its signature.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupInfoContent {
    /// The group's context.
    pub group_context: GroupContext,
    /// Such as `ratchet_tree`.
    pub extensions: Extensions,
    /// The commit's confirmation tag.
    pub confirmation_tag: VLBytes,
    /// Who signs.
    pub signer: LeafIndex,
}

/// What a joiner must know of a group.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupInfo {
    /// All that is signed.
    pub content: GroupInfoContent,
    /// Signature by the signer's leaf key.
    pub signature: VLBytes,
}

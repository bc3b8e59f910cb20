//! Nodes of the ratchet tree (RFC 9420 §7.1) as they travel.

use super::LeafIndex;
use crate::leaf::ClientId;
use crate::wire::LeafNode;
use std::sync::Arc;
use tls_codec::{
    DeserializeBytes, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes,
};

/// A parent node that is not blank.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ParentNode {
    /// HPKE public key.
    pub encryption_key: VLBytes,
    /// Hash of the next node above that has keys.
    pub parent_hash: VLBytes,
    /// Leaves below that do not hold the private key, ascending.
    pub unmerged_leaves: Vec<LeafIndex>,
}

/// A leaf that is not blank, and the client that the Authentication Service says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) node: Arc<LeafNode>,
    pub(crate) client: Option<ClientId>,
}

impl Leaf {
    pub(crate) fn new(node: LeafNode, client: Option<ClientId>) -> Self {
        let node = Arc::new(node);
        Self { node, client }
    }
}

/// A node that is not blank. Shared between epochs: public data only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// At an even index.
    Leaf(Leaf),
    /// At an odd index.
    Parent(Arc<ParentNode>),
}

impl Node {
    pub(crate) fn leaf(&self) -> Option<&LeafNode> {
        match self {
            Self::Leaf(leaf) => Some(&leaf.node),
            Self::Parent(_) => None,
        }
    }

    pub(crate) fn encryption_key(&self) -> &[u8] {
        match self {
            Self::Leaf(leaf) => leaf.node.content.encryption_key.as_slice(),
            Self::Parent(parent) => parent.encryption_key.as_slice(),
        }
    }
}

const LEAF: u8 = 1;
const PARENT: u8 = 2;

impl Size for Node {
    fn tls_serialized_len(&self) -> usize {
        1 + match self {
            Self::Leaf(leaf) => leaf.node.tls_serialized_len(),
            Self::Parent(parent) => parent.tls_serialized_len(),
        }
    }
}

impl Serialize for Node {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        match self {
            Self::Leaf(leaf) => {
                Ok(LEAF.tls_serialize(writer)? + leaf.node.as_ref().tls_serialize(writer)?)
            }
            Self::Parent(parent) => {
                Ok(PARENT.tls_serialize(writer)? + parent.as_ref().tls_serialize(writer)?)
            }
        }
    }
}

impl DeserializeBytes for Node {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (kind, rest) = u8::tls_deserialize_bytes(bytes)?;
        match kind {
            LEAF => LeafNode::tls_deserialize_bytes(rest)
                .map(|(leaf, rest)| (Self::Leaf(Leaf::new(leaf, None)), rest)),
            PARENT => ParentNode::tls_deserialize_bytes(rest)
                .map(|(parent, rest)| (Self::Parent(Arc::new(parent)), rest)),
            other => Err(tls_codec::Error::UnknownValue(other.into())),
        }
    }
}

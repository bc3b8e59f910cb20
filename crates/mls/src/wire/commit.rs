//! Commits (RFC 9420 §12.4) and update paths (§7.6).

use super::{HpkeCiphertexts, LeafNode, Proposal};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// A proposal's hash reference (RFC 9420 §5.2).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
pub struct ProposalRef(pub VLBytes);

/// A proposal in a commit's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ProposalOrRef {
    /// By value; the committer's own.
    #[tls_codec(discriminant = 1)]
    Proposal(Proposal),
    /// By reference to a message of this epoch.
    #[tls_codec(discriminant = 2)]
    Reference(ProposalRef),
}

/// A list of proposals to apply, which need not be all that wait (check 78), and fresh keys along the
/// committer's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Commit {
    /// What to apply.
    pub proposals: Vec<ProposalOrRef>,
    /// Fresh keys.
    pub path: Option<UpdatePath>,
}

/// Fresh keys for a leaf and its filtered direct path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UpdatePath {
    /// The committer's new leaf.
    pub leaf_node: LeafNode,
    /// One per node of the filtered direct path, from the bottom up.
    pub nodes: Vec<UpdatePathNode>,
}

/// A fresh public key and its path secret for each node of the copath's resolution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UpdatePathNode {
    /// The node's new public key.
    pub encryption_key: VLBytes,
    /// The path secret, sealed once per node of the resolution.
    pub encrypted_path_secret: HpkeCiphertexts,
}

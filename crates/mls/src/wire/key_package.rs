//! KeyPackages (RFC 9420 §10).

use super::{Extensions, LeafNode, ProtocolVersion};
use folkmoot_crypto::CipherSuite;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// A KeyPackage's hash reference (RFC 9420 §5.2).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
pub struct KeyPackageRef(pub VLBytes);

/// A KeyPackage but for its signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackageContent {
    /// Protocol version that it is for.
    pub version: ProtocolVersion,
    /// Cipher suite that it is for.
    pub cipher_suite: CipherSuite,
    /// HPKE public key that a Welcome is sealed to.
    pub init_key: VLBytes,
    /// The leaf that the client will have in the group.
    pub leaf_node: LeafNode,
    /// Extensions.
    pub extensions: Extensions,
}

/// An offer to be added to a group; not yet believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackage {
    /// All that is signed.
    pub content: KeyPackageContent,
    /// Signature by the leaf's signature key.
    pub signature: VLBytes,
}

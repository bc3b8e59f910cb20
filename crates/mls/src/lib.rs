//! Messaging Layer Security (RFC 9420), without I/O, clock, threads or global randomness.
#![forbid(unsafe_code)]

mod check;
mod error;
mod framing;
mod group;
mod key_package;
mod labels;
mod leaf;
mod schedule;
mod tree;
#[cfg(test)]
mod vectors;
mod wire;

pub use check::Check;
pub use error::{CredentialRejected, DecodeError, Error, Fault, RecordsError, StateError};
pub use folkmoot_crypto::{CipherSuite, SignatureKeyPair};
pub use framing::{
    Content, ContentType, FramedContent, MessageBody, MlsMessage, PrivateMessage, PublicMessage,
    Sender, WireFormat,
};
pub use group::{
    ApplicationMessage, Change, CommitBundle, CommitIntent, CommitSummary, Delta, Group, Incoming,
    IncomingContent, OwnKeyPackage, ProposalIntent, RecordKey, Records, Settings,
};
pub use key_package::{KeyPackageSecrets, Member, VerifiedKeyPackage};
pub use labels::{
    decrypt_with_label, derive_secret, derive_tree_secret, encrypt_with_label, expand_with_label,
    reference_hash, sign_with_label, verify_with_label,
};
pub use leaf::AuthenticationService;
pub use tree::{LeafIndex, NodeIndex, ParentNode, RatchetTree};
pub use wire::*;

//! Welcome (RFC 9420 §12.4.3.1).

use super::{KeyPackageRef, PreSharedKeyId};
use folkmoot_crypto::{CipherSuite, HpkeCiphertext, Secret};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// Brings new members into a group.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Welcome {
    /// The group's suite.
    pub cipher_suite: CipherSuite,
    /// One per new member.
    pub secrets: Vec<EncryptedGroupSecrets>,
    /// The GroupInfo, sealed under the welcome secret.
    pub encrypted_group_info: VLBytes,
}

/// A new member's secrets, sealed to the init key of its KeyPackage.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct EncryptedGroupSecrets {
    /// Whose they are.
    pub new_member: KeyPackageRef,
    /// The sealed [`GroupSecrets`].
    pub encrypted_group_secrets: HpkeCiphertext,
}

/// What a new member needs to derive the epoch.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupSecrets {
    /// The epoch's joiner secret.
    pub joiner_secret: Secret,
    /// Path secret of the lowest node above both committer and new member.
    pub path_secret: Option<PathSecret>,
    /// Pre-shared keys of the commit.
    pub psks: Vec<PreSharedKeyId>,
}

/// A path secret.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PathSecret {
    /// The secret.
    pub path_secret: Secret,
}

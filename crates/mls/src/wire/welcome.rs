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

impl Welcome {
    /// Takes apart what all new members get alike and what each gets for itself, in the order of the
    /// list, so that nobody has to fetch what is sealed to others.
    ///
    /// [`WelcomeShared::with`] puts one member's part and the shared one together again. RFC 9420
    /// §12.4.3.1 leaves it to the committer whether one Welcome is for all new members or for some, so
    /// that each of them is a Welcome like any other.
    ///
    /// ```
    /// # use folkmoot_mls::{CipherSuite, EncryptedGroupSecrets, KeyPackageRef, Welcome};
    /// # let sealed = |name: u8| EncryptedGroupSecrets {
    /// #     new_member: KeyPackageRef(vec![name].into()),
    /// #     encrypted_group_secrets: folkmoot_crypto::HpkeCiphertext {
    /// #         kem_output: vec![1].into(),
    /// #         ciphertext: vec![2].into(),
    /// #     },
    /// # };
    /// # let (bob, carol) = (sealed(1), sealed(2));
    /// let welcome = Welcome {
    ///     cipher_suite: CipherSuite(1),
    ///     secrets: vec![bob.clone(), carol.clone()],
    ///     encrypted_group_info: vec![3].into(),
    /// };
    /// let (shared, secrets) = welcome.split();
    /// assert_eq!(secrets, [bob, carol.clone()]);
    /// assert_eq!(shared.with(carol.clone()).secrets, [carol]);
    /// ```
    pub fn split(self) -> (WelcomeShared, Vec<EncryptedGroupSecrets>) {
        let shared = WelcomeShared {
            cipher_suite: self.cipher_suite,
            encrypted_group_info: self.encrypted_group_info,
        };
        (shared, self.secrets)
    }
}

/// What all new members of a [`Welcome`] get alike. No structure of RFC 9420, and sent in none: an
/// application stores and sends it as it likes, beside each member's [`EncryptedGroupSecrets`].
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct WelcomeShared {
    /// The group's suite.
    pub cipher_suite: CipherSuite,
    /// The GroupInfo, sealed under the welcome secret.
    pub encrypted_group_info: VLBytes,
}

impl WelcomeShared {
    /// The Welcome of one new member. Nothing is checked here: joining refuses secrets that are another
    /// member's, and those that are not of the commit that the shared part is of.
    #[must_use]
    pub fn with(self, secrets: EncryptedGroupSecrets) -> Welcome {
        Welcome {
            cipher_suite: self.cipher_suite,
            secrets: vec![secrets],
            encrypted_group_info: self.encrypted_group_info,
        }
    }
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

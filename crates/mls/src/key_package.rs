//! Making and verifying KeyPackages (RFC 9420 §10).

use crate::check::Check;
use crate::error::{Error, own_keys};
use crate::group::Settings;
use crate::labels::{reference_hash, sign_with_label, verify_with_label};
use crate::leaf::{AuthenticationService, Carrier, LeafCheck, check_version_and_suite};
use crate::parallel;
use crate::wire::{
    Capabilities, Credential, CredentialType, ExtensionType, Extensions, KeyPackage,
    KeyPackageContent, KeyPackageRef, LeafNode, LeafNodeContent, LeafNodeSource, Lifetime,
    ProposalType, ProtocolVersion, Timestamp, encode,
};
use crate::{MessageBody, MlsMessage};
use folkmoot_crypto::{CipherSuite, Crypto, Secret, SignatureKeyPair};
use rand_core::CryptoRng;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// RFC 9420 §10.
const KEY_PACKAGE_LABEL: &str = "KeyPackageTBS";
/// RFC 9420 §5.2.
const REFERENCE_LABEL: &str = "MLS 1.0 KeyPackage Reference";

/// What a client brings into a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Binds the signature key to an identity.
    pub credential: Credential,
    /// The leaf's signature key pair.
    pub signature: SignatureKeyPair,
    /// What the client supports beyond what every client does and what it uses itself.
    pub supports: Supported,
    /// Extensions of the leaf, such as `application_id`; their types count as supported.
    pub extensions: Extensions,
}

/// What a client lists as supported (RFC 9420 §7.2); default types need not be listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    /// Cipher suites beside the one in use.
    pub cipher_suites: Vec<CipherSuite>,
    /// Extension types.
    pub extensions: Vec<ExtensionType>,
    /// Proposal types.
    pub proposals: Vec<ProposalType>,
    /// Credential types beside the one in use.
    pub credentials: Vec<CredentialType>,
}

impl Member {
    /// A client that supports what every client does.
    pub fn new(credential: Credential, signature: SignatureKeyPair) -> Self {
        Self {
            credential,
            signature,
            supports: Supported::default(),
            extensions: Extensions::default(),
        }
    }

    /// The same client with support for more.
    #[must_use]
    pub fn supporting(self, supports: Supported) -> Self {
        Self { supports, ..self }
    }

    /// What its leaf lists (checks 17, 19, 21, 22).
    fn capabilities(&self, suite: CipherSuite) -> Capabilities {
        let Supported {
            cipher_suites,
            extensions,
            proposals,
            credentials,
        } = self.supports.clone();
        let beyond_default = self.extensions.types().chain(extensions);
        let proposals = proposals.into_iter();
        Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: distinct([suite].into_iter().chain(cipher_suites)),
            extensions: distinct(beyond_default.filter(|listed| !listed.is_default())),
            proposals: distinct(proposals.filter(|listed| !listed.is_default())),
            credentials: distinct(
                [self.credential.credential_type()]
                    .into_iter()
                    .chain(credentials),
            ),
        }
    }

    /// A leaf of this client's, to be signed, but for its encryption key and source.
    pub(crate) fn leaf_content(
        &self,
        suite: CipherSuite,
        source: LeafNodeSource,
    ) -> LeafNodeContent {
        LeafNodeContent {
            encryption_key: VLBytes::new(Vec::new()),
            signature_key: self.signature.public.as_slice().into(),
            credential: self.credential.clone(),
            capabilities: self.capabilities(suite),
            source,
            extensions: self.extensions.clone(),
        }
    }
}

/// Each value once, in the order of the first.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// The private keys of a KeyPackage. They leave the store when it is used (RFC 9420 §10, check 36).
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackageSecrets {
    /// Opens a Welcome.
    pub init_private: Secret,
    /// The leaf's HPKE private key.
    pub leaf_private: Secret,
    /// The leaf's signature key pair.
    pub signature: SignatureKeyPair,
}

/// A KeyPackage that passed RFC 9420 §10.1.
///
/// A commit at the moment for which it was verified, or without one, does not ask the Authentication
/// Service again; any other does.
#[derive(Clone, Debug)]
pub struct VerifiedKeyPackage {
    key_package: KeyPackage,
    at: Option<Timestamp>,
}

impl VerifiedKeyPackage {
    /// The KeyPackage.
    pub fn key_package(&self) -> &KeyPackage {
        &self.key_package
    }

    pub(crate) fn into_inner(self) -> KeyPackage {
        self.key_package
    }

    /// Whether the Authentication Service has answered for this moment.
    pub(crate) fn is_vouched_at(&self, at: Option<Timestamp>) -> bool {
        at.is_none() || at == self.at
    }
}

impl KeyPackage {
    /// Makes a KeyPackage with fresh keys (check 34).
    pub fn generate(
        crypto: &dyn Crypto,
        member: Member,
        lifetime: Lifetime,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, KeyPackageSecrets), Error> {
        let init = fresh_kem_key_pair(crypto, rng)?;
        let (leaf_node, leaf_private) = new_leaf(crypto, &member, lifetime, rng)?;
        let content = KeyPackageContent {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            init_key: init.public.into(),
            leaf_node,
            extensions: Extensions::default(),
        };
        let signed = sign_with_label(
            crypto,
            &member.signature.private,
            KEY_PACKAGE_LABEL,
            &encode(&content),
        )
        .map_err(own_keys)?;
        let secrets = KeyPackageSecrets {
            init_private: init.private,
            leaf_private,
            signature: member.signature,
        };
        Ok((
            Self {
                content,
                signature: signed.into(),
            },
            secrets,
        ))
    }

    /// The hash that names this KeyPackage in a Welcome (RFC 9420 §5.2).
    pub fn reference(&self, crypto: &dyn Crypto) -> KeyPackageRef {
        KeyPackageRef(reference_hash(crypto, REFERENCE_LABEL, &encode(self)).into())
    }

    /// The message to publish it as.
    pub fn to_message(&self) -> MlsMessage {
        MessageBody::KeyPackage(self.clone()).into()
    }

    /// Verifies it (RFC 9420 §10.1); `at` as for [`AuthenticationService::validate`].
    pub fn verify(
        self,
        crypto: &dyn Crypto,
        auth: &dyn AuthenticationService,
        settings: &Settings,
        at: Option<Timestamp>,
    ) -> Result<VerifiedKeyPackage, Error> {
        self.verify_with(&LeafCheck {
            crypto,
            auth,
            settings,
            at,
            records: &crate::records::NoRecords,
        })
    }

    /// Verifies many, on all cores; the first that is not valid is the error.
    pub fn verify_all(
        packages: Vec<Self>,
        crypto: &dyn Crypto,
        auth: &dyn AuthenticationService,
        settings: &Settings,
        at: Option<Timestamp>,
    ) -> Result<Vec<VerifiedKeyPackage>, Error> {
        parallel::try_map(packages, |one| one.verify(crypto, auth, settings, at))
    }

    /// Its leaf is valid as any leaf, and then the rest (checks 28–35).
    pub(crate) fn verify_with(self, leaves: &LeafCheck<'_>) -> Result<VerifiedKeyPackage, Error> {
        let crypto = leaves.crypto;
        let content = &self.content;
        if content.version != ProtocolVersion::MLS_10 || content.cipher_suite != crypto.suite() {
            return Err(Check::KeyPackageVersionAndSuite.into());
        }
        leaves.carried(&content.leaf_node, Carrier::KeyPackage, None, None)?;
        check_version_and_suite(&content.leaf_node, content.version, content.cipher_suite)?;
        leaves.check_extension_list(&content.extensions)?;
        let leaf = &content.leaf_node.content;
        verify_with_label(
            crypto,
            leaf.signature_key.as_slice(),
            KEY_PACKAGE_LABEL,
            &encode(content),
            self.signature.as_slice(),
        )
        .map_err(|_| Check::KeyPackageSignature)?;
        crypto
            .check_kem_public_key(content.init_key.as_slice())
            .map_err(|_| Check::KeysValidForSuite)?;
        if content.init_key == leaf.encryption_key {
            return Err(Check::InitKeyDiffers.into());
        }
        let listed = content
            .extensions
            .types()
            .all(|t| leaf.capabilities.supports_extension(t));
        if !listed {
            return Err(Check::KeyPackageListsExtensions.into());
        }
        Ok(VerifiedKeyPackage {
            key_package: self,
            at: leaves.at,
        })
    }
}

/// A leaf for a KeyPackage, or for the creator of a group (RFC 9420 §11).
pub(crate) fn new_leaf(
    crypto: &dyn Crypto,
    member: &Member,
    lifetime: Lifetime,
    rng: &mut dyn CryptoRng,
) -> Result<(LeafNode, Secret), Error> {
    let keys = fresh_kem_key_pair(crypto, rng)?;
    let source = LeafNodeSource::KeyPackage(lifetime);
    let content = LeafNodeContent {
        encryption_key: keys.public.into(),
        ..member.leaf_content(crypto.suite(), source)
    };
    let leaf = content.sign(crypto, &member.signature.private, None)?;
    Ok((leaf, keys.private))
}

pub(crate) fn fresh_kem_key_pair(
    crypto: &dyn Crypto,
    rng: &mut dyn CryptoRng,
) -> Result<folkmoot_crypto::KemKeyPair, Error> {
    let ikm = folkmoot_crypto::random_secret(rng, crypto.hash_length());
    crypto.derive_kem_key_pair(&ikm).map_err(own_keys)
}

//! Making and verifying KeyPackages (RFC 9420 §10).

use crate::check::Check;
use crate::error::{DecodeError, Error, StateError, own_keys};
use crate::grease;
use crate::group::{Settings, check_dictionary};
use crate::labels::{reference_hash, sign_with_label, verify_with_label};
use crate::leaf::{AuthenticationService, Carrier, LeafCheck, check_version_and_suite};
use crate::parallel;
use crate::records::NoRecords;
use crate::services::NoComponents;
use crate::wire::{
    ByComponent, Capabilities, ComponentId, ComponentsList, Credential, CredentialType,
    ExtensionType, Extensions, KeyPackage, KeyPackageContent, KeyPackageRef, LeafNode,
    LeafNodeContent, LeafNodeSource, Lifetime, ProposalType, ProtocolVersion, Timestamp, encode,
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
    /// Components of the application, where `app_data_dictionary` is among the extensions
    /// (draft-ietf-mls-extensions §4.6).
    pub components: Vec<ComponentId>,
    /// Whether values without a meaning are mixed in, so that nobody comes to rely on there being none (RFC
    /// 9420 §13.5).
    pub grease: bool,
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
            ..
        } = self.supports.clone();
        let beyond_default = self.extensions.types().chain(extensions);
        let proposals = proposals.into_iter();
        let capabilities = Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: distinct([suite].into_iter().chain(cipher_suites)),
            extensions: distinct(beyond_default.filter(|listed| !listed.is_default())),
            proposals: distinct(proposals.filter(|listed| !listed.is_default())),
            credentials: distinct(
                [self.credential.credential_type()]
                    .into_iter()
                    .chain(credentials),
            ),
        };
        if self.supports.grease {
            return grease::mix_in(capabilities, self.signature.public.as_slice());
        }
        capabilities
    }

    /// The leaf's extensions: whoever knows of dictionaries says which components it knows of
    /// (draft-ietf-mls-extensions §4.6).
    fn leaf_extensions(&self) -> Result<Extensions, DecodeError> {
        let mut extensions = self.extensions.clone();
        let dictionary = ExtensionType::APP_DATA_DICTIONARY;
        let uses = extensions.find(dictionary).is_some();
        if uses || self.supports.extensions.contains(&dictionary) {
            let own = [ComponentId::APP_COMPONENTS, ComponentId::SAFE_AAD];
            let components = self.supports.components.iter().copied();
            let known = ComponentsList(distinct(own.into_iter().chain(components)));
            let kept = extensions.app_data()?;
            extensions = extensions.keeping(&kept.with(own[0], known.encode()));
        }
        if self.supports.grease {
            let value = grease::value(self.signature.public.as_slice());
            extensions = extensions.with(ExtensionType(value), grease::DATA);
        }
        Ok(extensions)
    }

    /// A leaf of this client's, to be signed, but for its encryption key and source.
    pub(crate) fn leaf_content(
        &self,
        suite: CipherSuite,
        source: LeafNodeSource,
    ) -> Result<LeafNodeContent, Error> {
        let extensions = self.leaf_extensions();
        let extensions = extensions.map_err(|error| StateError::Refused(error.check()))?;
        Ok(LeafNodeContent {
            encryption_key: VLBytes::new(Vec::new()),
            signature_key: self.signature.public.as_slice().into(),
            credential: self.credential.clone(),
            capabilities: self.capabilities(suite),
            source,
            extensions,
        })
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
/// Service again; any other does. So verify by the group's own.
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
        Self::extended(crypto, member, lifetime, Extensions::default(), rng)
    }

    /// Makes a KeyPackage that may be used more than once, where no other is left: keep its secrets, and
    /// update at once in each group that it leads to (draft-ietf-mls-extensions §6.4).
    pub fn generate_last_resort(
        crypto: &dyn Crypto,
        mut member: Member,
        lifetime: Lifetime,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, KeyPackageSecrets), Error> {
        let mark = ByComponent::default().with(ComponentId::LAST_RESORT_KEY_PACKAGE, []);
        let supported = &mut member.supports;
        supported
            .extensions
            .push(ExtensionType::APP_DATA_DICTIONARY);
        supported
            .components
            .push(ComponentId::LAST_RESORT_KEY_PACKAGE);
        let extensions = Extensions::default().keeping(&mark);
        Self::extended(crypto, member, lifetime, extensions, rng)
    }

    /// Whether it may be used more than once (draft-ietf-mls-extensions §6.4).
    pub fn is_last_resort(&self) -> bool {
        let mark = self
            .content
            .extensions
            .component(ComponentId::LAST_RESORT_KEY_PACKAGE);
        mark.is_ok_and(|mark| mark.is_some())
    }

    fn extended(
        crypto: &dyn Crypto,
        member: Member,
        lifetime: Lifetime,
        extensions: Extensions,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, KeyPackageSecrets), Error> {
        let extensions = if member.supports.grease {
            let value = grease::value(member.signature.public.as_slice());
            extensions.with(ExtensionType(value), grease::DATA)
        } else {
            extensions
        };
        let init = fresh_kem_key_pair(crypto, rng)?;
        let (leaf_node, leaf_private) = new_leaf(crypto, &member, lifetime, rng)?;
        let content = KeyPackageContent {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            init_key: init.public.into(),
            leaf_node,
            extensions,
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
            records: &NoRecords,
            components: &NoComponents,
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
        check_dictionary(&content.extensions, leaves)?;
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
        ..member.leaf_content(crypto.suite(), source)?
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

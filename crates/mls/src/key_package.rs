//! Making and verifying KeyPackages (RFC 9420 §10).

use crate::check::Check;
use crate::error::{Error, own_keys};
use crate::group::Settings;
use crate::labels::{reference_hash, sign_with_label, verify_with_label};
use crate::leaf::{AuthenticationService, Carrier, LeafCheck, check_version_and_suite};
use crate::wire::{
    Capabilities, Credential, ExtensionType, Extensions, KeyPackage, KeyPackageContent,
    KeyPackageRef, LeafNode, LeafNodeContent, LeafNodeSource, Lifetime, ProtocolVersion, Timestamp,
    encode,
};
use crate::{MessageBody, MlsMessage};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};
use rand_core::CryptoRng;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

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
    /// Extension types that the client supports beyond the default ones.
    pub extensions: Vec<ExtensionType>,
}

/// The private keys of a KeyPackage. They leave the store when it is used (RFC 9420 §10).
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
#[derive(Clone, Debug)]
pub struct VerifiedKeyPackage(KeyPackage);

impl VerifiedKeyPackage {
    /// The KeyPackage.
    pub fn key_package(&self) -> &KeyPackage {
        &self.0
    }

    pub(crate) fn into_inner(self) -> KeyPackage {
        self.0
    }
}

impl KeyPackage {
    /// Makes a KeyPackage with fresh keys.
    pub fn generate(
        crypto: &dyn Crypto,
        member: Member,
        lifetime: Lifetime,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, KeyPackageSecrets), Error> {
        let init = fresh_kem_key_pair(crypto, rng)?;
        let signature = member.signature.clone();
        let (leaf_node, leaf_private) = new_leaf(crypto, member, lifetime, rng)?;
        let content = KeyPackageContent {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            init_key: init.public.into(),
            leaf_node,
            extensions: Extensions::default(),
        };
        let signed = sign_with_label(
            crypto,
            &signature.private,
            KEY_PACKAGE_LABEL,
            &encode(&content),
        )
        .map_err(own_keys)?;
        let secrets = KeyPackageSecrets {
            init_private: init.private,
            leaf_private,
            signature,
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
        let maximum_lifetime = settings.maximum_lifetime;
        self.verify_with(&LeafCheck {
            crypto,
            auth,
            maximum_lifetime,
            at,
        })
    }

    pub(crate) fn verify_with(self, leaves: &LeafCheck<'_>) -> Result<VerifiedKeyPackage, Error> {
        let crypto = leaves.crypto;
        let content = &self.content;
        if content.version != ProtocolVersion::MLS_10 || content.cipher_suite != crypto.suite() {
            return Err(Check::KeyPackageVersionAndSuite.into());
        }
        leaves.carried(&content.leaf_node, Carrier::KeyPackage, None)?;
        check_version_and_suite(&content.leaf_node, content.version, content.cipher_suite)?;
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
            return Err(Check::LeafListsExtensions.into());
        }
        Ok(VerifiedKeyPackage(self))
    }
}

/// A leaf for a KeyPackage, or for the creator of a group (RFC 9420 §11).
pub(crate) fn new_leaf(
    crypto: &dyn Crypto,
    member: Member,
    lifetime: Lifetime,
    rng: &mut dyn CryptoRng,
) -> Result<(LeafNode, Secret), Error> {
    let keys = fresh_kem_key_pair(crypto, rng)?;
    let credential_type = member.credential.credential_type();
    let content = LeafNodeContent {
        encryption_key: keys.public.into(),
        signature_key: member.signature.public.into(),
        credential: member.credential,
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: vec![crypto.suite()],
            extensions: member.extensions,
            proposals: Vec::new(),
            credentials: vec![credential_type],
        },
        source: LeafNodeSource::KeyPackage(lifetime),
        extensions: Extensions::default(),
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

//! Whether a leaf may stand in a group (RFC 9420 §7.3).

use crate::check::Check;
use crate::group::{Settings, check_dictionary};
use crate::labels::verify_with_label;
use crate::records::{NoRecords, Records};
use crate::services::Components;
use crate::tree::{Leaf, LeafIndex};
use crate::wire::{
    Credential, Extensions, GroupContext, KeyPackage, LeafNode, LeafNodeSource, LeafPlace,
    ProtocolVersion, Timestamp,
};
use crate::{CredentialRejected, Error};
use folkmoot_crypto::{CipherSuite, Crypto};
use std::sync::Arc;
use tls_codec::Size;

/// The label of a leaf's signature (RFC 9420 §7.2).
pub(crate) const LEAF_LABEL: &str = "LeafNodeTBS";

/// The questions that the engine asks of an Authentication Service (RFC 9750 §4).
///
/// A group may ask about several credentials at once.
pub trait AuthenticationService: Sync {
    /// Whether the credential binds the signature key to an identity that the service vouches for.
    ///
    /// `at` is the moment to judge by when this client is about to act on the answer. It is `None`
    /// for what arrives from the group: such an answer must not depend on a clock, because all
    /// members must give the same one.
    fn validate(
        &self,
        credential: &Credential,
        signature_key: &[u8],
        at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected>;

    /// The client that a credential names: two credentials are the same client's just when both have
    /// a client and it is the same. One without is no other's. All members have to answer alike, and
    /// always the same: groups keep the answer.
    fn client(&self, credential: &Credential) -> Option<ClientId>;

    /// Whether a member may replace its credential `old` by `new`; all members have to answer alike.
    fn succeeds(&self, old: &Credential, new: &Credential) -> bool;
}

/// What an [`AuthenticationService`] calls a client, whichever of its credentials it shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<[u8]>);

impl ClientId {
    /// The client of this name.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self(name.as_ref().into())
    }

    /// Its name.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

/// Where a leaf comes from, as its carrier implies (check 25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    KeyPackage,
    Update,
    Path,
}

/// Everything that can be said of a leaf by itself; `at` as for [`AuthenticationService::validate`].
pub(crate) struct LeafCheck<'a> {
    pub(crate) crypto: &'a dyn Crypto,
    pub(crate) auth: &'a dyn AuthenticationService,
    pub(crate) settings: &'a Settings,
    pub(crate) at: Option<Timestamp>,
    pub(crate) records: &'a dyn Records,
    pub(crate) components: &'a dyn Components,
}

impl<'a> LeafCheck<'a> {
    /// The same checks at a moment, for what asks no records: those are one core's to read.
    pub(crate) fn on_all_cores(
        &self,
    ) -> impl Fn(Option<Timestamp>) -> LeafCheck<'a> + Sync + use<'a> {
        let (crypto, auth, settings) = (self.crypto, self.auth, self.settings);
        let components = self.components;
        move |at| LeafCheck {
            crypto,
            auth,
            settings,
            at,
            records: &NoRecords,
            components,
        }
    }

    /// A leaf with the client that it is.
    pub(crate) fn identified(&self, leaf: &LeafNode) -> Leaf {
        let client = self.auth.client(&leaf.content.credential);
        Leaf::new(leaf.clone(), client)
    }

    /// A leaf that a message brings, of a member whose leaf was `before`.
    ///
    /// The Authentication Service is asked where credential or signature key are new (RFC 9420 §5.3.1).
    pub(crate) fn carried(
        &self,
        leaf: &LeafNode,
        carrier: Carrier,
        place: Option<LeafPlace<'_>>,
        before: Option<&LeafNode>,
    ) -> Result<(), Error> {
        let from = match leaf.content.source {
            LeafNodeSource::KeyPackage(_) => Carrier::KeyPackage,
            LeafNodeSource::Update => Carrier::Update,
            LeafNodeSource::Commit(_) => Carrier::Path,
        };
        if from != carrier {
            return Err(Check::LeafSource.into());
        }
        self.check_sound(leaf, place)?;
        if before.is_some_and(|before| before.identity() == leaf.identity()) {
            return Ok(());
        }
        Ok(self.check_vouched(leaf)?)
    }

    /// A leaf wherever it comes from, such as one in a joiner's tree.
    pub(crate) fn any(&self, leaf: &LeafNode, place: Option<LeafPlace<'_>>) -> Result<(), Error> {
        self.check_sound(leaf, place)?;
        Ok(self.check_vouched(leaf)?)
    }

    /// Everything but who it is.
    fn check_sound(&self, leaf: &LeafNode, place: Option<LeafPlace<'_>>) -> Result<(), Error> {
        self.check_bounds(leaf)?;
        self.check_lifetime(leaf)?;
        check_own_lists(leaf)?;
        check_dictionary(&leaf.content.extensions, self)?;
        let content = &leaf.content;
        self.crypto
            .check_kem_public_key(content.encryption_key.as_slice())
            .and_then(|()| {
                self.crypto
                    .check_signature_public_key(content.signature_key.as_slice())
            })
            .map_err(|_| Check::KeysValidForSuite)?;
        verify_with_label(
            self.crypto,
            content.signature_key.as_slice(),
            LEAF_LABEL,
            &content.to_be_signed(place),
            leaf.signature.as_slice(),
        )
        .map_err(|_| Check::LeafSignature)?;
        Ok(())
    }

    /// The Authentication Service vouches for the leaf: at the moment, and by no clock, as the others
    /// will ask.
    pub(crate) fn check_vouched(&self, leaf: &LeafNode) -> Result<(), CredentialRejected> {
        let content = &leaf.content;
        let key = content.signature_key.as_slice();
        if self.at.is_some() {
            self.auth.validate(&content.credential, key, self.at)?;
        }
        self.auth.validate(&content.credential, key, None)
    }

    /// A KeyPackage fits the group's bounds and may be sent now (RFC 9420 §7.3); its signatures and lists
    /// were verified before, and who it is.
    pub(crate) fn check_acceptable(&self, package: &KeyPackage) -> Result<(), Error> {
        let leaf = &package.content.leaf_node;
        self.check_bounds(leaf)?;
        self.check_extension_list(&package.content.extensions)?;
        for extensions in [&leaf.content.extensions, &package.content.extensions] {
            check_dictionary(extensions, self)?;
        }
        Ok(self.check_lifetime(leaf)?)
    }

    /// Lists are compared with each other, so that their lengths count twice; and every joiner gets
    /// every leaf.
    fn check_bounds(&self, leaf: &LeafNode) -> Result<(), Check> {
        check_leaf_length(leaf, self.settings)?;
        let content = &leaf.content;
        let capabilities = &content.capabilities;
        let lengths = [
            capabilities.versions.len(),
            capabilities.cipher_suites.len(),
            capabilities.extensions.len(),
            capabilities.proposals.len(),
            capabilities.credentials.len(),
        ];
        lengths
            .into_iter()
            .try_for_each(|length| self.check_length(length))?;
        self.check_extension_list(&content.extensions)
    }

    pub(crate) fn check_extension_list(&self, extensions: &Extensions) -> Result<(), Check> {
        self.check_length(extensions.types().count())
    }

    pub(crate) fn check_length(&self, length: usize) -> Result<(), Check> {
        if length > self.settings.listed_values {
            return Err(Check::ListBound);
        }
        Ok(())
    }

    pub(crate) fn check_commit_length(&self, proposals: usize) -> Result<(), Check> {
        /// Each proposal may bring a pre-shared key, and RFC 9420 §8.4 counts those in 16 bits.
        const MAX_PROPOSALS: usize = 65_535;
        if proposals > self.settings.committed_proposals.min(MAX_PROPOSALS) {
            return Err(Check::CommitBound);
        }
        Ok(())
    }

    fn check_lifetime(&self, leaf: &LeafNode) -> Result<(), Check> {
        let LeafNodeSource::KeyPackage(lifetime) = &leaf.content.source else {
            return Ok(());
        };
        match lifetime.not_after.0.checked_sub(lifetime.not_before.0) {
            Some(length) if length <= self.settings.maximum_lifetime => {}
            _ => return Err(Check::LifetimeLength),
        }
        match self.at {
            Some(now) if !lifetime.contains(now) => Err(Check::LifetimeContainsNow),
            _ => Ok(()),
        }
    }
}

pub(crate) fn check_leaf_length(leaf: &LeafNode, settings: &Settings) -> Result<(), Check> {
    if leaf.tls_serialized_len() > settings.leaf_length {
        return Err(Check::LeafBound);
    }
    Ok(())
}

/// A leaf's capabilities list what the leaf itself uses (checks 19, 21).
fn check_own_lists(leaf: &LeafNode) -> Result<(), Check> {
    let content = &leaf.content;
    if !content
        .capabilities
        .credentials
        .contains(&content.credential.credential_type())
    {
        return Err(Check::LeafListsCredential);
    }
    let listed = content
        .extensions
        .types()
        .all(|t| content.capabilities.supports_extension(t));
    listed.then_some(()).ok_or(Check::LeafListsExtensions)
}

/// A leaf fits the group's parameters and its extensions, old or new (checks 16, 17, 18).
pub(crate) fn check_fits_group(
    leaf: &LeafNode,
    context: &GroupContext,
    extensions: &Extensions,
) -> Result<(), Error> {
    check_version_and_suite(leaf, context.version, context.cipher_suite)?;
    check_fits_extensions(leaf, extensions)
}

pub(crate) fn check_version_and_suite(
    leaf: &LeafNode,
    version: ProtocolVersion,
    suite: CipherSuite,
) -> Result<(), Check> {
    let capabilities = &leaf.content.capabilities;
    let fits =
        capabilities.versions.contains(&version) && capabilities.cipher_suites.contains(&suite);
    fits.then_some(()).ok_or(Check::LeafVersionAndSuite)
}

fn check_fits_extensions(leaf: &LeafNode, extensions: &Extensions) -> Result<(), Error> {
    let capabilities = &leaf.content.capabilities;
    if !extensions
        .types()
        .all(|t| capabilities.supports_extension(t))
    {
        return Err(Check::GroupExtensionsSupported.into());
    }
    let required = extensions.required_capabilities()?;
    let has_all = required
        .extensions
        .iter()
        .all(|t| capabilities.supports_extension(*t))
        && required
            .proposals
            .iter()
            .all(|t| capabilities.supports_proposal(*t))
        && required
            .credentials
            .iter()
            .all(|t| capabilities.credentials.contains(t));
    if has_all {
        Ok(())
    } else {
        Err(Check::RequiredCapabilities.into())
    }
}

/// The place of a leaf in a group.
pub(crate) fn place(context: &GroupContext, leaf_index: LeafIndex) -> LeafPlace<'_> {
    LeafPlace {
        group_id: &context.group_id,
        leaf_index,
    }
}

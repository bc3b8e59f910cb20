//! Joining by a Welcome (RFC 9420 §12.4.3.1).

use super::epoch::leaf_check;
use super::public::PublicState;
use super::successor::Lineage;
use super::welcome::WELCOME_LABEL;
use super::{EpochState, Group, Settings};
use crate::check::Check;
use crate::error::Error;
use crate::grease;
use crate::key_package::KeyPackageSecrets;
use crate::labels::decrypt_with_label;
use crate::leaf::check_fits_group;
use crate::records::{Delta, NoRecords};
use crate::schedule::{EpochSecrets, JoinerSecret, Psks, psk_secret, welcome_key_and_nonce};
use crate::services::Services;
use crate::tree::{LeafIndex, NodeIndex, PathSecrets, PrivateKeys, RatchetTree};
use crate::wire::{
    GroupContext, GroupInfo, GroupSecrets, KeyPackage, PreSharedKeyId, Welcome, decode,
};
use folkmoot_crypto::{Crypto, Secret, constant_time_eq};

/// A KeyPackage of this client's own, with its private keys.
#[derive(Clone, Copy, Debug)]
pub struct OwnKeyPackage<'a> {
    /// As it was published.
    pub key_package: &'a KeyPackage,
    /// Its private keys.
    pub secrets: &'a KeyPackageSecrets,
}

/// What else a joiner may have at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct JoinOptions<'a> {
    /// The ratchet tree, where the Welcome does not carry it.
    pub tree: Option<&'a [u8]>,
    /// The group that the new one follows or branches from, where the Welcome says so. If it was
    /// loaded, the services have its records.
    pub predecessor: Option<&'a Group>,
}

impl Group {
    /// Joins the group that a Welcome describes.
    pub fn join<'a>(
        crypto: &'static dyn Crypto,
        welcome: &Welcome,
        own: OwnKeyPackage<'_>,
        options: JoinOptions<'_>,
        settings: Settings,
        services: impl Into<Services<'a>>,
    ) -> Result<(Self, Delta), Error> {
        let services = services.into();
        let group_secrets = open_group_secrets(crypto, welcome, own)?;
        let lineage = Lineage::of(&group_secrets.psks, options.predecessor)?;
        let psks = held_psks(crypto, group_secrets.psks, lineage.as_ref(), services)?;
        let psk_secret = psk_secret(crypto, &psks);
        let joiner_secret = JoinerSecret(group_secrets.joiner_secret);
        let group_info = open_group_info(crypto, welcome, &joiner_secret, &psk_secret)?;
        let content = &group_info.content;
        let leaves = leaf_check(crypto, &settings, services);
        check_parameters(&content.group_context, own.key_package, services)?;
        let maximum = settings.maximum_leaves;
        let public = PublicState::from_group_info(&group_info, options.tree, maximum, &leaves)?;
        let (tree, context) = (&public.tree, &public.context);
        let place = own_place(tree, own.key_package)?;
        let mut private = PrivateKeys::default();
        private.insert(place.into(), own.secrets.leaf_private.clone());
        if let Some(path) = group_secrets.path_secret {
            let ends = (place, content.signer);
            take_path_secret(crypto, tree, path.path_secret, ends, &mut private)?;
        }
        let secrets = joiner_secret.epoch_secrets(crypto, &psk_secret, context);
        check_confirmation(crypto, &secrets, &group_info)?;
        if let Some(lineage) = lineage {
            lineage.check(context, tree, services)?;
        }
        let own = (place, private, own.secrets.signature.clone());
        let epoch = EpochState::begin(public, secrets, own);
        Self::begin(crypto, settings, epoch)
    }
}

/// The keys that a Welcome names, in its order; every one is held (checks 111, 122).
fn held_psks(
    crypto: &dyn Crypto,
    ids: Vec<PreSharedKeyId>,
    lineage: Option<&Lineage<'_>>,
    services: Services<'_>,
) -> Result<Psks, Check> {
    if ids.len() > usize::from(u16::MAX) {
        return Err(Check::CommitBound);
    }
    let find = |id: PreSharedKeyId| {
        if id.psk_nonce.as_slice().len() != crypto.hash_length() {
            return Err(Check::PskHeld);
        }
        let held = lineage.and_then(|lineage| lineage.key(&id));
        let held = held.or_else(|| services.psk(&id.psk));
        Ok((id, held.ok_or(Check::PskHeld)?))
    };
    ids.into_iter().map(find).collect()
}

/// Finds and opens the entry for this KeyPackage (checks 109, 110).
pub(crate) fn open_group_secrets(
    crypto: &dyn Crypto,
    welcome: &Welcome,
    own: OwnKeyPackage<'_>,
) -> Result<GroupSecrets, Error> {
    let suite = own.key_package.content.cipher_suite;
    if welcome.cipher_suite != suite || suite != crypto.suite() {
        return Err(Check::WelcomeRecipient.into());
    }
    let reference = own.key_package.reference(crypto);
    let mut entries = welcome.secrets.iter();
    let entry = entries
        .find(|entry| entry.new_member == reference)
        .ok_or(Check::WelcomeRecipient)?;
    let context = welcome.encrypted_group_info.as_slice();
    let init_private = &own.secrets.init_private;
    let sealed = &entry.encrypted_group_secrets;
    let opened = decrypt_with_label(crypto, init_private, WELCOME_LABEL, context, sealed)
        .map_err(|_| Check::GroupSecretsOpen)?;
    Ok(decode(opened.expose())?)
}

pub(crate) fn open_group_info(
    crypto: &dyn Crypto,
    welcome: &Welcome,
    joiner_secret: &JoinerSecret,
    psk_secret: &Secret,
) -> Result<GroupInfo, Error> {
    let secret = joiner_secret.welcome_secret(crypto, psk_secret);
    let (key, nonce) = welcome_key_and_nonce(crypto, &secret);
    let sealed = welcome.encrypted_group_info.as_slice();
    let opened = crypto
        .aead_open(&key, nonce.expose(), b"", sealed)
        .map_err(|_| Check::GroupInfoOpens)?;
    Ok(decode(&opened)?)
}

/// The group is one that this KeyPackage was made for, and not one that the client is in already
/// (checks 114–116).
fn check_parameters(
    context: &GroupContext,
    own: &KeyPackage,
    services: Services<'_>,
) -> Result<(), Error> {
    if services.holdings.has_group(&context.group_id) {
        return Err(Check::GroupIdFree.into());
    }
    if context.version != own.content.version || context.cipher_suite != own.content.cipher_suite {
        return Err(Check::GroupInfoParameters.into());
    }
    let capabilities = grease::without(own.content.leaf_node.content.capabilities.clone());
    let mut types = context.extensions.types();
    if !types.all(|t| capabilities.supports_extension(t)) {
        return Err(Check::JoinerSupportsExtensions.into());
    }
    check_fits_group(&own.content.leaf_node, context, &context.extensions)
}

/// Check 118.
fn own_place(tree: &RatchetTree, own: &KeyPackage) -> Result<LeafIndex, Error> {
    let mut leaves = tree.leaves(&NoRecords)?;
    let found = leaves.find(|(_, leaf)| ***leaf == own.content.leaf_node);
    Ok(found.map(|(place, _)| place).ok_or(Check::OwnLeafPresent)?)
}

/// The keys from the lowest node above both joiner and committer upwards (check 119).
fn take_path_secret(
    crypto: &dyn Crypto,
    tree: &RatchetTree,
    path_secret: Secret,
    (own, signer): (LeafIndex, LeafIndex),
    private: &mut PrivateKeys,
) -> Result<(), Error> {
    let path = tree.filtered_direct_path(signer, &NoRecords)?;
    let above = path
        .iter()
        .map(|(node, _)| *node)
        .filter(|node: &NodeIndex| node.covers(own));
    if path_secret.len() != crypto.hash_length() {
        return Err(Check::WelcomePathSecret.into());
    }
    let secrets = PathSecrets::derive(crypto, path_secret, above)?;
    if secrets.nodes.is_empty() || !secrets.match_tree(tree, &NoRecords)? {
        return Err(Check::WelcomePathSecret.into());
    }
    for node in secrets.nodes {
        private.insert(node.index, node.keys.private);
    }
    Ok(())
}

/// Check 120.
fn check_confirmation(
    crypto: &dyn Crypto,
    secrets: &EpochSecrets,
    group_info: &GroupInfo,
) -> Result<(), Check> {
    let context = &group_info.content.group_context;
    let tag = secrets.confirmation_tag(crypto, context.confirmed_transcript_hash.as_slice());
    if constant_time_eq(&tag, group_info.content.confirmation_tag.as_slice()) {
        Ok(())
    } else {
        Err(Check::GroupInfoConfirmation)
    }
}

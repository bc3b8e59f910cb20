//! Joining by a Welcome (RFC 9420 §12.4.3.1).

use super::commit::{GROUP_INFO_LABEL, WELCOME_LABEL};
use super::epoch::leaf_check;
use super::{Delta, EpochState, Group, Settings};
use crate::check::Check;
use crate::error::Error;
use crate::key_package::KeyPackageSecrets;
use crate::labels::{decrypt_with_label, verify_with_label};
use crate::leaf::AuthenticationService;
use crate::schedule::{EpochSecrets, JoinerSecret, welcome_key_and_nonce};
use crate::tree::{LeafIndex, NodeIndex, PathSecrets, PrivateKeys, RatchetTree, VerifiedTree};
use crate::wire::{
    ExtensionType, GroupContext, GroupInfo, GroupSecrets, KeyPackage, ProtocolVersion, Welcome,
    decode, encode,
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

impl Group {
    /// Joins the group that a Welcome describes.
    ///
    /// `tree` is the ratchet tree where the Welcome does not carry it. Whether this client is in the
    /// group already (check 114) is for the caller to know.
    pub fn join(
        crypto: &'static dyn Crypto,
        welcome: &Welcome,
        own: OwnKeyPackage<'_>,
        tree: Option<&[u8]>,
        settings: Settings,
        auth: &dyn AuthenticationService,
    ) -> Result<(Self, Delta), Error> {
        let group_secrets = open_group_secrets(crypto, welcome, own)?;
        if !group_secrets.psks.is_empty() {
            return Err(Check::PskHeld.into());
        }
        let joiner_secret = JoinerSecret(group_secrets.joiner_secret);
        let psk_secret = Secret::zero(crypto.hash_length());
        let group_info = open_group_info(crypto, welcome, &joiner_secret, &psk_secret)?;
        let content = &group_info.content;
        let context = &content.group_context;
        check_parameters(context, own.key_package)?;
        let tree = content
            .extensions
            .find(ExtensionType::RATCHET_TREE)
            .or(tree);
        let tree = RatchetTree::from_extension(tree.ok_or(Check::TreeGiven)?)?;
        verify_group_info(crypto, &group_info, &tree)?;
        let leaves = leaf_check(crypto, &settings, auth);
        let tree = VerifiedTree::verify(tree, context, &leaves)?.into_inner();
        let place = own_place(&tree, own.key_package)?;
        let mut private = PrivateKeys::default();
        private.insert(place.into(), own.secrets.leaf_private.clone());
        if let Some(path) = group_secrets.path_secret {
            let ends = (place, content.signer);
            take_path_secret(crypto, &tree, path.path_secret, ends, &mut private)?;
        }
        let secrets = joiner_secret.epoch_secrets(crypto, &psk_secret, context);
        let tag = check_confirmation(crypto, &secrets, &group_info)?;
        let own = (place, private, own.secrets.signature.clone());
        let epoch = EpochState::begin(crypto, context.clone(), secrets, tag, tree, own);
        Ok(Self::begin(crypto, settings, epoch))
    }
}

/// Finds and opens the entry for this KeyPackage (checks 109, 110).
fn open_group_secrets(
    crypto: &dyn Crypto,
    welcome: &Welcome,
    own: OwnKeyPackage<'_>,
) -> Result<GroupSecrets, Error> {
    let suite = own.key_package.content.cipher_suite;
    if welcome.cipher_suite != suite || suite != crypto.suite() {
        return Err(Check::WelcomeSuite.into());
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

fn open_group_info(
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

/// The group is one that the KeyPackage was made for (checks 115, 116).
fn check_parameters(context: &GroupContext, own: &KeyPackage) -> Result<(), Error> {
    if context.version != ProtocolVersion::MLS_10 {
        return Err(Check::ProtocolVersion.into());
    }
    if context.cipher_suite != own.content.cipher_suite {
        return Err(Check::WelcomeSuite.into());
    }
    crate::leaf::check_fits_group(&own.content.leaf_node, context)
}

/// The GroupInfo is signed by a member (check 113).
fn verify_group_info(
    crypto: &dyn Crypto,
    group_info: &GroupInfo,
    tree: &RatchetTree,
) -> Result<(), Check> {
    let signer = tree
        .leaf(group_info.content.signer)
        .ok_or(Check::GroupInfoSignature)?;
    let key = signer.content.signature_key.as_slice();
    let signed = encode(&group_info.content);
    verify_with_label(
        crypto,
        key,
        GROUP_INFO_LABEL,
        &signed,
        group_info.signature.as_slice(),
    )
    .map_err(|_| Check::GroupInfoSignature)
}

/// Check 118.
fn own_place(tree: &RatchetTree, own: &KeyPackage) -> Result<LeafIndex, Check> {
    let mut leaves = tree.leaves();
    let found = leaves.find(|(_, leaf)| ***leaf == own.content.leaf_node);
    found.map(|(place, _)| place).ok_or(Check::OwnLeafPresent)
}

/// The keys from the lowest node above both joiner and committer upwards (check 119).
fn take_path_secret(
    crypto: &dyn Crypto,
    tree: &RatchetTree,
    path_secret: Secret,
    (own, signer): (LeafIndex, LeafIndex),
    private: &mut PrivateKeys,
) -> Result<(), Error> {
    let path = tree.filtered_direct_path(signer);
    let above = path
        .iter()
        .map(|(node, _)| *node)
        .filter(|node: &NodeIndex| node.covers(own));
    let secrets = PathSecrets::derive(crypto, path_secret, above)?;
    if secrets.nodes.is_empty() || !secrets.match_tree(tree) {
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
) -> Result<Vec<u8>, Check> {
    let context = &group_info.content.group_context;
    let tag = secrets.confirmation_tag(crypto, context.confirmed_transcript_hash.as_slice());
    if constant_time_eq(&tag, group_info.content.confirmation_tag.as_slice()) {
        Ok(tag)
    } else {
        Err(Check::ConfirmationTag)
    }
}

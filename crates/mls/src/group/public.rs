//! What everyone who reads a group's handshakes knows of one epoch: members, joiners, observers.

use super::components::check_dictionary;
use super::proposals::check_extensions;
use crate::check::Check;
use crate::error::Error;
use crate::framing::AuthenticatedContent;
use crate::labels::verify_with_label;
use crate::leaf::LeafCheck;
use crate::records::{NoRecords, Records};
use crate::schedule::{confirmed_transcript_hash, interim_transcript_hash};
use crate::tree::{RatchetTree, ReceivedTree, VerifiedTree};
use crate::wire::{
    Epoch, ExtensionType, Extensions, GroupContext, GroupInfo, ProtocolVersion, ReInit, encode,
};
use folkmoot_crypto::Crypto;

/// RFC 9420 §12.4.3.
pub(super) const GROUP_INFO_LABEL: &str = "GroupInfoTBS";

/// The public part of an epoch.
#[derive(Clone, Debug)]
pub(crate) struct PublicState {
    pub(crate) context: GroupContext,
    pub(crate) interim_transcript_hash: Vec<u8>,
    pub(crate) confirmation_tag: Vec<u8>,
    pub(crate) tree: RatchetTree,
    /// What follows the group, once a commit has ended it (RFC 9420 §11.2).
    pub(crate) reinit: Option<ReInit>,
}

impl PublicState {
    pub(super) fn new(
        crypto: &dyn Crypto,
        context: GroupContext,
        confirmation_tag: Vec<u8>,
        tree: RatchetTree,
    ) -> Self {
        let confirmed = context.confirmed_transcript_hash.as_slice();
        Self {
            interim_transcript_hash: interim_transcript_hash(crypto, confirmed, &confirmation_tag),
            context,
            confirmation_tag,
            tree,
            reinit: None,
        }
    }

    /// The epoch that a GroupInfo describes, its signature and tree verified (checks 113, 115, 117).
    ///
    /// `tree` is the ratchet tree where the GroupInfo does not carry it. The confirmation tag is
    /// for whoever has the epoch's secrets to verify.
    pub(super) fn from_group_info(
        group_info: &GroupInfo,
        tree: Option<&[u8]>,
        maximum_leaves: u32,
        leaves: &LeafCheck<'_>,
    ) -> Result<Self, Error> {
        let content = &group_info.content;
        let context = &content.group_context;
        if context.version != ProtocolVersion::MLS_10
            || context.cipher_suite != leaves.crypto.suite()
        {
            return Err(Check::GroupInfoParameters.into());
        }
        let carried = content.extensions.find(ExtensionType::RATCHET_TREE);
        let tree = carried.or(tree).ok_or(Check::TreeGiven)?;
        let client_of = |one: &_| leaves.auth.client(one);
        let tree = ReceivedTree::from_extension(tree, maximum_leaves, client_of)?;
        verify_signature(leaves.crypto, group_info, tree.tree(), &NoRecords)?;
        check_extensions(&context.extensions, &Extensions::default(), leaves)?;
        check_dictionary(&content.extensions, leaves)?;
        let tree = VerifiedTree::verify(tree, context, leaves)?.into_inner();
        let tag = content.confirmation_tag.as_slice().to_vec();
        Ok(Self::new(leaves.crypto, context.clone(), tag, tree))
    }

    /// The next epoch's context as a path is sealed under it: all but the transcript hash (check 88).
    pub(super) fn provisional_context(
        &self,
        crypto: &dyn Crypto,
        tree: &RatchetTree,
        extensions: Extensions,
    ) -> Result<GroupContext, Check> {
        let epoch = self.context.epoch.0.checked_add(1);
        Ok(GroupContext {
            epoch: Epoch(epoch.ok_or(Check::EpochNumber)?),
            tree_hash: tree.tree_hash(crypto).into(),
            extensions,
            ..self.context.clone()
        })
    }

    /// The next epoch's context, with the commit in its transcript (RFC 9420 §8.2).
    pub(super) fn next_context(
        &self,
        crypto: &dyn Crypto,
        provisional: GroupContext,
        commit: &AuthenticatedContent,
    ) -> GroupContext {
        let confirmed = confirmed_transcript_hash(
            crypto,
            &self.interim_transcript_hash,
            commit.wire_format,
            &commit.content,
            commit.auth.signature.as_slice(),
        );
        GroupContext {
            confirmed_transcript_hash: confirmed.into(),
            ..provisional
        }
    }
}

/// The GroupInfo is signed by a member of its tree (check 113).
pub(super) fn verify_signature(
    crypto: &dyn Crypto,
    group_info: &GroupInfo,
    tree: &RatchetTree,
    records: &dyn Records,
) -> Result<(), Error> {
    let signer = tree.leaf(group_info.content.signer, records)?;
    let key = &signer
        .ok_or(Check::GroupInfoSignature)?
        .content
        .signature_key;
    let signed = encode(&group_info.content);
    let signature = group_info.signature.as_slice();
    verify_with_label(crypto, key.as_slice(), GROUP_INFO_LABEL, &signed, signature)
        .map_err(|_| Check::GroupInfoSignature.into())
}

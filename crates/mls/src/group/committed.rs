//! What can be verified of a commit by everyone who reads it (RFC 9420 §12.4.2).

use super::list::{Committer, Provisional};
use super::proposals::{CachedProposal, Listed, check_succession};
use super::public::PublicState;
use super::waiting::Waiting;
use crate::check::Check;
use crate::error::Error;
use crate::framing::{AuthenticatedContent, Sender};
use crate::leaf::{Carrier, LeafCheck, place};
use crate::records::Records;
use crate::tree::LeafIndex;
use crate::wire::{
    AppEphemeral, Commit, ComponentId, Credential, Epoch, Extensions, GroupContext, LeafNode,
    PreSharedKeyId, Proposal, ProposalOrRef, ReInit, UpdatePath,
};

/// What a commit does.
#[derive(Clone, Debug)]
pub struct CommitSummary {
    /// The committer's leaf; of one who joins by the commit, the new one.
    pub sender: LeafIndex,
    /// Whether the committer joins by the commit.
    pub joins: bool,
    /// The committer's credential before the commit; of one who joins, the new one.
    pub credential: Credential,
    /// The epoch that the commit begins.
    pub epoch: Epoch,
    /// Members added, with the credential that the Authentication Service vouched for.
    pub added: Vec<(LeafIndex, Credential)>,
    /// Members removed, by themselves or by others.
    pub removed: Vec<(LeafIndex, Credential)>,
    /// Those of them who removed themselves.
    pub left: Vec<LeafIndex>,
    /// Members whose Update is committed.
    pub updated: Vec<LeafIndex>,
    /// Pre-shared keys mixed in.
    pub psks: Vec<PreSharedKeyId>,
    /// The group's extensions from now on, where they are replaced by others.
    pub extensions: Option<Extensions>,
    /// Components whose data in the group's extensions is changed, where anything of it is.
    pub app_data: Vec<ComponentId>,
    /// What components say with the commit, in its order, with who proposed it.
    pub ephemeral: Vec<(Sender, AppEphemeral)>,
    /// What follows the group, if the commit ends it.
    pub reinit: Option<ReInit>,
    /// Whether the committer's own keys are fresh.
    pub has_path: bool,
    /// Whether this client is removed.
    pub self_removed: bool,
    /// The commit's authenticated data.
    pub authenticated_data: Vec<u8>,
}

/// A commit whose public part is valid.
#[derive(Debug)]
pub(super) struct Committed<'a> {
    pub(super) path: Option<&'a UpdatePath>,
    /// The committer's place in the tree to come.
    pub(super) committer: LeafIndex,
    /// The tree has the path in it.
    pub(super) provisional: Provisional,
    /// The context to come, but for the transcript.
    pub(super) context: GroupContext,
    pub(super) summary: CommitSummary,
}

impl PublicState {
    pub(super) fn check_commit<'a>(
        &self,
        message: &'a AuthenticatedContent,
        waiting: &Waiting,
        leaves: &LeafCheck<'_>,
    ) -> Result<Committed<'a>, Error> {
        let commit = message.commit().ok_or(Check::SenderType)?;
        let committer = match message.content.sender {
            Sender::Member(leaf) => Committer::Member(leaf),
            Sender::NewMemberCommit => Committer::Joiner,
            _ => return Err(Check::SenderType.into()),
        };
        leaves.check_commit_length(commit.proposals.len())?;
        let list = resolve(committer, commit, waiting)?;
        let mut provisional = self.apply_proposals(committer, &list, leaves)?;
        let place = match (committer, &commit.path) {
            (Committer::Joiner, None) => return Err(Check::ExternalCommitPath.into()),
            (_, None) if provisional.path_required => return Err(Check::PathRequired.into()),
            (Committer::Joiner, Some(_)) => provisional.tree.reserve(leaves.records)?,
            (Committer::Member(leaf), _) => leaf,
        };
        if let Some(path) = &commit.path {
            self.take_path(&mut provisional, (committer, place), path, leaves)?;
        }
        let path_leaf = commit.path.is_some().then_some(place);
        self.check_tree(&provisional, path_leaf, leaves)?;
        let extensions = provisional.extensions.clone();
        let context = self.provisional_context(leaves.crypto, &provisional.tree, extensions)?;
        let summary = self.summarise(message, (commit, place), &provisional, &context, leaves)?;
        Ok(Committed {
            path: commit.path.as_ref(),
            committer: place,
            provisional,
            context,
            summary,
        })
    }

    /// Verifies a path's leaf and merges the path (checks 83–87).
    fn take_path(
        &self,
        provisional: &mut Provisional,
        (committer, place_of_path): (Committer, LeafIndex),
        path: &UpdatePath,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let leaf = &path.leaf_node;
        self.check_path_leaf(provisional, (committer, place_of_path), leaf, leaves)?;
        let added = provisional.added_leaves();
        let tree = &mut provisional.tree;
        let client = leaves.auth.client(&leaf.content.credential);
        let records = leaves.records;
        tree.merge_path(leaves.crypto, place_of_path, (path, client), records)?;
        tree.check_ciphertexts(place_of_path, path, &added, records)
    }

    /// A path's leaf is one that its committer may have (checks 11, 26, 83, 102).
    pub(super) fn check_path_leaf(
        &self,
        provisional: &Provisional,
        (committer, place_of_path): (Committer, LeafIndex),
        leaf: &LeafNode,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let placed = Some(place(&self.context, place_of_path));
        let before = self.prior(committer, provisional, leaves.records)?;
        // Whoever joins by the commit shows its credential for the first time, if only to come back.
        let known = before.filter(|_| committer != Committer::Joiner);
        leaves.carried(leaf, Carrier::Path, placed, known)?;
        if let Some(before) = before {
            if before.content.encryption_key == leaf.content.encryption_key {
                return Err(Check::EncryptionKeyNew.into());
            }
            check_succession(before, leaf, leaves)?;
        }
        Ok(())
    }

    /// The leaf that a path's leaf replaces: a joiner's is the one that it removes (check 102).
    fn prior<'a>(
        &'a self,
        committer: Committer,
        provisional: &'a Provisional,
        records: &dyn Records,
    ) -> Result<Option<&'a LeafNode>, Error> {
        match committer {
            Committer::Member(leaf) => {
                let before = self.tree.leaf(leaf, records)?;
                let before = before.ok_or(Check::SenderIsMember)?;
                Ok(Some(before))
            }
            Committer::Joiner => Ok(provisional.removed.first().map(|(_, leaf)| leaf)),
        }
    }

    fn summarise(
        &self,
        message: &AuthenticatedContent,
        (commit, sender): (&Commit, LeafIndex),
        provisional: &Provisional,
        context: &GroupContext,
        leaves: &LeafCheck<'_>,
    ) -> Result<CommitSummary, Error> {
        let joins = message.content.sender == Sender::NewMemberCommit;
        let leaf = match &commit.path {
            Some(path) if joins => &path.leaf_node,
            _ => {
                let leaf = self.tree.leaf(sender, leaves.records)?;
                leaf.ok_or(Check::SenderIsMember)?
            }
        };
        Ok(CommitSummary {
            sender,
            joins,
            credential: leaf.content.credential.clone(),
            epoch: context.epoch,
            added: provisional.added_members(),
            removed: provisional.removed_members(),
            left: provisional.left.iter().map(|(leaf, _)| *leaf).collect(),
            app_data: provisional.app_data.clone(),
            ephemeral: provisional.ephemeral.clone(),
            updated: provisional.updated.clone(),
            psks: provisional.psks.clone(),
            extensions: (provisional.extensions != self.context.extensions)
                .then(|| provisional.extensions.clone()),
            reinit: provisional.reinit.clone(),
            has_path: commit.path.is_some(),
            self_removed: false,
            authenticated_data: message.content.authenticated_data.as_slice().to_vec(),
        })
    }
}

/// The proposals that a commit lists, references resolved (checks 66, 104).
fn resolve<'a>(
    committer: Committer,
    commit: &'a Commit,
    waiting: &'a Waiting,
) -> Result<Vec<Listed<'a>>, Check> {
    let find = |entry: &'a ProposalOrRef| match entry {
        ProposalOrRef::Proposal(proposal) => Ok(Listed::new(committer.sender(), proposal)),
        ProposalOrRef::Reference(reference) => {
            let found = waiting.find(reference);
            // A joiner refers to nothing but those who leave (draft-ietf-mls-extensions §6.3).
            let may_refer = |one: &&CachedProposal| one.proposal == Proposal::SelfRemove;
            if committer == Committer::Joiner && !found.as_ref().is_some_and(may_refer) {
                return Err(Check::NoReferencesInExternalCommit);
            }
            found.map(Listed::from).ok_or(Check::ProposalKnown)
        }
    };
    commit.proposals.iter().map(find).collect()
}

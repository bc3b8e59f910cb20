//! Processing somebody's commit (RFC 9420 §12.4.2), without changing anything.

use super::epoch::{EpochState, Successor};
use super::proposals::{Listed, Provisional, check_succession};
use super::{CommitSummary, Group};
use crate::check::Check;
use crate::error::Error;
use crate::framing::{AuthenticatedContent, Sender};
use crate::leaf::{Carrier, LeafCheck, check_fits_group, place};
use crate::tree::{LeafIndex, PrivateKeys, RatchetTree};
use crate::wire::{Commit, GroupContext, Proposal, ProposalOrRef, UpdatePath};
use folkmoot_crypto::{Secret, constant_time_eq};

/// A commit that this member verified entirely.
#[derive(Debug)]
pub(super) struct StagedCommit {
    pub(super) summary: CommitSummary,
    /// None where the commit removes this member.
    pub(super) next: Option<Box<EpochState>>,
}

impl Group {
    pub(super) fn stage_commit(
        &self,
        message: &AuthenticatedContent,
        leaves: &LeafCheck<'_>,
    ) -> Result<StagedCommit, Error> {
        let Sender::Member(committer) = message.content.sender else {
            return Err(Check::SenderType.into());
        };
        let commit = message.commit().ok_or(Check::SenderType)?;
        let list = self.resolve(committer, commit)?;
        let mut provisional = self.epoch.apply_proposals(committer, &list, leaves)?;
        if provisional.path_required && commit.path.is_none() {
            return Err(Check::PathRequired.into());
        }
        if let Some(path) = &commit.path {
            self.take_path(&mut provisional, committer, path, leaves)?;
        }
        let summary = self.summary(message, committer, &provisional)?;
        if provisional.removes(self.epoch.own) {
            return Ok(StagedCommit {
                summary,
                next: None,
            });
        }
        let next = self.succeed_by(message, commit, committer, provisional)?;
        Ok(StagedCommit {
            summary,
            next: Some(Box::new(next)),
        })
    }

    /// The proposals that a commit lists, references resolved (check 66).
    fn resolve<'a>(
        &'a self,
        committer: LeafIndex,
        commit: &'a Commit,
    ) -> Result<Vec<Listed<'a>>, Check> {
        let find = |entry: &'a ProposalOrRef| match entry {
            ProposalOrRef::Proposal(proposal) => Ok(Listed::new(committer, proposal)),
            ProposalOrRef::Reference(reference) => self
                .proposals
                .iter()
                .find(|cached| cached.reference == *reference)
                .map(Listed::from)
                .ok_or(Check::ProposalKnown),
        };
        commit.proposals.iter().map(find).collect()
    }

    /// Verifies a path's leaf and merges the path (checks 83–87).
    fn take_path(
        &self,
        provisional: &mut Provisional,
        committer: LeafIndex,
        path: &UpdatePath,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let leaf = &path.leaf_node;
        let before = self
            .epoch
            .tree
            .leaf(committer)
            .ok_or(Check::SenderIsMember)?;
        leaves.carried(
            leaf,
            Carrier::Path,
            Some(place(&self.epoch.context, committer)),
        )?;
        check_fits_group(leaf, &self.epoch.context)?;
        check_succession(before, leaf, leaves)?;
        provisional
            .tree
            .merge_path(leaves.crypto, committer, path)?;
        provisional.tree.index().check_unique(leaf)?;
        provisional.tree.index().check_credential_types()?;
        Ok(())
    }

    fn succeed_by(
        &self,
        message: &AuthenticatedContent,
        commit: &Commit,
        committer: LeafIndex,
        provisional: Provisional,
    ) -> Result<EpochState, Error> {
        let crypto = self.crypto;
        let extensions = self.epoch.context.extensions.clone();
        let context = self
            .epoch
            .provisional_context(crypto, &provisional.tree, extensions)?;
        let mut private = self.surviving_keys(&provisional.tree);
        if provisional.updated.contains(&self.epoch.own) {
            self.insert_own_update(&provisional.tree, &mut private)?;
        }
        let commit_secret = match &commit.path {
            Some(path) => self.open_path(path, committer, &provisional, &context, &mut private)?,
            None => Secret::zero(crypto.hash_length()),
        };
        let successor = Successor {
            tree: provisional.tree,
            own: self.epoch.own,
            private,
            signature: self.epoch.signature.clone(),
            commit_secret,
            provisional: context,
        };
        let signature = message.auth.signature.as_slice();
        let succession = self.epoch.succeed(
            crypto,
            successor,
            message.wire_format,
            &message.content,
            signature,
        );
        let sent = message
            .auth
            .confirmation_tag
            .as_ref()
            .ok_or(Check::ConfirmationTag)?;
        if !constant_time_eq(&succession.state.confirmation_tag, sent.as_slice()) {
            return Err(Check::ConfirmationTag.into());
        }
        Ok(succession.state)
    }

    /// This member's private keys that are still good in `next`.
    pub(super) fn surviving_keys(&self, next: &RatchetTree) -> PrivateKeys {
        let mut private = self.epoch.private.clone();
        private.retain_valid(&self.epoch.tree, next);
        private
    }

    /// The leaf key of this member's own Update, now that it is committed.
    fn insert_own_update(
        &self,
        next: &RatchetTree,
        private: &mut PrivateKeys,
    ) -> Result<(), Error> {
        let own = self.epoch.own;
        let leaf = next.leaf(own).ok_or(Check::SenderIsMember)?;
        let key = self
            .proposals
            .iter()
            .find_map(|cached| match &cached.proposal {
                Proposal::Update(update) if update.content == leaf.content => {
                    cached.own_leaf_private.clone()
                }
                _ => None,
            });
        private.insert(own.into(), key.ok_or(Check::ProposalKnown)?);
        Ok(())
    }

    fn open_path(
        &self,
        path: &UpdatePath,
        committer: LeafIndex,
        provisional: &Provisional,
        context: &GroupContext,
        private: &mut PrivateKeys,
    ) -> Result<Secret, Error> {
        let own = (self.epoch.own, &*private);
        let added = provisional.added_leaves();
        let tree = &provisional.tree;
        let opened = tree.open_path(self.crypto, committer, path, context, own, &added)?;
        for node in opened.nodes {
            private.insert(node.index, node.keys.private);
        }
        Ok(opened.commit_secret)
    }

    fn summary(
        &self,
        message: &AuthenticatedContent,
        committer: LeafIndex,
        provisional: &Provisional,
    ) -> Result<CommitSummary, Error> {
        let sender = self
            .epoch
            .tree
            .leaf(committer)
            .ok_or(Check::SenderIsMember)?;
        let added = provisional.added.iter().map(|(leaf, key_package)| {
            (
                *leaf,
                key_package.content.leaf_node.content.credential.clone(),
            )
        });
        Ok(CommitSummary {
            sender: committer,
            credential: sender.content.credential.clone(),
            epoch: crate::wire::Epoch(self.epoch.context.epoch.0.saturating_add(1)),
            added: added.collect(),
            removed: provisional.removed.clone(),
            updated: provisional.updated.clone(),
            has_path: message.commit().is_some_and(|commit| commit.path.is_some()),
            self_removed: provisional.removes(self.epoch.own),
            authenticated_data: message.content.authenticated_data.as_slice().to_vec(),
        })
    }
}

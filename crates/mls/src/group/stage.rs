//! What a member alone can verify of a commit: secrets and confirmation (RFC 9420 §12.4.2), without
//! changing anything. Others may find nothing wrong with what fails here (check 98).

use super::committed::{CommitSummary, Committed};
use super::epoch::{EpochState, Successor};
use super::{Group, external};
use crate::check::Check;
use crate::error::{Error, StateError, own_keys};
use crate::framing::AuthenticatedContent;
use crate::leaf::LeafCheck;
use crate::records::Records;
use crate::schedule::Psks;
use crate::services::Services;
use crate::tree::PrivateKeys;
use crate::wire::{LeafNode, PreSharedKeyId, Proposal, Psk};
use folkmoot_crypto::{Secret, SignatureKeyPair, constant_time_eq};

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
        services: Services<'_>,
        leaves: &LeafCheck<'_>,
    ) -> Result<StagedCommit, Error> {
        let public = &self.epoch.public;
        let committed = public.check_commit(message, &self.proposals, leaves)?;
        let mut summary = committed.summary.clone();
        if committed.provisional.removes(self.epoch.own) {
            summary.self_removed = true;
            return Ok(StagedCommit {
                summary,
                next: None,
            });
        }
        let next = self.succeed_by(message, committed, services)?;
        Ok(StagedCommit {
            summary,
            next: Some(Box::new(next)),
        })
    }

    fn succeed_by(
        &self,
        message: &AuthenticatedContent,
        committed: Committed<'_>,
        services: Services<'_>,
    ) -> Result<EpochState, Error> {
        let crypto = self.crypto;
        let provisional = &committed.provisional;
        let psks = self.psks(&provisional.psks, services)?;
        let records = services.records;
        let mut private = self.epoch.private.clone();
        private.retain_valid(&self.epoch.public.tree, &provisional.tree, records)?;
        let mut signature = self.epoch.signature.clone();
        if provisional.updated.contains(&self.epoch.own) {
            let leaf = provisional.tree.leaf(self.epoch.own, records)?;
            let leaf = leaf.ok_or(Check::SenderIsMember)?;
            self.take_own_update(leaf, &mut private, &mut signature)?;
        }
        let init_secret = match &provisional.external_init {
            None => self.epoch.secrets.init_secret.clone(),
            Some(kem_output) => {
                let keys = self.epoch.secrets.external_key_pair(crypto);
                let private = keys.map_err(own_keys)?.private;
                external::open_init_secret(crypto, &private, kem_output.as_slice())?
            }
        };
        let commit_secret = self.commit_secret(&committed, &mut private, records)?;
        let successor = Successor {
            tree: committed.provisional.tree,
            own: self.epoch.own,
            private,
            signature,
            init_secret,
            commit_secret,
            psks,
            reinit: committed.provisional.reinit,
            provisional: committed.context,
        };
        let next = self.epoch.public.succeed(crypto, successor, message).state;
        let sent = message.auth.confirmation_tag.as_ref();
        let sent = sent.ok_or(Check::ConfirmationTagPresence)?;
        if !constant_time_eq(&next.public.confirmation_tag, sent.as_slice()) {
            return Err(Check::ConfirmationTag.into());
        }
        Ok(next)
    }

    /// The keys that a commit mixes in, in its order; every one of them is held (check 81).
    pub(super) fn psks(
        &self,
        ids: &[PreSharedKeyId],
        services: Services<'_>,
    ) -> Result<Psks, Check> {
        let find = |id: &PreSharedKeyId| {
            let held = match &id.psk {
                Psk::Resumption(_, group, epoch) if group == self.group_id() => {
                    self.resumption_psk(*epoch).cloned()
                }
                psk => services.psk(psk),
            };
            Ok((id.clone(), held.ok_or(Check::PskAvailable)?))
        };
        ids.iter().map(find).collect()
    }

    /// The private keys of this member's own Update, now that it is committed.
    fn take_own_update(
        &self,
        leaf: &LeafNode,
        private: &mut PrivateKeys,
        signature: &mut SignatureKeyPair,
    ) -> Result<(), Error> {
        let own = self.epoch.own;
        let mut own_updates = self.proposals.iter().filter_map(|cached| {
            let own_update = cached.own_update.as_ref()?;
            match &cached.proposal {
                Proposal::Update(update) if **update == *leaf => Some(own_update),
                _ => None,
            }
        });
        // Whoever signs as this member without its state is not this member (check 58).
        let update = own_updates.next().ok_or(Check::ProposalKnown)?;
        private.insert(own.into(), update.leaf_private.clone());
        *signature = update.signature.clone();
        Ok(())
    }

    /// Opened from the path, or zero without one (check 90).
    fn commit_secret(
        &self,
        committed: &Committed<'_>,
        private: &mut PrivateKeys,
        records: &dyn Records,
    ) -> Result<Secret, Error> {
        let Some(path) = committed.path else {
            return Ok(Secret::zero(self.crypto.hash_length()));
        };
        let own = (self.epoch.own, &*private);
        let added = committed.provisional.added_leaves();
        let opened = committed.provisional.tree.open_path(
            self.crypto,
            (committed.committer, path),
            &committed.context,
            own,
            &added,
            records,
        )?;
        for node in opened.nodes {
            private.insert(node.index, node.keys.private);
        }
        Ok(opened.commit_secret)
    }

    /// Messages may be made: the client is a member, of a group that goes on (check 94).
    pub(super) fn check_open(&self) -> Result<(), StateError> {
        self.check_active()?;
        match self.epoch.public.reinit {
            Some(_) => Err(StateError::Reinitialised),
            None => Ok(()),
        }
    }
}

//! A member's commits (RFC 9420 §12.4.1).

use super::choose::AskedFor;
use super::draft::{Draft, Drafted};
use super::epoch::leaf_check;
use super::list::{Committer, Provisional};
use super::proposals::CachedProposal;
use super::record::pending_nodes;
use super::send::{Identity, refused};
use super::{Group, PendingCommit};
use crate::check::Check;
use crate::error::{Error, StateError};
use crate::framing::{MlsMessage, Sender};
use crate::key_package::VerifiedKeyPackage;
use crate::leaf::LeafCheck;
use crate::records::{Delta, Records};
use crate::schedule::{Psks, fresh_psk_id};
use crate::services::Services;
use crate::tree::LeafIndex;
use crate::wire::{
    AppDataUpdate, AppEphemeral, Credential, Epoch, Extensions, LeafNodeContent, PreSharedKeyId,
    Proposal, ProposalOrRef, ProposalType, Psk, ReInit, Timestamp,
};
use folkmoot_crypto::{CipherSuite, Secret, SignatureKeyPair};
use rand_core::CryptoRng;
use std::collections::HashSet;

/// What a commit shall do, beside taking in the proposals that wait.
#[derive(Clone, Debug, Default)]
pub struct CommitIntent {
    /// Clients to add.
    pub add: Vec<VerifiedKeyPackage>,
    /// Members to remove.
    pub remove: Vec<LeafIndex>,
    /// Pre-shared keys to mix in; each gets a fresh nonce.
    pub psks: Vec<Psk>,
    /// The group's extensions from now on, in place of all it has.
    pub extensions: Option<Extensions>,
    /// Changes of what the application's components keep in the group's extensions.
    pub app_data: Vec<AppDataUpdate>,
    /// What components say with the commit.
    pub ephemeral: Vec<AppEphemeral>,
    /// Ends the group for one with these parameters. Proposals that wait are left out, and nothing
    /// else may be asked for.
    pub reinit: Option<ReInit>,
    /// A new credential and signature key for this member.
    pub identity: Option<Identity>,
    /// Fresh keys for this member even where RFC 9420 does not require them.
    pub force_path: bool,
    /// The time, for a client that has a clock: KeyPackages outside their lifetime are refused in what is
    /// asked for, and left out of what waits (RFC 9420 §7.3). Without it, a KeyPackage counts that was
    /// valid when it was verified or received.
    pub at: Option<Timestamp>,
    /// Leaves the ratchet tree out of the Welcome: joiners get it elsewhere.
    pub tree_apart: bool,
}

/// A commit to publish. It is pending until accepted or discarded.
#[derive(Clone, Debug)]
#[must_use = "a commit that nobody gets leaves its committer alone"]
pub struct CommitBundle {
    /// For all members.
    pub commit: MlsMessage,
    /// For the new members, to be published only once the commit is accepted. The group does not keep
    /// it: store it in the transaction of the delta.
    pub welcome: Option<MlsMessage>,
    /// The members that it adds, in the order of the list.
    pub added: Vec<(LeafIndex, Credential)>,
    /// The members that it removes.
    pub removed: Vec<(LeafIndex, Credential)>,
}

/// A pre-shared key that only the first commit of a successor or branch may name.
pub(super) type FoundingPsk = (PreSharedKeyId, Secret);

impl Group {
    /// Makes a commit of the waiting proposals and the intent. The group stays in its epoch.
    ///
    /// Waiting proposals that contradict each other, or the intent, are left out: a removal goes
    /// before an update, the latest update before earlier ones (RFC 9420 §12.2). So are those that
    /// exceed a bound of the settings or of a message.
    pub fn commit<'a>(
        &mut self,
        intent: CommitIntent,
        authenticated_data: &[u8],
        services: impl Into<Services<'a>>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(CommitBundle, Delta), Error> {
        self.commit_with(intent, None, authenticated_data, services.into(), rng)
    }

    pub(super) fn commit_with(
        &mut self,
        intent: CommitIntent,
        founding: Option<FoundingPsk>,
        authenticated_data: &[u8],
        services: Services<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(CommitBundle, Delta), Error> {
        self.check_open()?;
        if self.pending.is_some() {
            return Err(StateError::CommitPending.into());
        }
        for leaf in &intent.remove {
            if self.member(*leaf, services.records)?.is_none() {
                return Err(StateError::NoSuchMember(leaf.0).into());
            }
        }
        let suite = self.crypto.suite();
        let mut added = intent.add.iter().map(VerifiedKeyPackage::key_package);
        if !added.all(|package| package.content.cipher_suite == suite) {
            return Err(StateError::Refused(Check::KeyPackageVersionAndSuite).into());
        }
        if founding.is_none() {
            self.check_best_suite(&intent.add)?;
        }
        let index = self.epoch.public.tree.index();
        if !intent.psks.iter().all(|psk| index.support_psk(psk)) {
            return Err(StateError::Refused(Check::ProposalTypeSupported).into());
        }
        let identity = intent.identity.clone();
        let (force_path, tree_apart, now) = (intent.force_path, intent.tree_apart, intent.at);
        let are_vouched = intent.add.iter().all(|one| one.is_vouched_at(now));
        let leaving = self.leaving(&intent.remove);
        let by_value = self.by_value(intent, &leaving, rng);
        let asked_for = AskedFor {
            by_value: &by_value,
            leaving,
            are_vouched,
        };
        let leaves = leaf_check(self.crypto, &self.settings, services);
        let (mut entries, provisional) = self.choose(asked_for, now, (&leaves, services))?;
        let held = self.psks(&provisional.psks, services);
        let mut psks = held.map_err(|check| refused(check.into()))?;
        if let Some((id, secret)) = founding {
            entries.push(ProposalOrRef::Proposal(Proposal::PreSharedKey(id.clone())));
            psks.push((id, secret));
        }
        let with_path = force_path || identity.is_some() || provisional.path_required;
        let psk_ids: Vec<_> = psks.iter().map(|(id, _)| id.clone()).collect();
        let drafted = self
            .draft(
                entries,
                provisional,
                (with_path, identity),
                (psks, &leaves),
                authenticated_data,
            )?
            .finish(rng)
            .map_err(refused)?;
        let welcome = self.welcome(&drafted, &psk_ids, !tree_apart, services.records, rng)?;
        self.hold_pending(drafted, welcome, rng)
    }

    fn draft<'a>(
        &'a self,
        entries: Vec<ProposalOrRef>,
        provisional: Provisional,
        (with_path, identity): (bool, Option<Identity>),
        (psks, leaves): (Psks, &'a LeafCheck<'a>),
        authenticated_data: &'a [u8],
    ) -> Result<Draft<'a>, Error> {
        let own = self.epoch.own;
        let (leaf, signature) = match (with_path, identity) {
            (false, _) => (None, self.epoch.signature.clone()),
            (true, identity) => {
                let (leaf, signature) = self.renewed_leaf(identity, leaves.records)?;
                (Some(leaf), signature)
            }
        };
        Ok(Draft {
            crypto: self.crypto,
            public: &self.epoch.public,
            leaves,
            committer: Committer::Member(own),
            place: own,
            entries,
            provisional,
            leaf,
            signature,
            signing_key: &self.epoch.signature.private,
            private: self.epoch.private.clone(),
            init_secret: self.epoch.secrets.init_secret.clone(),
            psks,
            wire_format: self.settings.handshakes,
            authenticated_data,
        })
    }

    /// This member's leaf, with another identity where there is one, and its signature keys.
    pub(super) fn renewed_leaf(
        &self,
        identity: Option<Identity>,
        records: &dyn Records,
    ) -> Result<(LeafNodeContent, SignatureKeyPair), Error> {
        let mut leaf = self.own_leaf_content(records)?;
        let Some(identity) = identity else {
            return Ok((leaf, self.epoch.signature.clone()));
        };
        leaf.credential = identity.credential;
        leaf.signature_key = identity.signature.public.as_slice().into();
        Ok((leaf, identity.signature))
    }

    /// Frames the commit and keeps the epoch that it leads to (check 95).
    fn hold_pending(
        &mut self,
        drafted: Drafted,
        welcome: Option<MlsMessage>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(CommitBundle, Delta), Error> {
        let next = drafted.succession.state;
        let nodes = pending_nodes(&self.epoch.public.tree, &next.public.tree)?;
        let mut delta = Delta::default();
        let commit = self.protect(drafted.signed, rng, &mut delta)?;
        let pending = PendingCommit {
            message: commit.clone(),
            next: Box::new(next),
        };
        delta.put_pending(nodes, &pending);
        self.pending = Some(pending);
        self.changed();
        let bundle = CommitBundle {
            commit,
            welcome,
            added: drafted.provisional.added_members(),
            removed: drafted.provisional.removed_members(),
        };
        Ok((bundle, delta))
    }

    fn by_value(
        &self,
        intent: CommitIntent,
        leaving: &[&CachedProposal],
        rng: &mut dyn CryptoRng,
    ) -> Vec<Proposal> {
        let leaving: HashSet<_> = leaving.iter().map(|cached| cached.sender).collect();
        let extensions = intent.extensions.map(Proposal::GroupContextExtensions);
        let removals = intent.remove.into_iter();
        let removals = removals.filter(|leaf| !leaving.contains(&Sender::Member(*leaf)));
        let removals = removals.map(Proposal::Remove);
        let additions = intent
            .add
            .into_iter()
            .map(|package| Proposal::Add(Box::new(package.into_inner())));
        let psks = intent.psks.into_iter();
        let psks = psks.map(|psk| Proposal::PreSharedKey(fresh_psk_id(self.crypto, psk, rng)));
        let reinit = intent.reinit.map(Proposal::ReInit);
        let ephemeral = intent.ephemeral.into_iter().map(Proposal::AppEphemeral);
        let app_data = intent.app_data.into_iter().map(Proposal::AppDataUpdate);
        extensions
            .into_iter()
            .chain(removals)
            .chain(additions)
            .chain(psks)
            .chain(reinit)
            .chain(ephemeral)
            .chain(app_data)
            .collect()
    }

    /// Those to be removed who want to leave: by their own word, which waits, and not by a Remove as well
    /// (draft-ietf-mls-extensions §6.3).
    fn leaving(&self, remove: &[LeafIndex]) -> Vec<&CachedProposal> {
        let index = self.epoch.public.tree.index();
        if !index.support_proposal(ProposalType::SELF_REMOVE, &[]) {
            return Vec::new();
        }
        let own = self.epoch.own;
        let others = remove.iter().filter(|leaf| **leaf != own);
        let mut wanted: HashSet<_> = others.map(|leaf| Sender::Member(*leaf)).collect();
        let waiting = self.proposals.iter();
        let leaving = waiting.filter(|cached| cached.proposal == Proposal::SelfRemove);
        leaving
            .filter(|cached| wanted.remove(&cached.sender))
            .collect()
    }

    /// The group begins with the best suite that all its first members have (check 142).
    fn check_best_suite(&self, added: &[VerifiedKeyPackage]) -> Result<(), Error> {
        if self.epoch() != Epoch(0) || added.is_empty() {
            return Ok(());
        }
        let all_have = |suite: &CipherSuite| {
            added.iter().all(|package| {
                let leaf = &package.key_package().content.leaf_node.content;
                leaf.capabilities.cipher_suites.contains(suite)
            })
        };
        match self
            .settings
            .preferred_suites
            .iter()
            .find(|suite| all_have(suite))
        {
            Some(best) if *best != self.crypto.suite() => {
                Err(StateError::Refused(Check::BestCommonSuite).into())
            }
            _ => Ok(()),
        }
    }
}

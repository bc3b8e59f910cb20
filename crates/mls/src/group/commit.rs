//! A member's commits (RFC 9420 §12.4.1).

use super::draft::{Draft, Drafted};
use super::epoch::leaf_check;
use super::list::{Committer, Provisional};
use super::proposals::{CachedProposal, Listed};
use super::record::pending_nodes;
use super::send::{Identity, refused};
use super::{Delta, Group, PendingCommit};
use crate::check::Check;
use crate::error::{Error, StateError};
use crate::framing::{MlsMessage, Sender};
use crate::key_package::VerifiedKeyPackage;
use crate::leaf::LeafCheck;
use crate::schedule::{Psks, fresh_psk_id};
use crate::services::Services;
use crate::tree::LeafIndex;
use crate::wire::{
    Epoch, Extensions, LeafNodeContent, PreSharedKeyId, Proposal, ProposalOrRef, Psk, ReInit,
};
use folkmoot_crypto::{CipherSuite, Secret, SignatureKeyPair};
use rand_core::CryptoRng;

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
    /// Ends the group for one with these parameters. Proposals that wait are left out, and nothing
    /// else may be asked for.
    pub reinit: Option<ReInit>,
    /// A new credential and signature key for this member.
    pub identity: Option<Identity>,
    /// Fresh keys for this member even where RFC 9420 does not require them.
    pub force_path: bool,
    /// Leaves the ratchet tree out of the Welcome: joiners get it elsewhere.
    pub tree_apart: bool,
}

/// A commit to publish. It is pending until accepted or discarded.
#[derive(Clone, Debug)]
pub struct CommitBundle {
    /// For all members.
    pub commit: MlsMessage,
    /// For the new members, to be published only once the commit is accepted. The group does not keep
    /// it: store it in the transaction of the delta.
    pub welcome: Option<MlsMessage>,
    /// Where the new members are, in the order of the list.
    pub added: Vec<LeafIndex>,
}

/// A pre-shared key that only the first commit of a successor or branch may name.
pub(super) type FoundingPsk = (PreSharedKeyId, Secret);

impl Group {
    /// Makes a commit of the waiting proposals and the intent. The group stays in its epoch.
    ///
    /// Waiting proposals that contradict each other, or the intent, are left out: a removal goes
    /// before an update, the latest update before earlier ones (RFC 9420 §12.2).
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
        let mut unknown = intent.remove.iter();
        if let Some(nobody) = unknown.find(|leaf| self.member(**leaf).is_none()) {
            return Err(StateError::NoSuchMember(nobody.0).into());
        }
        if founding.is_none() {
            self.check_best_suite(&intent.add)?;
        }
        let CommitIntent {
            identity,
            force_path,
            tree_apart,
            ..
        } = intent.clone();
        let by_value = self.by_value(intent, rng);
        let leaves = leaf_check(self.crypto, &self.settings, services);
        let (mut entries, provisional) = self.choose(&by_value, &leaves, services)?;
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
        let welcome = self.welcome(&drafted, &psk_ids, !tree_apart, rng)?;
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
                let (leaf, signature) = self.renewed_leaf(identity)?;
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
    ) -> Result<(LeafNodeContent, SignatureKeyPair), Error> {
        let mut leaf = self.own_leaf_content()?;
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
            added: drafted.provisional.added_leaves(),
        };
        Ok((bundle, delta))
    }

    /// The list: the intent, then what waits and is valid together with it.
    fn choose(
        &self,
        by_value: &[Proposal],
        leaves: &LeafCheck<'_>,
        services: Services<'_>,
    ) -> Result<(Vec<ProposalOrRef>, Provisional), Error> {
        let own = Committer::Member(self.epoch.own);
        let mut list: Vec<_> = by_value
            .iter()
            .map(|one| Listed::new(own.sender(), one))
            .collect();
        let public = &self.epoch.public;
        let mut provisional = public
            .apply_proposals(own, &list, leaves)
            .map_err(refused)?;
        for listed in &mut list {
            listed.checked = true;
        }
        let mut taken = Vec::new();
        let waiting: Vec<_> = self.worth_committing(services).collect();
        let mut parts = vec![waiting.as_slice()];
        // All at once; where that is not valid, one half and then the other.
        while let Some(part) = parts.pop() {
            let before = list.len();
            list.extend(part.iter().map(|cached| Listed::from(*cached)));
            let applied = public.apply_proposals(own, &list, leaves);
            let valid = applied.and_then(|provisional| {
                public.check_tree(&provisional, None, leaves.settings)?;
                Ok(provisional)
            });
            if let Ok(with_part) = valid {
                provisional = with_part;
                taken.extend_from_slice(part);
                continue;
            }
            list.truncate(before);
            if part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
        let by_value = by_value.iter().cloned().map(ProposalOrRef::Proposal);
        let waiting = taken.into_iter().map(|cached| self.entry(cached));
        Ok((by_value.chain(waiting).collect(), provisional))
    }

    /// By reference; this member's own by value, as nobody else may have got them (RFC 9420 §12.4).
    fn entry(&self, cached: &CachedProposal) -> ProposalOrRef {
        if cached.sender == Sender::Member(self.epoch.own) {
            ProposalOrRef::Proposal(cached.proposal.clone())
        } else {
            ProposalOrRef::Reference(cached.reference.clone())
        }
    }

    /// What waits but for keys that are not held and successors that this member cannot follow into.
    fn worth_committing(&self, services: Services<'_>) -> impl Iterator<Item = &CachedProposal> {
        self.in_order_of_preference()
            .filter(move |cached| match &cached.proposal {
                Proposal::PreSharedKey(id) => {
                    self.psks(core::slice::from_ref(id), services).is_ok()
                }
                Proposal::ReInit(reinit) => self.can_follow(reinit),
                _ => true,
            })
    }

    fn can_follow(&self, reinit: &ReInit) -> bool {
        let Ok(leaf) = self.own_leaf_content() else {
            return false;
        };
        let capabilities = leaf.capabilities;
        let mut types = reinit.extensions.types();
        capabilities.versions.contains(&reinit.version)
            && capabilities.cipher_suites.contains(&reinit.cipher_suite)
            && types.all(|t| capabilities.supports_extension(t))
    }

    /// Removals first, then the latest; a ReInit only where nothing else waits (RFC 9420 §12.2).
    fn in_order_of_preference(&self) -> impl Iterator<Item = &CachedProposal> {
        let rank = |proposal: &Proposal| match proposal {
            Proposal::Remove(_) => 0,
            Proposal::ReInit(_) => 2,
            _ => 1,
        };
        let mut waiting: Vec<_> = self.proposals.iter().rev().collect();
        waiting.sort_by_key(|cached| rank(&cached.proposal));
        waiting.into_iter()
    }

    fn by_value(&self, intent: CommitIntent, rng: &mut dyn CryptoRng) -> Vec<Proposal> {
        let extensions = intent.extensions.map(Proposal::GroupContextExtensions);
        let removals = intent.remove.into_iter().map(Proposal::Remove);
        let additions = intent
            .add
            .into_iter()
            .map(|package| Proposal::Add(Box::new(package.into_inner())));
        let psks = intent.psks.into_iter();
        let psks = psks.map(|psk| Proposal::PreSharedKey(fresh_psk_id(self.crypto, psk, rng)));
        let reinit = intent.reinit.map(Proposal::ReInit);
        extensions
            .into_iter()
            .chain(removals)
            .chain(additions)
            .chain(psks)
            .chain(reinit)
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

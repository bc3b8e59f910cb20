//! Which proposals a member's commit lists (RFC 9420 §12.2, §12.4).

use super::Group;
use super::list::{Committer, Provisional};
use super::proposals::{CachedProposal, Listed};
use super::send::refused;
use crate::error::Error;
use crate::framing::{MAX_MESSAGE_LENGTH, Sender};
use crate::grease;
use crate::leaf::{ClientId, LeafCheck};
use crate::parallel;
use crate::records::Records;
use crate::services::Services;
use crate::tree::LeafIndex;
use crate::wire::{
    AppDataOperation, ComponentId, KeyPackage, PreSharedKeyId, Proposal, ProposalOrRef, ReInit,
    Timestamp,
};
use std::collections::{HashMap, HashSet};
use tls_codec::Size;

/// How often a list is tried before what is left of it stays out.
const MAX_ATTEMPTS: usize = 64;

/// Bytes of the proposals that a commit takes in, so that what it adds fits one record and one Welcome.
const MAX_TAKEN: usize = MAX_MESSAGE_LENGTH / 2;

/// What a commit shall list in any case.
#[derive(Debug)]
pub(super) struct AskedFor<'a> {
    pub(super) by_value: &'a [Proposal],
    /// The waiting word of those who leave.
    pub(super) leaving: Vec<&'a CachedProposal>,
    /// Whether the Authentication Service has answered for whom it adds.
    pub(super) are_vouched: bool,
}

impl Group {
    /// The list: what is asked for, then what waits and is valid together with it at `now`.
    pub(super) fn choose(
        &self,
        asked_for: AskedFor<'_>,
        now: Option<Timestamp>,
        (leaves, services): (&LeafCheck<'_>, Services<'_>),
    ) -> Result<(Vec<ProposalOrRef>, Provisional), Error> {
        let AskedFor {
            by_value,
            leaving,
            are_vouched,
        } = asked_for;
        let own = Committer::Member(self.epoch.own);
        let list = by_value.iter().map(|one| Listed {
            // The signatures of a KeyPackage that is to be added have been verified.
            checked: matches!(one, Proposal::Add(_)),
            ..Listed::new(own.sender(), one)
        });
        let left = leaving.iter().map(|cached| Listed::from(*cached));
        let mut list: Vec<_> = left.chain(list).collect();
        let public = &self.epoch.public;
        let provisional = public.apply_proposals(own, &list, leaves);
        let mut provisional = provisional.map_err(refused)?;
        let current = LeafCheck { at: now, ..*leaves };
        check_asked_for(by_value, are_vouched, &current)?;
        for listed in &mut list {
            listed.checked = true;
        }
        let mut taken = leaving;
        let waiting = self.compatible(&list, &current, services)?;
        let mut parts = vec![waiting.as_slice()];
        // All at once; where that is not valid, one half and then the other.
        for _ in 0..MAX_ATTEMPTS {
            let Some(part) = parts.pop() else { break };
            let before = list.len();
            list.extend(part.iter().map(|cached| Listed::from(*cached)));
            let applied = public.apply_proposals(own, &list, leaves);
            let valid = applied.and_then(|provisional| {
                public.check_tree(&provisional, None, leaves)?;
                Ok(provisional)
            });
            match valid {
                Ok(with_part) => {
                    provisional = with_part;
                    taken.extend_from_slice(part);
                    continue;
                }
                Err(unread @ Error::Records(_)) => return Err(unread),
                Err(_) => {}
            }
            list.truncate(before);
            if part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
        // Some want extensions replaced before a component's data is updated.
        let updates_data = |one: &Proposal| matches!(one, Proposal::AppDataUpdate(_));
        let by_value = by_value.iter();
        let by_value =
            by_value.map(|one| (updates_data(one), ProposalOrRef::Proposal(one.clone())));
        let waiting = taken.into_iter();
        let waiting = waiting.map(|one| (updates_data(&one.proposal), self.entry(one)));
        let mut entries: Vec<_> = by_value.chain(waiting).collect();
        entries.sort_by_key(|(updates_data, _)| *updates_data);
        let entries = entries.into_iter().map(|(_, entry)| entry);
        Ok((entries.collect(), provisional))
    }

    /// By reference; this member's own by value, as nobody else may have got them (RFC 9420 §12.4).
    fn entry(&self, cached: &CachedProposal) -> ProposalOrRef {
        if cached.sender == Sender::Member(self.epoch.own) {
            ProposalOrRef::Proposal(cached.proposal.clone())
        } else {
            ProposalOrRef::Reference(cached.reference.clone())
        }
    }

    /// What waits and contradicts neither the list nor what is preferred to it.
    fn compatible(
        &self,
        list: &[Listed<'_>],
        current: &LeafCheck<'_>,
        services: Services<'_>,
    ) -> Result<Vec<&CachedProposal>, Error> {
        if self.proposals.is_empty() {
            return Ok(Vec::new());
        }
        let mut so_far = Listing::default();
        let room = current.settings.committed_proposals;
        for asked_for in list {
            self.admit(&mut so_far, *asked_for, current)?;
        }
        let mut compatible = Vec::new();
        for cached in self.in_order_of_preference() {
            if list.len() + compatible.len() >= room {
                break;
            }
            if self.is_worth_committing(cached, services)?
                && is_current(&cached.proposal, current).is_ok()
                && self.admit(&mut so_far, Listed::from(cached), current)?
            {
                compatible.push(cached);
            }
        }
        Ok(compatible)
    }

    /// Whether a proposal has a place beside those listed so far (RFC 9420 §12.2); if so, it is
    /// listed.
    fn admit(
        &self,
        so_far: &mut Listing,
        listed: Listed<'_>,
        leaves: &LeafCheck<'_>,
    ) -> Result<bool, Error> {
        if so_far.ends {
            return Ok(false);
        }
        let length = so_far.length + listed.proposal.tls_serialized_len();
        let own = self.epoch.own;
        let fits = match (listed.proposal, listed.sender) {
            (Proposal::Update(_), Sender::Member(leaf)) => {
                leaf != own && so_far.changed.insert(leaf)
            }
            (Proposal::Remove(leaf), _) => {
                let fits = *leaf != own && so_far.changed.insert(*leaf);
                if fits && let Some(leaf) = self.member(*leaf, leaves.records)? {
                    let client = leaves.auth.client(&leaf.content.credential);
                    so_far.leaving.extend(client);
                }
                fits
            }
            (Proposal::Add(package), _) => {
                let credential = &package.content.leaf_node.content.credential;
                match leaves.auth.client(credential) {
                    Some(client) => {
                        let index = self.epoch.public.tree.index();
                        let stays = index.has_client(&client, leaves.records)?
                            && !so_far.leaving.contains(&client);
                        !stays && so_far.added.insert(client)
                    }
                    None => true,
                }
            }
            (Proposal::PreSharedKey(id), _) => so_far.psks.insert(id.clone()),
            (Proposal::GroupContextExtensions(_), _) => {
                !core::mem::replace(&mut so_far.extensions, true)
            }
            (Proposal::ReInit(_), _) => {
                so_far.ends = so_far.length == 0;
                so_far.ends
            }
            (Proposal::SelfRemove, Sender::Member(leaf)) => {
                let fits = leaf != own && so_far.changed.insert(leaf);
                if fits && let Some(leaf) = self.member(leaf, leaves.records)? {
                    let client = leaves.auth.client(&leaf.content.credential);
                    so_far.leaving.extend(client);
                }
                fits
            }
            (Proposal::AppDataUpdate(update), _) => {
                let removes = update.operation == AppDataOperation::Remove;
                match so_far.app_data.get(&update.component) {
                    None => {
                        so_far.app_data.insert(update.component, removes);
                        true
                    }
                    Some(removed) => !removed && !removes,
                }
            }
            (Proposal::AppEphemeral(_), _) => true,
            (Proposal::Update(_) | Proposal::ExternalInit(_) | Proposal::SelfRemove, _) => false,
        };
        if fits && length <= MAX_TAKEN {
            so_far.length = length;
            return Ok(true);
        }
        Ok(false)
    }

    /// Not what takes keys that are not held, nor what ends in a successor that this member cannot
    /// follow into.
    fn is_worth_committing(
        &self,
        cached: &CachedProposal,
        services: Services<'_>,
    ) -> Result<bool, Error> {
        match &cached.proposal {
            Proposal::PreSharedKey(id) => {
                Ok(self.psks(core::slice::from_ref(id), services).is_ok())
            }
            Proposal::ReInit(reinit) => self.can_follow(reinit, services.records),
            _ => Ok(true),
        }
    }

    fn can_follow(&self, reinit: &ReInit, records: &dyn Records) -> Result<bool, Error> {
        let capabilities = grease::without(self.own_leaf_content(records)?.capabilities);
        let mut types = reinit.extensions.types();
        Ok(capabilities.versions.contains(&reinit.version)
            && capabilities.cipher_suites.contains(&reinit.cipher_suite)
            && types.all(|t| capabilities.supports_extension(t)))
    }

    /// Removals first, then the latest; a ReInit only where nothing else waits (RFC 9420 §12.2).
    fn in_order_of_preference(&self) -> impl Iterator<Item = &CachedProposal> {
        let rank = |proposal: &Proposal| match proposal {
            Proposal::SelfRemove => 0,
            Proposal::Remove(_) => 1,
            Proposal::ReInit(_) => 3,
            _ => 2,
        };
        let mut waiting: Vec<_> = self.proposals.iter().rev().collect();
        waiting.sort_by_key(|cached| rank(&cached.proposal));
        waiting.into_iter()
    }
}

/// The members to add are acceptable now, as are their credentials.
fn check_asked_for(
    by_value: &[Proposal],
    are_vouched: bool,
    current: &LeafCheck<'_>,
) -> Result<(), Error> {
    let added = by_value.iter().filter_map(|proposal| match proposal {
        Proposal::Add(package) => Some(package.as_ref()),
        _ => None,
    });
    let (at, leaves) = (current.at, current.on_all_cores());
    let check = |package: &KeyPackage| -> Result<(), Error> {
        let leaves = leaves(at);
        leaves.check_acceptable(package)?;
        if !are_vouched {
            leaves.check_vouched(&package.content.leaf_node)?;
        }
        Ok(())
    };
    parallel::try_map(added.collect(), check).map_err(refused)?;
    Ok(())
}

/// What stands in a list so far.
#[derive(Debug, Default)]
struct Listing {
    /// Members with an Update or a Remove.
    changed: HashSet<LeafIndex>,
    /// Clients whose leaves are removed: they may be added again.
    leaving: HashSet<ClientId>,
    added: HashSet<ClientId>,
    psks: HashSet<PreSharedKeyId>,
    /// Components whose data is changed, and whether it is removed.
    app_data: HashMap<ComponentId, bool>,
    extensions: bool,
    /// Whether it has a ReInit, which stands alone.
    ends: bool,
    length: usize,
}

/// Who sends a KeyPackage verifies that it is within its lifetime (RFC 9420 §7.3, check 24).
fn is_current(proposal: &Proposal, current: &LeafCheck<'_>) -> Result<(), Error> {
    match proposal {
        Proposal::Add(package) if current.at.is_some() => {
            current.check_acceptable(package)?;
            Ok(current.check_vouched(&package.content.leaf_node)?)
        }
        _ => Ok(()),
    }
}

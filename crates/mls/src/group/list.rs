//! Lists of proposals: whether they are valid together, and what they do to the group (RFC 9420
//! §12.2, §12.3).

use super::components::Updates;
use super::proposals::Listed;
use super::public::PublicState;
use crate::check::Check;
use crate::error::Error;
use crate::framing::Sender;
use crate::leaf::{LeafCheck, check_fits_group};
use crate::parallel;
use crate::tree::{Leaf, LeafIndex, RatchetTree};
use crate::wire::{
    AppEphemeral, ComponentId, Credential, Extensions, KeyPackage, LeafNode, PreSharedKeyId,
    Proposal, ReInit,
};
use std::collections::{BTreeSet, HashSet};
use tls_codec::VLBytes;

/// Who commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committer {
    Member(LeafIndex),
    /// Someone who joins by the commit (RFC 9420 §12.4.3.2).
    Joiner,
}

impl Committer {
    /// As whom the committer proposes what it lists by value.
    pub(super) fn sender(self) -> Sender {
        match self {
            Self::Member(leaf) => Sender::Member(leaf),
            Self::Joiner => Sender::NewMemberCommit,
        }
    }
}

/// The group as a list of proposals leaves it, before the path.
#[derive(Debug)]
pub(super) struct Provisional {
    pub(super) tree: RatchetTree,
    pub(super) extensions: Extensions,
    pub(super) added: Vec<(LeafIndex, KeyPackage)>,
    /// Members who remove themselves.
    pub(super) left: Vec<(LeafIndex, LeafNode)>,
    /// Members whom somebody removes.
    pub(super) removed: Vec<(LeafIndex, LeafNode)>,
    pub(super) updated: Vec<LeafIndex>,
    pub(super) psks: Vec<PreSharedKeyId>,
    pub(super) external_init: Option<VLBytes>,
    pub(super) reinit: Option<ReInit>,
    /// What components say, with who says it.
    pub(super) ephemeral: Vec<(Sender, AppEphemeral)>,
    /// Components whose data is changed.
    pub(super) app_data: Vec<ComponentId>,
    /// Whether the list alone demands a path (check 82).
    pub(super) path_required: bool,
}

impl Provisional {
    pub(super) fn added_leaves(&self) -> Vec<LeafIndex> {
        self.added.iter().map(|(leaf, _)| *leaf).collect()
    }

    pub(super) fn added_members(&self) -> Vec<(LeafIndex, Credential)> {
        let added = self.added.iter();
        let leaf = |package: &KeyPackage| package.content.leaf_node.content.credential.clone();
        added
            .map(|(place, package)| (*place, leaf(package)))
            .collect()
    }

    /// All who are no members any more.
    pub(super) fn removed_members(&self) -> Vec<(LeafIndex, Credential)> {
        let removed = self.left.iter().chain(&self.removed);
        let member =
            |(place, leaf): &(LeafIndex, LeafNode)| (*place, leaf.content.credential.clone());
        removed.map(member).collect()
    }

    pub(super) fn removes(&self, leaf: LeafIndex) -> bool {
        let mut removed = self.left.iter().chain(&self.removed);
        removed.any(|(removed, _)| *removed == leaf)
    }
}

/// A list sorted by kind, each proposal valid by itself, and valid together but for the tree.
#[derive(Debug, Default)]
struct Sorted<'a> {
    updates: Vec<(LeafIndex, &'a LeafNode)>,
    self_removes: Vec<LeafIndex>,
    removes: Vec<LeafIndex>,
    adds: Vec<&'a KeyPackage>,
    psks: Vec<&'a PreSharedKeyId>,
    extensions: Option<&'a Extensions>,
    external_init: Option<&'a VLBytes>,
    reinit: Option<&'a ReInit>,
    ephemeral: Vec<(Sender, &'a AppEphemeral)>,
    app_data: Updates<'a>,
}

impl<'a> Sorted<'a> {
    /// What members, joiners and others may list alike (draft-ietf-mls-extensions §4.7, §4.8).
    fn add_component(&mut self, listed: &Listed<'a>) -> Result<(), Check> {
        match listed.proposal {
            Proposal::AppDataUpdate(update) => self.app_data.add(update),
            Proposal::AppEphemeral(said) => {
                self.ephemeral.push((listed.sender, said));
                Ok(())
            }
            _ => Err(Check::ExternalCommitProposals),
        }
    }
}

impl PublicState {
    /// Applies a list in RFC 9420 §12.3's order (check 79); the first broken rule is the error.
    /// [`Self::check_tree`] is still to come, once the path is in the tree.
    pub(super) fn apply_proposals(
        &self,
        committer: Committer,
        list: &[Listed<'_>],
        leaves: &LeafCheck<'_>,
    ) -> Result<Provisional, Error> {
        leaves.check_commit_length(list.len())?;
        let sorted = match committer {
            Committer::Member(leaf) => sort(leaf, list)?,
            Committer::Joiner => sort_external(list)?,
        };
        self.check_types(list, &sorted, leaves)?;
        self.check_proposals(list, leaves)?;
        check_psks(&sorted.psks)?;
        let identified = identify(&sorted.adds, leaves);
        check_adds(&identified)?;
        let extensions = sorted.extensions.unwrap_or(&self.context.extensions);
        let (mut tree, records) = (self.tree.clone(), leaves.records);
        for (leaf, node) in &sorted.updates {
            tree.update(*leaf, leaves.identified(node), records)?;
        }
        let mut remove = |leaf: &LeafIndex| {
            let node = tree.leaf(*leaf, records)?.ok_or(Check::RemovedIsMember)?;
            let node = LeafNode::clone(node);
            tree.remove(*leaf, records)?;
            Ok((*leaf, node))
        };
        let left: Result<_, Error> = sorted.self_removes.iter().map(&mut remove).collect();
        let removed: Result<_, Error> = sorted.removes.iter().map(&mut remove).collect();
        let (left, removed) = (left?, removed?);
        tree.truncate(records)?;
        for leaf in &identified {
            if let Some(client) = &leaf.client
                && tree.index().has_client(client, records)?
            {
                return Err(Check::AddIsNew.into());
            }
        }
        let places = tree.add_all(identified, records)?;
        let added = sorted.adds.iter().copied().cloned();
        let added = places.into_iter().zip(added).collect();
        let updated: Vec<_> = sorted.updates.iter().map(|(leaf, _)| *leaf).collect();
        let requires_path = |listed: &Listed<'_>| listed.proposal.requires_path();
        let ephemeral = sorted.ephemeral.into_iter();
        let ephemeral = ephemeral.map(|(sender, said)| (sender, said.clone()));
        Ok(Provisional {
            tree,
            extensions: self.update_components(extensions, &sorted.app_data, leaves)?,
            ephemeral: ephemeral.collect(),
            app_data: sorted.app_data.components(),
            added,
            left,
            removed,
            updated,
            psks: sorted.psks.into_iter().cloned().collect(),
            external_init: sorted.external_init.cloned(),
            reinit: sorted.reinit.cloned(),
            path_required: list.is_empty() || list.iter().any(requires_path),
        })
    }

    /// Whoever goes through with a commit supports the types of its proposals; those who leave need not
    /// (check 65).
    fn check_types(
        &self,
        list: &[Listed<'_>],
        sorted: &Sorted<'_>,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let types = list.iter().map(|listed| listed.proposal.proposal_type());
        let types: BTreeSet<_> = types.filter(|listed| !listed.is_default()).collect();
        if types.is_empty() {
            return Ok(());
        }
        let mut leaving = Vec::new();
        for leaf in sorted.self_removes.iter().chain(&sorted.removes) {
            let leaf = self.tree.leaf(*leaf, leaves.records)?;
            leaving.push(leaf.ok_or(Check::RemovedIsMember)?.as_ref());
        }
        let index = self.tree.index();
        let mut types = types.into_iter();
        if types.all(|listed| index.support_proposal(listed, &leaving)) {
            Ok(())
        } else {
            Err(Check::ProposalTypeSupported.into())
        }
    }

    /// The tree that results, its path included, is valid where it changed (checks 63, 76).
    ///
    /// Every leaf of the old tree was valid; what can break is at leaves that are new, at
    /// `path_leaf` where there is one, and between all.
    pub(super) fn check_tree(
        &self,
        provisional: &Provisional,
        path_leaf: Option<LeafIndex>,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let Provisional {
            tree, extensions, ..
        } = provisional;
        if tree.places() > u64::from(leaves.settings.maximum_leaves) {
            return Err(Check::TreeBound.into());
        }
        let added = provisional.added.iter().map(|(leaf, _)| *leaf);
        let updated = provisional.updated.iter().copied();
        for leaf in added.chain(updated).chain(path_leaf) {
            let leaf = tree.leaf(leaf, leaves.records)?;
            let leaf = leaf.ok_or(Check::SenderIsMember)?;
            check_fits_group(leaf, &self.context, extensions)?;
            if !tree.index().has_unique_keys(leaf, leaves.records)? {
                return Err(Check::LeafKeysUnique.into());
            }
        }
        tree.index().check_credential_types()?;
        let are_new = *extensions != self.context.extensions;
        if are_new && !tree.index().support_extensions(extensions)? {
            return Err(Check::NewExtensionsSupported.into());
        }
        Ok(())
    }
}

/// The leaves to add, with the clients that they are: all cores name them.
fn identify(adds: &[&KeyPackage], leaves: &LeafCheck<'_>) -> Vec<Leaf> {
    let leaves = leaves.on_all_cores();
    let identify = |one: &KeyPackage| leaves(None).identified(&one.content.leaf_node);
    parallel::map_light(adds.to_vec(), identify)
}

/// No client is added twice (check 70).
fn check_adds(identified: &[Leaf]) -> Result<(), Check> {
    let mut added = HashSet::with_capacity(identified.len());
    let mut clients = identified.iter().filter_map(|leaf| leaf.client.as_ref());
    let all_differ = clients.all(|client| added.insert(client));
    all_differ.then_some(()).ok_or(Check::AddsDistinct)
}

/// The rules for a member's list (RFC 9420 §12.2).
fn sort<'a>(committer: LeafIndex, list: &[Listed<'a>]) -> Result<Sorted<'a>, Check> {
    let mut sorted = Sorted::default();
    let mut changed = HashSet::new();
    let mut change = |leaf| {
        let is_first = changed.insert(leaf);
        is_first.then_some(()).ok_or(Check::OneChangePerLeaf)
    };
    for listed in list {
        match (listed.proposal, listed.sender) {
            (Proposal::Update(node), Sender::Member(leaf)) => {
                if leaf == committer {
                    return Err(Check::NoUpdateByCommitter);
                }
                change(leaf)?;
                sorted.updates.push((leaf, node));
            }
            (Proposal::Update(_), _) => return Err(Check::UpdateSender),
            (Proposal::Remove(leaf), _) => {
                if *leaf == committer {
                    return Err(Check::NoRemoveOfCommitter);
                }
                change(*leaf)?;
                sorted.removes.push(*leaf);
            }
            (Proposal::Add(key_package), _) => sorted.adds.push(key_package),
            (Proposal::PreSharedKey(id), _) => sorted.psks.push(id),
            (Proposal::GroupContextExtensions(extensions), _) => {
                if sorted.extensions.replace(extensions).is_some() {
                    return Err(Check::OneGroupContextExtensions);
                }
            }
            (Proposal::ReInit(reinit), _) => {
                if list.len() > 1 {
                    return Err(Check::ReInitAlone);
                }
                sorted.reinit = Some(reinit);
            }
            (Proposal::ExternalInit(_), _) => return Err(Check::NoExternalInit),
            (Proposal::SelfRemove, _) => {
                let leaf = self_removed(listed)?;
                if leaf == committer {
                    return Err(Check::NoRemoveOfCommitter);
                }
                change(leaf)?;
                sorted.self_removes.push(leaf);
            }
            (Proposal::AppDataUpdate(_) | Proposal::AppEphemeral(_), _) => {
                sorted.add_component(listed)?;
            }
        }
    }
    Ok(sorted)
}

/// Who removes itself: it says so itself, and is referred to (draft-ietf-mls-extensions §6.3).
fn self_removed(listed: &Listed<'_>) -> Result<LeafIndex, Check> {
    match listed.sender {
        Sender::Member(leaf) if listed.by_reference => Ok(leaf),
        _ => Err(Check::SelfRemove),
    }
}

/// The rules for a joiner's list (RFC 9420 §12.2, checks 101–103).
fn sort_external<'a>(list: &[Listed<'a>]) -> Result<Sorted<'a>, Check> {
    let mut sorted = Sorted::default();
    for listed in list {
        match listed.proposal {
            Proposal::ExternalInit(kem_output) => {
                if sorted.external_init.replace(kem_output).is_some() {
                    return Err(Check::OneExternalInit);
                }
            }
            Proposal::Remove(leaf) => sorted.removes.push(*leaf),
            Proposal::PreSharedKey(id) => sorted.psks.push(id),
            Proposal::SelfRemove => sorted.self_removes.push(self_removed(listed)?),
            _ => sorted.add_component(listed)?,
        }
    }
    if sorted.external_init.is_none() {
        return Err(Check::OneExternalInit);
    }
    if sorted.removes.len() > 1 {
        return Err(Check::OneRemoveOfPrior);
    }
    let mut changed = HashSet::new();
    let mut gone = sorted.self_removes.iter().chain(&sorted.removes);
    if !gone.all(|leaf| changed.insert(leaf)) {
        return Err(Check::OneChangePerLeaf);
    }
    Ok(sorted)
}

/// Check 72.
fn check_psks(psks: &[&PreSharedKeyId]) -> Result<(), Check> {
    let distinct: HashSet<_> = psks.iter().collect();
    if distinct.len() == psks.len() {
        Ok(())
    } else {
        Err(Check::PsksDistinct)
    }
}

//! Lists of proposals: whether they are valid together, and what they do to the group (RFC 9420
//! §12.2, §12.3).

use super::proposals::Listed;
use super::public::PublicState;
use crate::check::Check;
use crate::error::Error;
use crate::framing::Sender;
use crate::leaf::{LeafCheck, check_fits_group};
use crate::parallel;
use crate::tree::{Leaf, LeafIndex, RatchetTree};
use crate::wire::{Credential, Extensions, KeyPackage, LeafNode, PreSharedKeyId, Proposal, ReInit};
use std::collections::HashSet;
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
    pub(super) removed: Vec<(LeafIndex, LeafNode)>,
    pub(super) updated: Vec<LeafIndex>,
    pub(super) psks: Vec<PreSharedKeyId>,
    pub(super) external_init: Option<VLBytes>,
    pub(super) reinit: Option<ReInit>,
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

    pub(super) fn removed_members(&self) -> Vec<(LeafIndex, Credential)> {
        let removed = self.removed.iter();
        let member =
            |(place, leaf): &(LeafIndex, LeafNode)| (*place, leaf.content.credential.clone());
        removed.map(member).collect()
    }

    pub(super) fn removes(&self, leaf: LeafIndex) -> bool {
        self.removed.iter().any(|(removed, _)| *removed == leaf)
    }
}

/// A list sorted by kind, each proposal valid by itself, and valid together but for the tree.
#[derive(Debug, Default)]
struct Sorted<'a> {
    updates: Vec<(LeafIndex, &'a LeafNode)>,
    removes: Vec<LeafIndex>,
    adds: Vec<&'a KeyPackage>,
    psks: Vec<&'a PreSharedKeyId>,
    extensions: Option<&'a Extensions>,
    external_init: Option<&'a VLBytes>,
    reinit: Option<&'a ReInit>,
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
        self.check_proposals(list, leaves)?;
        check_psks(&sorted.psks)?;
        let identified = identify(&sorted.adds, leaves);
        check_adds(&identified)?;
        let extensions = sorted.extensions.unwrap_or(&self.context.extensions);
        let (mut tree, records) = (self.tree.clone(), leaves.records);
        for (leaf, node) in &sorted.updates {
            tree.update(*leaf, leaves.identified(node), records)?;
        }
        let mut removed = Vec::new();
        for leaf in &sorted.removes {
            let node = tree.leaf(*leaf, records)?.ok_or(Check::RemovedIsMember)?;
            removed.push((*leaf, LeafNode::clone(node)));
            tree.remove(*leaf, records)?;
        }
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
        Ok(Provisional {
            tree,
            extensions: extensions.clone(),
            added,
            removed,
            updated,
            psks: sorted.psks.into_iter().cloned().collect(),
            external_init: sorted.external_init.cloned(),
            reinit: sorted.reinit.cloned(),
            path_required: list.is_empty() || list.iter().any(requires_path),
        })
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
        }
    }
    Ok(sorted)
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
            _ => return Err(Check::ExternalCommitProposals),
        }
    }
    if sorted.external_init.is_none() {
        return Err(Check::OneExternalInit);
    }
    if sorted.removes.len() > 1 {
        return Err(Check::OneRemoveOfPrior);
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

//! Lists of proposals: whether they are valid together, and what they do to the tree (RFC 9420 §12.2,
//! §12.3).

use super::EpochState;
use crate::check::Check;
use crate::error::Error;
use crate::leaf::{Carrier, LeafCheck, check_fits_group, place};
use crate::tree::{LeafIndex, RatchetTree};
use crate::wire::{Credential, KeyPackage, LeafNode, Proposal, ProposalRef};
use folkmoot_crypto::Secret;
use std::collections::HashSet;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A proposal that arrived in this epoch and waits for a commit (check 56).
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct CachedProposal {
    pub(super) reference: ProposalRef,
    pub(super) sender: LeafIndex,
    pub(super) proposal: Proposal,
    /// The private key of the leaf, where it is this member's own Update.
    pub(super) own_leaf_private: Option<Secret>,
}

/// A proposal in a commit's list, resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub(super) sender: LeafIndex,
    pub(super) proposal: &'a Proposal,
    /// Whether it was found valid by itself when it arrived in this epoch.
    checked: bool,
}

impl<'a> Listed<'a> {
    pub(super) fn new(sender: LeafIndex, proposal: &'a Proposal) -> Self {
        Self {
            sender,
            proposal,
            checked: false,
        }
    }
}

impl<'a> From<&'a CachedProposal> for Listed<'a> {
    fn from(cached: &'a CachedProposal) -> Self {
        Self {
            sender: cached.sender,
            proposal: &cached.proposal,
            checked: true,
        }
    }
}

/// The group as a list of proposals leaves it, before the path.
#[derive(Debug)]
pub(super) struct Provisional {
    pub(super) tree: RatchetTree,
    pub(super) added: Vec<(LeafIndex, KeyPackage)>,
    pub(super) removed: Vec<(LeafIndex, Credential)>,
    pub(super) updated: Vec<LeafIndex>,
    /// Whether the list alone demands a path (check 82).
    pub(super) path_required: bool,
}

impl Provisional {
    pub(super) fn added_leaves(&self) -> Vec<LeafIndex> {
        self.added.iter().map(|(leaf, _)| *leaf).collect()
    }

    pub(super) fn removes(&self, leaf: LeafIndex) -> bool {
        self.removed.iter().any(|(removed, _)| *removed == leaf)
    }
}

/// A list sorted by kind, each proposal valid by itself.
#[derive(Debug, Default)]
struct Sorted<'a> {
    updates: Vec<(LeafIndex, &'a LeafNode)>,
    removes: Vec<LeafIndex>,
    adds: Vec<&'a KeyPackage>,
}

impl EpochState {
    /// A proposal as it arrives: valid by itself in this epoch (checks 57–65).
    pub(super) fn check_proposal(
        &self,
        listed: Listed<'_>,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        match listed.proposal {
            Proposal::Add(key_package) => self.check_add(key_package, leaves),
            Proposal::Update(leaf) => self.check_update(listed.sender, leaf, leaves),
            Proposal::Remove(leaf) => match self.tree.leaf(*leaf) {
                Some(_) => Ok(()),
                None => Err(Check::RemovedIsMember.into()),
            },
            Proposal::PreSharedKey(_)
            | Proposal::ReInit(_)
            | Proposal::ExternalInit(_)
            | Proposal::GroupContextExtensions(_) => Err(Check::ProposalTypeSupported.into()),
        }
    }

    fn check_add(&self, key_package: &KeyPackage, leaves: &LeafCheck<'_>) -> Result<(), Error> {
        key_package.clone().verify_with(leaves)?;
        check_fits_group(&key_package.content.leaf_node, &self.context)
    }

    fn check_update(
        &self,
        sender: LeafIndex,
        leaf: &LeafNode,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let before = self.tree.leaf(sender).ok_or(Check::UpdateSender)?;
        leaves.carried(leaf, Carrier::Update, Some(place(&self.context, sender)))?;
        check_fits_group(leaf, &self.context)?;
        if leaf.content.encryption_key == before.content.encryption_key {
            return Err(Check::EncryptionKeyNew.into());
        }
        check_succession(before, leaf, leaves)
    }

    /// Applies a valid list in RFC 9420 §12.3's order; the first broken rule is the error.
    pub(super) fn apply_proposals(
        &self,
        committer: LeafIndex,
        list: &[Listed<'_>],
        leaves: &LeafCheck<'_>,
    ) -> Result<Provisional, Error> {
        let sorted = self.sort(committer, list, leaves)?;
        self.check_adds(&sorted, leaves)?;
        let mut tree = self.tree.clone();
        for (leaf, node) in &sorted.updates {
            tree.update(*leaf, LeafNode::clone(node));
        }
        let mut removed = Vec::new();
        for leaf in &sorted.removes {
            let node = tree.leaf(*leaf).ok_or(Check::RemovedIsMember)?;
            removed.push((*leaf, node.content.credential.clone()));
            tree.remove(*leaf);
        }
        tree.truncate();
        let mut added = Vec::new();
        for key_package in &sorted.adds {
            let leaf = tree.add(key_package.content.leaf_node.clone())?;
            added.push((leaf, KeyPackage::clone(key_package)));
        }
        let updated: Vec<_> = sorted.updates.iter().map(|(leaf, _)| *leaf).collect();
        let touched = added.iter().map(|(leaf, _)| leaf).chain(&updated);
        for leaf in touched.filter_map(|leaf| tree.leaf(*leaf)) {
            tree.index().check_unique(leaf)?;
        }
        tree.index().check_credential_types()?;
        let path_required =
            list.is_empty() || !sorted.updates.is_empty() || !sorted.removes.is_empty();
        Ok(Provisional {
            tree,
            added,
            removed,
            updated,
            path_required,
        })
    }

    fn sort<'a>(
        &self,
        committer: LeafIndex,
        list: &[Listed<'a>],
        leaves: &LeafCheck<'_>,
    ) -> Result<Sorted<'a>, Error> {
        let mut sorted = Sorted::default();
        let mut changed = HashSet::new();
        for listed in list {
            if !listed.checked {
                self.check_proposal(*listed, leaves)?;
            }
            let leaf = match listed.proposal {
                Proposal::Update(_) if listed.sender == committer => {
                    return Err(Check::NoUpdateByCommitter.into());
                }
                Proposal::Remove(leaf) if *leaf == committer => {
                    return Err(Check::NoRemoveOfCommitter.into());
                }
                Proposal::Update(node) => {
                    sorted.updates.push((listed.sender, node));
                    listed.sender
                }
                Proposal::Remove(leaf) => {
                    sorted.removes.push(*leaf);
                    *leaf
                }
                Proposal::Add(key_package) => {
                    sorted.adds.push(key_package);
                    continue;
                }
                _ => return Err(Check::ProposalTypeSupported.into()),
            };
            if !changed.insert(leaf) {
                return Err(Check::OneChangePerLeaf.into());
            }
        }
        Ok(sorted)
    }

    /// No client is added twice, and none that stays (checks 70, 71).
    fn check_adds(&self, sorted: &Sorted<'_>, leaves: &LeafCheck<'_>) -> Result<(), Check> {
        let credential = |key_package: &&KeyPackage| -> Credential {
            key_package.content.leaf_node.content.credential.clone()
        };
        let added: Vec<_> = sorted.adds.iter().map(credential).collect();
        for (place, one) in added.iter().enumerate() {
            if added[..place]
                .iter()
                .any(|other| leaves.auth.same_client(one, other))
            {
                return Err(Check::AddsDistinct);
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        let removed: HashSet<_> = sorted.removes.iter().copied().collect();
        let mut staying = self
            .tree
            .leaves()
            .filter(|(leaf, _)| !removed.contains(leaf));
        let again = staying.any(|(_, leaf)| {
            added
                .iter()
                .any(|one| leaves.auth.same_client(one, &leaf.content.credential))
        });
        if again { Err(Check::AddIsNew) } else { Ok(()) }
    }
}

/// A new credential of a member succeeds the old one (check 11).
pub(super) fn check_succession(
    before: &LeafNode,
    after: &LeafNode,
    leaves: &LeafCheck<'_>,
) -> Result<(), Error> {
    let (old, new) = (&before.content.credential, &after.content.credential);
    if old == new || leaves.auth.succeeds(old, new) {
        Ok(())
    } else {
        Err(Check::CredentialSuccession.into())
    }
}

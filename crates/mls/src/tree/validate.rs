//! Whether a received tree is one that members could have made (RFC 9420 §12.4.3.1).

use super::{Content, LeafIndex, Node, NodeIndex, RatchetTree, Subtree};
use crate::Error;
use crate::check::Check;
use crate::leaf::{LeafCheck, check_fits_group, place};
use crate::wire::{GroupContext, LeafNodeSource};
use folkmoot_crypto::Crypto;

/// A tree that passed every check of RFC 9420 §12.4.3.1 for one group context.
#[derive(Debug)]
pub(crate) struct VerifiedTree(RatchetTree);

impl VerifiedTree {
    pub(crate) fn verify(
        tree: RatchetTree,
        context: &GroupContext,
        leaves: &LeafCheck<'_>,
    ) -> Result<Self, Error> {
        if tree.tree_hash(leaves.crypto) != context.tree_hash.as_slice() {
            return Err(Check::TreeHash.into());
        }
        check_unmerged_leaves(&tree)?;
        check_parent_hashes(&tree, leaves.crypto)?;
        // Check 126.
        for (index, leaf) in tree.leaves() {
            leaves.any(leaf, Some(place(context, index)))?;
            check_fits_group(leaf, context, &context.extensions)?;
            if !tree.index.has_unique_keys(leaf) {
                return Err(Check::TreeLeafKeysUnique.into());
            }
        }
        tree.index.check_credential_types()?;
        check_parent_keys(&tree, leaves.crypto)?;
        Ok(Self(tree))
    }

    pub(crate) fn into_inner(self) -> RatchetTree {
        self.0
    }
}

/// Unmerged leaves are ascending members below, and listed by each parent on the way (checks 129–131).
pub(crate) fn check_unmerged_leaves(tree: &RatchetTree) -> Result<(), Check> {
    for (index, subtree) in tree.nodes() {
        let Content::Parent {
            node: Some(parent), ..
        } = &subtree.content
        else {
            continue;
        };
        let unmerged = &parent.unmerged_leaves;
        if !unmerged.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(Check::UnmergedAscending);
        }
        let is_member_below = |leaf| index.covers(leaf) && tree.leaf(leaf).is_some();
        if !unmerged.iter().all(|leaf| is_member_below(*leaf)) {
            return Err(Check::UnmergedIsMemberBelow);
        }
    }
    check_listed_between(&tree.root, tree.root(), &[])
}

/// What the nearest parent above lists as unmerged below `at`, both lists ascending, is listed by each
/// parent on the way (check 131).
fn check_listed_between(
    subtree: &Subtree,
    at: NodeIndex,
    above: &[LeafIndex],
) -> Result<(), Check> {
    let (Some((left, right)), Some(left_at), Some(right_at)) =
        (subtree.children(), at.left(), at.right())
    else {
        return Ok(());
    };
    let listed = match &subtree.content {
        Content::Parent {
            node: Some(parent), ..
        } => {
            let mut here = parent.unmerged_leaves.iter();
            if !above.iter().all(|leaf| here.any(|listed| listed == leaf)) {
                return Err(Check::UnmergedListedBetween);
            }
            &parent.unmerged_leaves
        }
        _ => above,
    };
    let middle = listed.partition_point(|leaf| NodeIndex::from(*leaf) < at);
    check_listed_between(left, left_at, &listed[..middle])?;
    check_listed_between(right, right_at, &listed[middle..])
}

/// Each parent has a node below that was made together with it (checks 127, 128).
pub(crate) fn check_parent_hashes(tree: &RatchetTree, crypto: &dyn Crypto) -> Result<(), Check> {
    for (index, subtree) in tree.nodes() {
        let Content::Parent { node: Some(_), .. } = &subtree.content else {
            continue;
        };
        let (Some(left), Some(right)) = (index.left(), index.right()) else {
            continue;
        };
        let valid = has_link(tree, index, left, right, crypto)
            || has_link(tree, index, right, left, crypto);
        if !valid {
            return Err(Check::TreeParentHashes);
        }
    }
    Ok(())
}

/// Whether some node of `child`'s resolution carries the parent hash of `parent` with copath
/// `sibling`, and the rest of the resolution is just what `parent` lists as unmerged there.
fn has_link(
    tree: &RatchetTree,
    parent: NodeIndex,
    child: NodeIndex,
    sibling: NodeIndex,
    crypto: &dyn Crypto,
) -> bool {
    let Some(node) = tree.parent_node(parent) else {
        return false;
    };
    let Some(expected) = tree.parent_hash(node, sibling, crypto) else {
        return false;
    };
    let mut rest = tree.resolution(child);
    let carrier = rest
        .iter()
        .position(|index| carried_hash(tree, *index) == Some(expected.as_slice()));
    let Some(carrier) = carrier else { return false };
    rest.swap_remove(carrier);
    rest.sort_unstable();
    let unmerged = node
        .unmerged_leaves
        .iter()
        .filter(|leaf| child.covers(**leaf));
    rest.into_iter()
        .eq(unmerged.map(|leaf| NodeIndex::from(*leaf)))
}

fn carried_hash(tree: &RatchetTree, index: NodeIndex) -> Option<&[u8]> {
    match &tree.subtree(index)?.content {
        Content::Leaf(leaf) => match &leaf.content.source {
            LeafNodeSource::Commit(hash) => Some(hash.as_slice()),
            _ => None,
        },
        Content::Parent { node, .. } => Some(node.as_ref()?.parent_hash.as_slice()),
        Content::Blank => None,
    }
}

/// A parent's key is a key of the suite, and stands nowhere else (checks 33, 132).
fn check_parent_keys(tree: &RatchetTree, crypto: &dyn Crypto) -> Result<(), Check> {
    for (_, subtree) in tree.nodes() {
        let Some(Node::Parent(parent)) = subtree.node() else {
            continue;
        };
        let key = parent.encryption_key.as_slice();
        if tree.encryption_key_uses(key) != 1 {
            return Err(Check::ParentKeyUnique);
        }
        let checked = crypto.check_kem_public_key(key);
        checked.map_err(|_| Check::KeysValidForSuite)?;
    }
    Ok(())
}

//! Whether a received tree is one that members could have made (RFC 9420 §12.4.3.1).

use super::hash::parent_hash_beside;
use super::resolution::resolve;
use super::{Content, LeafIndex, NodeIndex, ParentNode, RatchetTree, ReceivedTree, Subtree};
use crate::Error;
use crate::check::Check;
use crate::leaf::{LeafCheck, check_fits_group, place};
use crate::parallel;
use crate::records::NoRecords;
use crate::wire::{GroupContext, LeafNode, LeafNodeSource};
use folkmoot_crypto::Crypto;
use std::sync::Arc;

/// A received tree is in memory.
const RECORDS: &NoRecords = &NoRecords;

/// A tree that passed every check of RFC 9420 §12.4.3.1 for one group context.
#[derive(Debug)]
pub(crate) struct VerifiedTree(RatchetTree);

impl VerifiedTree {
    pub(crate) fn verify(
        received: ReceivedTree,
        context: &GroupContext,
        leaves: &LeafCheck<'_>,
    ) -> Result<Self, Error> {
        let (crypto, at, leaves) = (leaves.crypto, leaves.at, leaves.on_all_cores());
        // What costs least comes first: signatures last.
        let ((index, has_repeated_keys), checked) = parallel::join(
            || received.make_index(),
            || check_shape(received.tree(), context, crypto),
        );
        checked?;
        let tree = received.with_index(index);
        if has_repeated_keys {
            return Err(repeated_key(&tree)?.into());
        }
        check_parent_keys(&tree, crypto)?;
        // Check 126.
        let check = |(index, leaf): (LeafIndex, &Arc<LeafNode>)| {
            leaves(at).any(leaf, Some(place(context, index)))?;
            check_fits_group(leaf, context, &context.extensions)
        };
        parallel::try_map(tree.leaves(RECORDS)?.collect(), check)?;
        tree.index.check_credential_types()?;
        Ok(Self(tree))
    }

    pub(crate) fn into_inner(self) -> RatchetTree {
        self.0
    }
}

/// What hashes say of a tree.
fn check_shape(
    tree: &RatchetTree,
    context: &GroupContext,
    crypto: &dyn Crypto,
) -> Result<(), Error> {
    if tree.tree_hash(crypto) != context.tree_hash.as_slice() {
        return Err(Check::TreeHash.into());
    }
    check_unmerged_leaves(tree)?;
    check_parent_hashes(tree, crypto)
}

/// Unmerged leaves are ascending members below, and listed by each parent on the way (checks 129–131).
pub(crate) fn check_unmerged_leaves(tree: &RatchetTree) -> Result<(), Error> {
    for (index, content) in tree.nodes(RECORDS)? {
        let Some(parent) = content.parent() else {
            continue;
        };
        let unmerged = &parent.unmerged_leaves;
        if !unmerged.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(Check::UnmergedAscending.into());
        }
        for leaf in unmerged {
            if !index.covers(*leaf) || tree.leaf(*leaf, RECORDS)?.is_none() {
                return Err(Check::UnmergedIsMemberBelow.into());
            }
        }
    }
    let root = tree.root.content(tree.root(), RECORDS)?;
    check_listed_between(root, tree.root(), &[])
}

/// What the nearest parent above lists as unmerged below `at`, both lists ascending, is listed by each
/// parent on the way (check 131).
fn check_listed_between(
    content: &Content,
    at: NodeIndex,
    above: &[LeafIndex],
) -> Result<(), Error> {
    let (Some((left, right)), Some(left_at), Some(right_at)) =
        (content.children(), at.left(), at.right())
    else {
        return Ok(());
    };
    let listed = match content.parent() {
        Some(parent) => {
            let mut here = parent.unmerged_leaves.iter();
            if !above.iter().all(|leaf| here.any(|listed| listed == leaf)) {
                return Err(Check::UnmergedListedBetween.into());
            }
            &parent.unmerged_leaves
        }
        None => above,
    };
    let middle = listed.partition_point(|leaf| NodeIndex::from(*leaf) < at);
    let left = left.content(left_at, RECORDS)?;
    check_listed_between(left, left_at, &listed[..middle])?;
    let right = right.content(right_at, RECORDS)?;
    check_listed_between(right, right_at, &listed[middle..])
}

/// Each parent has a node below that was made together with it (checks 127, 128).
pub(crate) fn check_parent_hashes(tree: &RatchetTree, crypto: &dyn Crypto) -> Result<(), Error> {
    let check = |(index, content): (NodeIndex, &Content)| {
        let (Some(parent), Some((left, right)), Some(left_at), Some(right_at)) = (
            content.parent(),
            content.children(),
            index.left(),
            index.right(),
        ) else {
            return Ok(());
        };
        let (left, right) = ((left.as_ref(), left_at), (right.as_ref(), right_at));
        let valid = has_link(tree, parent, left, right, crypto)?
            || has_link(tree, parent, right, left, crypto)?;
        if valid {
            Ok(())
        } else {
            Err(Error::from(Check::TreeParentHashes))
        }
    };
    parallel::try_map(tree.nodes(RECORDS)?.collect(), check)?;
    Ok(())
}

/// Whether some node of `child`'s resolution carries the parent hash of `parent` with copath
/// `sibling`, and the rest of the resolution is just what `parent` lists as unmerged there.
fn has_link(
    tree: &RatchetTree,
    parent: &ParentNode,
    (child, child_at): (&Subtree, NodeIndex),
    sibling: (&Subtree, NodeIndex),
    crypto: &dyn Crypto,
) -> Result<bool, Error> {
    let expected = parent_hash_beside(parent, sibling, crypto)?;
    let carries = |content: &Content| carried_hash(content) == Some(expected.as_slice());
    let mut rest = Vec::new();
    resolve(child, child_at, RECORDS, &mut rest)?;
    let mut carrier = None;
    for (place, index) in rest.iter().enumerate() {
        let content = if *index == child_at {
            Some(child.content(child_at, RECORDS)?)
        } else {
            tree.content(*index, RECORDS)?
        };
        if content.is_some_and(carries) {
            carrier = Some(place);
            break;
        }
    }
    let Some(carrier) = carrier else {
        return Ok(false);
    };
    rest.swap_remove(carrier);
    rest.sort_unstable();
    let unmerged = parent.unmerged_leaves.iter();
    let unmerged = unmerged.filter(|leaf| child_at.covers(**leaf));
    Ok(rest
        .into_iter()
        .eq(unmerged.map(|leaf| NodeIndex::from(*leaf))))
}

fn carried_hash(content: &Content) -> Option<&[u8]> {
    match content {
        Content::Leaf(leaf) => match &leaf.node.content.source {
            LeafNodeSource::Commit(hash) => Some(hash.as_slice()),
            _ => None,
        },
        _ => Some(content.parent()?.parent_hash.as_slice()),
    }
}

/// A parent's key is a key of the suite (check 33).
fn check_parent_keys(tree: &RatchetTree, crypto: &dyn Crypto) -> Result<(), Error> {
    let parents = tree.nodes(RECORDS)?.filter_map(|(_, node)| node.parent());
    let check = |parent: &Arc<ParentNode>| {
        let checked = crypto.check_kem_public_key(parent.encryption_key.as_slice());
        checked.map_err(|_| Error::from(Check::KeysValidForSuite))
    };
    parallel::try_map(parents.collect(), check)?;
    Ok(())
}

/// Which check is broken by a key that stands at two places: a leaf's (133), or only parents' (132).
fn repeated_key(tree: &RatchetTree) -> Result<Check, Error> {
    for (_, leaf) in tree.leaves(RECORDS)? {
        if !tree.index.has_unique_keys(leaf, RECORDS)? {
            return Ok(Check::TreeLeafKeysUnique);
        }
    }
    Ok(Check::ParentKeyUnique)
}

//! Adding leaves (RFC 9420 §12.1.1): all of a commit's at once.

use super::{
    Content, Leaf, LeafIndex, MAX_HEIGHT, Node, NodeIndex, ParentNode, RatchetTree, Subtree,
    TreeIndex,
};
use crate::Error;
use crate::check::Check;
use crate::records::Records;
use core::iter::Peekable;
use std::sync::Arc;

impl RatchetTree {
    /// Adds each leaf at the leftmost blank place, or doubles the tree (RFC 9420 §12.1.1, check 80),
    /// and gives their places, which ascend.
    ///
    /// Each node above is replaced once, however many leaves come below it.
    pub(crate) fn add_all(
        &mut self,
        leaves: impl IntoIterator<Item = Leaf>,
        records: &dyn Records,
    ) -> Result<Vec<LeafIndex>, Error> {
        let Self {
            root,
            height,
            index,
        } = self;
        let mut adding = Adding {
            leaves: leaves.into_iter().peekable(),
            places: Vec::new(),
            index,
            records,
        };
        *root = adding.fill(root, NodeIndex::root(*height))?;
        while adding.leaves.peek().is_some() {
            // What remains found the tree full.
            if *height == MAX_HEIGHT {
                return Err(Check::TreeShape.into());
            }
            *height += 1;
            *root = Subtree::doubled(root);
            *root = adding.fill(root, NodeIndex::root(*height))?;
        }
        Ok(adding.places)
    }
}

struct Adding<'a, I: Iterator<Item = Leaf>> {
    leaves: Peekable<I>,
    places: Vec<LeafIndex>,
    index: &'a mut TreeIndex,
    records: &'a dyn Records,
}

impl<I: Iterator<Item = Leaf>> Adding<'_, I> {
    /// The subtree whose top stands at `at`, with leaves in its blank places from the left as long as
    /// there are both.
    fn fill(&mut self, subtree: &Arc<Subtree>, at: NodeIndex) -> Result<Arc<Subtree>, Error> {
        let is_full = u64::from(subtree.members) == 1 << at.level();
        if is_full || self.leaves.peek().is_none() {
            return Ok(subtree.clone());
        }
        let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
            return self.leaf(at.first_leaf(), subtree);
        };
        let before = self.places.len();
        let content = subtree.content(at, self.records)?;
        let (left, right) = content.halves();
        let left = self.fill(&left, left_at)?;
        let right = self.fill(&right, right_at)?;
        let node = content.parent();
        let node = node.map(|node| Arc::new(with_unmerged(node, &self.places[before..])));
        Ok(Subtree::parent(node, left, right))
    }

    fn leaf(&mut self, place: LeafIndex, blank: &Arc<Subtree>) -> Result<Arc<Subtree>, Error> {
        let Some(leaf) = self.leaves.next() else {
            return Ok(blank.clone());
        };
        self.places.push(place);
        let node = Node::Leaf(leaf.clone());
        self.index.replace(None, Some(&node), self.records)?;
        Ok(Subtree::new(Content::Leaf(leaf)))
    }
}

/// Both lists ascend, and so does the result (check 129).
fn with_unmerged(node: &ParentNode, added: &[LeafIndex]) -> ParentNode {
    let mut node = node.clone();
    node.unmerged_leaves.extend(added);
    node.unmerged_leaves.sort();
    node.unmerged_leaves.dedup();
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_package::{Member, new_leaf};
    use crate::records::NoRecords;
    use crate::wire::{Credential, Lifetime, Timestamp};
    use folkmoot_crypto::{Crypto, suite_one};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// RFC 9420 §12.1.1 to the letter, on one leaf.
    fn add_one(tree: &mut RatchetTree, leaf: Leaf) -> LeafIndex {
        let place = tree.reserve(&NoRecords).unwrap();
        tree.set(place.into(), Some(Node::Leaf(leaf)), &NoRecords)
            .unwrap();
        for index in NodeIndex::from(place).direct_path(tree.height()) {
            if let Some(parent) = tree.parent_node(index, &NoRecords).unwrap() {
                let mut parent = ParentNode::clone(parent);
                parent.unmerged_leaves.push(place);
                parent.unmerged_leaves.sort_unstable();
                tree.set(index, Some(Node::Parent(Arc::new(parent))), &NoRecords)
                    .unwrap();
            }
        }
        place
    }

    fn leaves(count: u32, crypto: &dyn Crypto, rng: &mut ChaCha20Rng) -> Vec<Leaf> {
        let lifetime = Lifetime {
            not_before: Timestamp(0),
            not_after: Timestamp(1),
        };
        let mut leaf = || {
            let signature = crypto.generate_signature_key_pair(rng).unwrap();
            let member = Member::new(Credential::Basic(Vec::new().into()), signature);
            Leaf::new(new_leaf(crypto, &member, lifetime, rng).unwrap().0, None)
        };
        (0..count).map(|_| leaf()).collect()
    }

    /// A tree as a life of additions, removals and paths leaves it.
    fn random_tree(leaves: Vec<Leaf>, rng: &mut ChaCha20Rng) -> RatchetTree {
        let mut tree = RatchetTree::empty();
        for (number, leaf) in (0..).zip(leaves) {
            let place = add_one(&mut tree, leaf);
            let path = tree.filtered_direct_path(place, &NoRecords).unwrap();
            for (index, _) in path {
                let key = u32::to_be_bytes(rng.next_u32()).to_vec();
                let node = ParentNode {
                    encryption_key: key.into(),
                    parent_hash: Vec::new().into(),
                    unmerged_leaves: Vec::new(),
                };
                tree.set(index, Some(Node::Parent(Arc::new(node))), &NoRecords)
                    .unwrap();
            }
            if rng.next_u32().is_multiple_of(3) {
                let gone = LeafIndex(rng.next_u32() % (number + 1));
                tree.remove(gone, &NoRecords).unwrap();
            }
        }
        tree.truncate(&NoRecords).unwrap();
        tree
    }

    #[test]
    fn all_at_once_is_one_by_one() {
        let crypto = suite_one();
        for seed in 0..40 {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let (before, after) = (rng.next_u32() % 40, rng.next_u32() % 40);
            let members = leaves(before, crypto, &mut rng);
            let tree = random_tree(members, &mut rng);
            let added = leaves(after, crypto, &mut rng);
            let (mut at_once, mut one_by_one) = (tree.clone(), tree);
            let places = at_once.add_all(added.clone(), &NoRecords).unwrap();
            let expected = added.iter().cloned();
            let expected: Vec<_> = expected
                .map(|leaf| add_one(&mut one_by_one, leaf))
                .collect();
            assert_eq!(places, expected, "seed {seed}");
            assert!(places.is_sorted(), "seed {seed}");
            assert_eq!(at_once.height(), one_by_one.height(), "seed {seed}");
            assert_eq!(
                at_once.changes_since(&one_by_one).unwrap(),
                [],
                "seed {seed}"
            );
            assert_eq!(at_once.member_count(), one_by_one.member_count());
            assert_eq!(at_once.tree_hash(crypto), one_by_one.tree_hash(crypto));
            let is_known = |leaf: &Leaf| {
                let unique = at_once.index().has_unique_keys(&leaf.node, &NoRecords);
                unique.unwrap()
            };
            assert!(added.iter().all(is_known), "seed {seed}");
        }
    }

    #[test]
    fn recipients_are_counted_as_they_are_listed() {
        let crypto = suite_one();
        for seed in 0..40 {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let (before, after) = (2 + rng.next_u32() % 40, rng.next_u32() % 10);
            let members = leaves(before, crypto, &mut rng);
            let mut tree = random_tree(members, &mut rng);
            let added = leaves(after, crypto, &mut rng);
            let added = tree.add_all(added, &NoRecords).unwrap();
            for node in (0..=2 * tree.root().0).map(NodeIndex) {
                let listed = tree.recipients(node, &added, &NoRecords).unwrap();
                let counted = tree.recipient_count(node, &added, &NoRecords).unwrap();
                assert_eq!(counted, listed.len(), "seed {seed}, {node:?}");
                for leaf in (0..1 << tree.height()).map(LeafIndex) {
                    if !node.covers(leaf) || added.contains(&leaf) {
                        continue;
                    }
                    let above = tree.recipients_above(node, leaf, &added, &NoRecords);
                    let is_member = tree.leaf(leaf, &NoRecords).unwrap().is_some();
                    for (place, found) in above.unwrap() {
                        assert!(found.covers(leaf));
                        assert!(
                            !is_member || listed[place] == found,
                            "seed {seed}, {node:?}"
                        );
                    }
                }
            }
        }
    }
}

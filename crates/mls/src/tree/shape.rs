//! The tree as a list of nodes: the `ratchet_tree` extension (RFC 9420 §12.4.3.3).

use super::math::MAX_HEIGHT;
use super::{Content, Leaf, LeafIndex, Node, NodeIndex, RatchetTree, Subtree, TreeIndex};
use crate::Error;
use crate::check::Check;
use crate::leaf::ClientId;
use crate::records::{NoRecords, Records};
use crate::wire::{Credential, decode, encode_any};
use std::sync::Arc;

impl RatchetTree {
    /// The node list, up to the last node that is not blank; an error where it is longer than a vector
    /// can be.
    pub fn to_extension(&self, records: &dyn Records) -> Result<Vec<u8>, Error> {
        let mut nodes: Vec<Option<Node>> = Vec::new();
        for (index, content) in self.nodes(records)? {
            if let Some(node) = content.node() {
                let place = index.0 as usize;
                if nodes.len() <= place {
                    nodes.resize(place + 1, None);
                }
                nodes[place] = Some(node);
            }
        }
        Ok(encode_any(&nodes)?)
    }

    /// A tree from a node list, its content not verified.
    pub(crate) fn from_extension(bytes: &[u8]) -> Result<Self, Error> {
        let received = ReceivedTree::from_extension(bytes, u32::MAX, |_| None)?;
        let (index, _) = received.make_index();
        Ok(received.with_index(index))
    }

    /// A tree of one member.
    pub(crate) fn of_one(leaf: Leaf) -> Result<Self, Error> {
        let mut tree = Self::empty();
        tree.set(LeafIndex(0).into(), Some(Node::Leaf(leaf)), &NoRecords)?;
        Ok(tree)
    }
}

/// A tree from outside whose shape is right (check 124): it is not indexed yet, nor verified.
#[derive(Debug)]
pub(crate) struct ReceivedTree(RatchetTree);

impl ReceivedTree {
    /// From a node list. `client_of` says which client each leaf is.
    pub(crate) fn from_extension(
        bytes: &[u8],
        maximum_leaves: u32,
        client_of: impl Fn(&Credential) -> Option<ClientId>,
    ) -> Result<Self, Error> {
        let nodes: Vec<Option<Node>> = decode(bytes)?;
        if nodes.last().is_none_or(Option::is_none) {
            return Err(Check::TreeShape.into());
        }
        let leaves = nodes.len().div_ceil(2).next_power_of_two();
        if leaves as u64 > u64::from(maximum_leaves) {
            return Err(Check::TreeBound.into());
        }
        let height = u8::try_from(leaves.ilog2()).map_err(|_| Check::TreeShape)?;
        let nodes = nodes.into_iter().enumerate().filter_map(|(index, node)| {
            let mut node = node?;
            if let Node::Leaf(leaf) = &mut node {
                leaf.client = client_of(&leaf.node.content.credential);
            }
            Some((NodeIndex(u32::try_from(index).ok()?), node))
        });
        Self::from_nodes(height, nodes).ok_or(Check::TreeShape.into())
    }

    /// A tree of `2^height` leaves from its nodes in ascending order; none where a node stands at a
    /// place of the other kind, outside, or out of order.
    fn from_nodes(height: u8, nodes: impl Iterator<Item = (NodeIndex, Node)>) -> Option<Self> {
        if height > MAX_HEIGHT {
            return None;
        }
        let mut nodes = nodes.peekable();
        let root = build(NodeIndex::root(height), &mut nodes);
        let at_end = nodes.next().is_none();
        let tree = |root| RatchetTree {
            root,
            height,
            index: TreeIndex::default(),
        };
        Some(Self(tree(root.filter(|_| at_end)?)))
    }

    /// To look at.
    pub(crate) fn tree(&self) -> &RatchetTree {
        &self.0
    }

    /// The index of what is in it; and whether a key stands at two places.
    pub(super) fn make_index(&self) -> (TreeIndex, bool) {
        let nodes = self.0.nodes_in_memory().map(|(_, content)| content);
        TreeIndex::of(self.0.member_count() as usize, nodes)
    }

    /// With an index made of it.
    pub(super) fn with_index(self, index: TreeIndex) -> RatchetTree {
        RatchetTree { index, ..self.0 }
    }
}

/// Builds in the order of the array, so that each node is taken once.
fn build<I: Iterator<Item = (NodeIndex, Node)>>(
    at: NodeIndex,
    nodes: &mut core::iter::Peekable<I>,
) -> Option<Arc<Subtree>> {
    let past_the_end = at.0.saturating_add((1 << at.level()) - 1);
    if nodes.peek().is_none_or(|(next, _)| next.0 > past_the_end) {
        return Some(Subtree::blank());
    }
    let left = at.left().and_then(|left| build(left, nodes));
    let node = nodes.next_if(|(next, _)| *next == at).map(|(_, node)| node);
    let right = at.right().and_then(|right| build(right, nodes));
    match (node, left.zip(right), at.leaf()) {
        (Some(Node::Leaf(leaf)), None, Some(_)) => Some(Subtree::new(Content::Leaf(leaf))),
        (None, None, Some(_)) => Some(Subtree::blank()),
        (Some(Node::Parent(node)), Some((left, right)), None) => {
            Some(Subtree::parent(Some(node), left, right))
        }
        (None, Some((left, right)), None) => Some(Subtree::parent(None, left, right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateError;
    use crate::key_package::{Member, new_leaf};
    use crate::wire::{Credential, Lifetime, Timestamp};
    use folkmoot_crypto::suite_one;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_tree_that_no_vector_holds_is_an_error() {
        const LENGTH: usize = 1 << 20;
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let lifetime = Lifetime {
            not_before: Timestamp(0),
            not_after: Timestamp(1),
        };
        let signature = suite_one().generate_signature_key_pair(rng).unwrap();
        let member = Member::new(Credential::Basic(vec![0; LENGTH].into()), signature);
        // One leaf in memory, however often it stands in the tree.
        let leaf = new_leaf(suite_one(), &member, lifetime, rng).unwrap().0;
        let leaf = Leaf::new(leaf, None);
        let tree = |leaves: u32| {
            let places = (0..leaves).map(|place| NodeIndex::from(LeafIndex(place)));
            let nodes = places.map(|place| (place, Node::Leaf(leaf.clone())));
            ReceivedTree::from_nodes(10, nodes).unwrap().0
        };
        assert!(tree(2).to_extension(&NoRecords).unwrap().len() > 2 * LENGTH);
        let error = tree(1 << 10).to_extension(&NoRecords).unwrap_err();
        assert!(matches!(error, Error::State(StateError::TooLong)));
    }
}

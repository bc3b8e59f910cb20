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

    /// A tree from a node list whose shape is right (check 124); its content is not yet verified.
    /// `client_of` says which client each leaf is.
    pub(crate) fn from_extension(
        bytes: &[u8],
        client_of: impl Fn(&Credential) -> Option<ClientId>,
    ) -> Result<Self, Error> {
        let nodes: Vec<Option<Node>> = decode(bytes)?;
        let taken = nodes.iter().flatten().count();
        if nodes.last().is_none_or(Option::is_none) {
            return Err(Check::TreeShape.into());
        }
        let leaves = nodes.len().div_ceil(2).next_power_of_two();
        let height = u8::try_from(leaves.ilog2()).map_err(|_| Check::TreeShape)?;
        let nodes = nodes.into_iter().enumerate().filter_map(|(index, node)| {
            let mut node = node?;
            if let Node::Leaf(leaf) = &mut node {
                leaf.client = client_of(&leaf.node.content.credential);
            }
            Some((NodeIndex(u32::try_from(index).ok()?), node))
        });
        Self::from_nodes(height, taken, nodes)?.ok_or(Check::TreeShape.into())
    }

    /// A tree of `2^height` leaves from its nodes in ascending order, of which there are `count`; none
    /// where a node stands at a place of the other kind, outside, or out of order.
    fn from_nodes(
        height: u8,
        count: usize,
        nodes: impl IntoIterator<Item = (NodeIndex, Node)>,
    ) -> Result<Option<Self>, Error> {
        if height > MAX_HEIGHT {
            return Ok(None);
        }
        let mut nodes = nodes.into_iter().peekable();
        let mut index = TreeIndex::default();
        index.reserve(count);
        let root = build(NodeIndex::root(height), &mut nodes, &mut index)?;
        index.settle();
        let at_end = nodes.next().is_none();
        let tree = |root| Self {
            root,
            height,
            index,
        };
        Ok(root.filter(|_| at_end).map(tree))
    }

    /// A tree of one member.
    pub(crate) fn of_one(leaf: Leaf) -> Result<Self, Error> {
        let mut tree = Self::empty();
        tree.set(LeafIndex(0).into(), Some(Node::Leaf(leaf)), &NoRecords)?;
        Ok(tree)
    }
}

/// Builds in the order of the array, so that each node is taken once.
fn build<I: Iterator<Item = (NodeIndex, Node)>>(
    at: NodeIndex,
    nodes: &mut core::iter::Peekable<I>,
    index: &mut TreeIndex,
) -> Result<Option<Arc<Subtree>>, Error> {
    let past_the_end = at.0.saturating_add((1 << at.level()) - 1);
    if nodes.peek().is_none_or(|(next, _)| next.0 > past_the_end) {
        return Ok(Some(Subtree::blank()));
    }
    let left = match at.left() {
        Some(left) => build(left, nodes, index)?,
        None => None,
    };
    let node = nodes.next_if(|(next, _)| *next == at).map(|(_, node)| node);
    index.replace(None, node.as_ref(), &NoRecords)?;
    let right = match at.right() {
        Some(right) => build(right, nodes, index)?,
        None => None,
    };
    Ok(match (node, left.zip(right), at.leaf()) {
        (Some(Node::Leaf(leaf)), None, Some(_)) => Some(Subtree::new(Content::Leaf(leaf))),
        (None, None, Some(_)) => Some(Subtree::blank()),
        (Some(Node::Parent(node)), Some((left, right)), None) => {
            Some(Subtree::parent(Some(node), left, right))
        }
        (None, Some((left, right)), None) => Some(Subtree::parent(None, left, right)),
        _ => None,
    })
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
            RatchetTree::from_nodes(10, 0, nodes).unwrap().unwrap()
        };
        assert!(tree(2).to_extension(&NoRecords).unwrap().len() > 2 * LENGTH);
        let error = tree(1 << 10).to_extension(&NoRecords).unwrap_err();
        assert!(matches!(error, Error::State(StateError::TooLong)));
    }
}

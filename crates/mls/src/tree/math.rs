//! Arithmetic on node indices of a full binary tree (RFC 9420 Appendix C).

use core::fmt;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A member's place among the leaves, counted from the left.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct LeafIndex(pub u32);

impl fmt::Display for LeafIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A node's place in the array representation: leaves are even, parents odd.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct NodeIndex(pub u32);

/// The height of the largest tree: 2^30 leaves, so that a node index fits 31 bits.
pub(crate) const MAX_HEIGHT: u8 = 30;

impl From<LeafIndex> for NodeIndex {
    /// A leaf index is below 2^30 wherever a tree has that leaf; larger ones saturate to no node.
    fn from(leaf: LeafIndex) -> Self {
        Self(leaf.0.saturating_mul(2))
    }
}

impl NodeIndex {
    /// The root of a tree with `2^height` leaves.
    pub fn root(height: u8) -> Self {
        Self((1 << height) - 1)
    }

    /// Height above the leaves.
    pub fn level(self) -> u8 {
        // At most 32, for the index whose bits are all set.
        u8::try_from(self.0.trailing_ones()).expect("at most 32")
    }

    /// The leaf at this place, if it is one.
    pub fn leaf(self) -> Option<LeafIndex> {
        (self.level() == 0).then_some(LeafIndex(self.0 >> 1))
    }

    /// The left child, none for a leaf.
    pub fn left(self) -> Option<Self> {
        let level = self.level();
        (level > 0).then(|| Self(self.0 ^ (1 << (level - 1))))
    }

    /// The right child, none for a leaf.
    pub fn right(self) -> Option<Self> {
        let level = self.level();
        (level > 0).then(|| Self(self.0 ^ (3 << (level - 1))))
    }

    /// The parent in a tree with `2^height` leaves, none for the root and outside the tree.
    pub fn parent(self, height: u8) -> Option<Self> {
        let level = self.level();
        (level < height).then(|| Self((self.0 | (1 << level)) & !(1 << (level + 1))))
    }

    /// The other child of the parent.
    pub fn sibling(self, height: u8) -> Option<Self> {
        let parent = self.parent(height)?;
        if self < parent {
            parent.right()
        } else {
            parent.left()
        }
    }

    /// The leftmost leaf below, itself for a leaf.
    pub(crate) fn first_leaf(self) -> LeafIndex {
        LeafIndex((self.0 & !((1u32 << self.level()) - 1)) >> 1)
    }

    /// Whether `leaf` lies below, or is, this node.
    pub(crate) fn covers(self, leaf: LeafIndex) -> bool {
        let first = self.first_leaf().0;
        leaf.0 >= first && leaf.0 - first < 1 << self.level()
    }

    /// The nodes from the parent up to the root of a tree with `2^height` leaves.
    pub(crate) fn direct_path(self, height: u8) -> impl Iterator<Item = Self> {
        core::iter::successors(self.parent(height), move |node| node.parent(height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_four_leaves() {
        let root = NodeIndex::root(2);
        assert_eq!(root, NodeIndex(3));
        assert_eq!(
            (root.left(), root.right()),
            (Some(NodeIndex(1)), Some(NodeIndex(5)))
        );
        assert_eq!(NodeIndex(4).parent(2), Some(NodeIndex(5)));
        assert_eq!(NodeIndex(4).sibling(2), Some(NodeIndex(6)));
        assert_eq!(root.parent(2), None);
        assert!(NodeIndex(5).covers(LeafIndex(3)) && !NodeIndex(5).covers(LeafIndex(1)));
    }

    #[test]
    fn no_index_panics() {
        for index in [0, 1, u32::MAX, u32::MAX - 1, u32::MAX >> 1] {
            let node = NodeIndex(index);
            let _ = (
                node.leaf(),
                node.parent(MAX_HEIGHT),
                node.sibling(MAX_HEIGHT),
            );
        }
        assert_eq!(NodeIndex::from(LeafIndex(u32::MAX)).leaf(), None);
    }
}

//! The ratchet tree (RFC 9420 §7) as a value: cloning is O(1), a change copies O(log N) nodes.
//!
//! Nodes are shared between clones and hold public data only. Each caches the tree hash of what is
//! below it and the number of members there, so that no operation of a commit walks all leaves.

mod add;
mod hash;
mod index;
mod math;
mod node;
mod path;
mod private;
mod shape;
mod validate;

pub use math::{LeafIndex, NodeIndex};
pub use node::ParentNode;

pub(crate) use math::MAX_HEIGHT;
pub(crate) use node::Node;
pub(crate) use path::{NewPath, PathMaker, PathSecrets};
pub(crate) use private::PrivateKeys;
pub(crate) use validate::VerifiedTree;

use crate::check::Check;
use crate::wire::LeafNode;
use index::TreeIndex;
use std::sync::{Arc, OnceLock};

/// A ratchet tree with `2^height` places for leaves.
#[derive(Clone, Debug)]
pub struct RatchetTree {
    root: Arc<Subtree>,
    height: u8,
    index: TreeIndex,
}

/// A node and all below it. Its place follows from the way to it.
#[derive(Clone, Debug)]
struct Subtree {
    /// The tree hash, once asked for.
    hash: OnceLock<Vec<u8>>,
    /// Leaves below that are not blank.
    members: u32,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// Everything here and below is blank.
    Blank,
    Leaf(Arc<LeafNode>),
    Parent {
        node: Option<Arc<ParentNode>>,
        left: Arc<Subtree>,
        right: Arc<Subtree>,
    },
}

impl Subtree {
    fn new(content: Content) -> Arc<Self> {
        let members = match &content {
            Content::Blank => 0,
            Content::Leaf(_) => 1,
            Content::Parent { left, right, .. } => left.members + right.members,
        };
        Arc::new(Self {
            hash: OnceLock::new(),
            members,
            content,
        })
    }

    fn blank() -> Arc<Self> {
        Self::new(Content::Blank)
    }

    fn node(&self) -> Option<Node> {
        match &self.content {
            Content::Leaf(leaf) => Some(Node::Leaf(leaf.clone())),
            Content::Parent {
                node: Some(parent), ..
            } => Some(Node::Parent(parent.clone())),
            _ => None,
        }
    }

    fn children(&self) -> Option<(&Arc<Self>, &Arc<Self>)> {
        match &self.content {
            Content::Parent { left, right, .. } => Some((left, right)),
            _ => None,
        }
    }

    /// This subtree, whose top stands at `at`, with the node at `target` replaced.
    fn with_node(&self, at: NodeIndex, target: NodeIndex, node: Option<Node>) -> Arc<Self> {
        if at == target {
            return self.with_top(node);
        }
        let (mut left, mut right) = match self.children() {
            Some((left, right)) => (left.clone(), right.clone()),
            None => (Self::blank(), Self::blank()),
        };
        let parent = match &self.content {
            Content::Parent { node, .. } => node.clone(),
            _ => None,
        };
        if let (Some(at), true) = (at.left(), target < at) {
            left = left.with_node(at, target, node);
        } else if let Some(at) = at.right() {
            right = right.with_node(at, target, node);
        }
        Self::parent(parent, left, right)
    }

    fn with_top(&self, node: Option<Node>) -> Arc<Self> {
        let (left, right) = match self.children() {
            Some((left, right)) => (left.clone(), right.clone()),
            None => (Self::blank(), Self::blank()),
        };
        match node {
            Some(Node::Leaf(leaf)) => Self::new(Content::Leaf(leaf)),
            Some(Node::Parent(parent)) => Self::parent(Some(parent), left, right),
            None => Self::parent(None, left, right),
        }
    }

    /// This subtree under a blank parent, with as many blank leaves to its right.
    fn doubled(self: &Arc<Self>) -> Arc<Self> {
        Self::parent(None, self.clone(), Self::blank())
    }

    /// A parent, or the one form that all-blank subtrees have.
    fn parent(node: Option<Arc<ParentNode>>, left: Arc<Self>, right: Arc<Self>) -> Arc<Self> {
        match (&node, &left.content, &right.content) {
            (None, Content::Blank, Content::Blank) => Self::blank(),
            _ => Self::new(Content::Parent { node, left, right }),
        }
    }
}

impl RatchetTree {
    /// A tree of one blank leaf.
    pub(crate) fn empty() -> Self {
        Self {
            root: Subtree::blank(),
            height: 0,
            index: TreeIndex::default(),
        }
    }

    /// The root's place.
    pub fn root(&self) -> NodeIndex {
        NodeIndex::root(self.height)
    }

    /// How many places for leaves there are, blank ones included.
    pub(crate) fn places(&self) -> u64 {
        1 << self.height
    }

    pub(crate) fn height(&self) -> u8 {
        self.height
    }

    /// How many leaves are not blank.
    pub fn member_count(&self) -> u32 {
        self.root.members
    }

    /// The leaf at this place, none where it is blank or outside the tree.
    pub fn leaf(&self, leaf: LeafIndex) -> Option<&Arc<LeafNode>> {
        match &self.subtree(leaf.into())?.content {
            Content::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// The parent node at this place, none where it is blank, a leaf, or outside the tree.
    pub fn parent_node(&self, index: NodeIndex) -> Option<&Arc<ParentNode>> {
        match &self.subtree(index)?.content {
            Content::Parent { node, .. } => node.as_ref(),
            _ => None,
        }
    }

    /// The members, from the left.
    pub fn leaves(&self) -> impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)> {
        self.nodes()
            .filter_map(|(index, subtree)| match &subtree.content {
                Content::Leaf(leaf) => index.leaf().map(|index| (index, leaf)),
                _ => None,
            })
    }

    /// The nodes that are not all blank, parents before what is below them.
    fn nodes(&self) -> impl Iterator<Item = (NodeIndex, &Subtree)> {
        let mut stack = vec![(self.root(), &self.root)];
        core::iter::from_fn(move || {
            let (index, subtree) = stack.pop()?;
            if let (Some((left, right)), Some(l), Some(r)) =
                (subtree.children(), index.left(), index.right())
            {
                stack.push((r, right));
                stack.push((l, left));
            }
            Some((index, subtree.as_ref()))
        })
    }

    fn contains(&self, index: NodeIndex) -> bool {
        index.0 <= 2 * self.root().0
    }

    /// The subtree at a place; none outside the tree, and none inside an all-blank part of it.
    fn subtree(&self, target: NodeIndex) -> Option<&Subtree> {
        if !self.contains(target) {
            return None;
        }
        let (mut at, mut subtree) = (self.root(), self.root.as_ref());
        while at != target {
            let (left, right) = subtree.children()?;
            (at, subtree) = if target < at {
                (at.left()?, left)
            } else {
                (at.right()?, right)
            };
        }
        Some(subtree)
    }

    fn encryption_key(&self, index: NodeIndex) -> Option<&[u8]> {
        match &self.subtree(index)?.content {
            Content::Leaf(leaf) => Some(leaf.content.encryption_key.as_slice()),
            Content::Parent { node, .. } => Some(node.as_ref()?.encryption_key.as_slice()),
            Content::Blank => None,
        }
    }

    /// Puts a node, or a blank, at a place inside the tree and keeps the index.
    pub(crate) fn set(&mut self, target: NodeIndex, node: Option<Node>) {
        let before = self.subtree(target).and_then(Subtree::node);
        if before.is_none() && node.is_none() {
            return;
        }
        self.index.replace(before.as_ref(), node.as_ref());
        self.root = self.root.with_node(self.root(), target, node);
    }

    /// The leftmost blank place; there is one, if need be after the tree has doubled (check 106).
    pub(crate) fn reserve(&mut self) -> Result<LeafIndex, Check> {
        if let Some(place) = self.leftmost_blank() {
            return Ok(place);
        }
        let place = LeafIndex(1 << self.height);
        self.grow(self.height + 1)?;
        Ok(place)
    }

    /// Replaces a member's leaf and blanks its direct path (RFC 9420 §12.1.2).
    pub(crate) fn update(&mut self, place: LeafIndex, leaf: LeafNode) {
        self.set(place.into(), Some(Node::Leaf(Arc::new(leaf))));
        self.blank_direct_path(place);
    }

    /// Blanks a member's leaf and direct path (RFC 9420 §12.1.3); [`Self::truncate`] comes after.
    pub(crate) fn remove(&mut self, place: LeafIndex) {
        self.set(place.into(), None);
        self.blank_direct_path(place);
    }

    /// Drops the right half while it is blank (RFC 9420 §7.7).
    pub(crate) fn truncate(&mut self) {
        while self.height > 0 {
            let half = match self.root.children() {
                Some((left, right)) if right.members == 0 => left.clone(),
                Some(_) => return,
                None => Subtree::blank(),
            };
            // A blank right half implies a blank root: the removal that emptied it blanked its path.
            self.root = half;
            self.height -= 1;
        }
    }

    fn blank_direct_path(&mut self, place: LeafIndex) {
        for index in NodeIndex::from(place).direct_path(self.height) {
            self.set(index, None);
        }
    }

    fn grow(&mut self, height: u8) -> Result<(), Check> {
        if height > MAX_HEIGHT {
            return Err(Check::TreeShape);
        }
        while self.height < height {
            self.root = Subtree::doubled(&self.root);
            self.height += 1;
        }
        Ok(())
    }

    /// Changes the number of places; what stands outside the new size is dropped from the tree.
    pub(crate) fn resize(&mut self, height: u8) -> Result<(), Check> {
        self.grow(height)?;
        while self.height > height {
            let dropped: Vec<_> = self.nodes_outside(self.height - 1);
            for index in dropped {
                self.set(index, None);
            }
            self.root = self
                .root
                .children()
                .map_or_else(Subtree::blank, |(left, _)| left.clone());
            self.height -= 1;
        }
        Ok(())
    }

    fn nodes_outside(&self, height: u8) -> Vec<NodeIndex> {
        let end = 2 * NodeIndex::root(height).0;
        self.nodes()
            .filter(|(index, subtree)| index.0 > end && subtree.node().is_some())
            .map(|(index, _)| index)
            .collect()
    }

    /// Puts a leaf back to where it was in an earlier, possibly larger tree.
    pub(crate) fn restore_leaf(
        &mut self,
        place: LeafIndex,
        leaf: Option<LeafNode>,
    ) -> Result<(), Check> {
        while u64::from(place.0) >= 1 << self.height {
            self.grow(self.height + 1)?;
        }
        self.set(place.into(), leaf.map(|leaf| Node::Leaf(Arc::new(leaf))));
        Ok(())
    }

    fn leftmost_blank(&self) -> Option<LeafIndex> {
        let (mut at, mut subtree) = (self.root(), self.root.as_ref());
        if u64::from(subtree.members) == 1 << self.height {
            return None;
        }
        while let (Some((left, right)), Some(l), Some(r)) =
            (subtree.children(), at.left(), at.right())
        {
            let left_is_full = u64::from(left.members) == 1 << l.level();
            (at, subtree) = if left_is_full { (r, right) } else { (l, left) };
        }
        Some(at.first_leaf())
    }

    /// The nodes that hold all members below `index` (RFC 9420 §4.1.1).
    pub(crate) fn resolution(&self, index: NodeIndex) -> Vec<NodeIndex> {
        let mut nodes = Vec::new();
        if let Some(subtree) = self.subtree(index) {
            resolve(subtree, index, &mut nodes);
        }
        nodes
    }

    /// For each node of the filtered direct path (RFC 9420 §4.1.2), from the bottom: the node and
    /// its child on the copath.
    pub(crate) fn filtered_direct_path(&self, place: LeafIndex) -> Vec<(NodeIndex, NodeIndex)> {
        let mut child = NodeIndex::from(place);
        let mut path = Vec::new();
        for parent in child.direct_path(self.height) {
            let copath = child
                .sibling(self.height)
                .expect("a node with a parent has a sibling");
            if self
                .subtree(copath)
                .is_some_and(|subtree| subtree.members > 0)
            {
                path.push((parent, copath));
            }
            child = parent;
        }
        path
    }

    /// How often a public key stands in the tree as an encryption key.
    pub(crate) fn encryption_key_uses(&self, key: &[u8]) -> u32 {
        self.index.encryption_key_uses(key)
    }

    /// The index by key and capability.
    pub(crate) fn index(&self) -> &TreeIndex {
        &self.index
    }

    /// The places at which `self` differs from `earlier`, with what `self` has there.
    pub(crate) fn changes_since(&self, earlier: &Self) -> Vec<(NodeIndex, Option<Node>)> {
        let (mut old, mut new) = (earlier.clone(), self.clone());
        let height = old.height.max(new.height);
        // Growing by blanks renames nothing, so both can be compared place by place.
        let grown = old.grow(height).and_then(|()| new.grow(height));
        debug_assert!(grown.is_ok(), "both heights are within the bound already");
        let mut changes = Vec::new();
        compare(new.root(), &old.root, &new.root, &mut changes);
        changes
    }
}

fn resolve(subtree: &Subtree, at: NodeIndex, nodes: &mut Vec<NodeIndex>) {
    match (&subtree.content, at.left(), at.right()) {
        (Content::Blank, ..) => {}
        (
            Content::Parent {
                node: None,
                left,
                right,
            },
            Some(l),
            Some(r),
        ) => {
            resolve(left, l, nodes);
            resolve(right, r, nodes);
        }
        (
            Content::Parent {
                node: Some(parent), ..
            },
            ..,
        ) => {
            nodes.push(at);
            nodes.extend(
                parent
                    .unmerged_leaves
                    .iter()
                    .map(|leaf| NodeIndex::from(*leaf)),
            );
        }
        _ => nodes.push(at),
    }
}

fn compare(
    at: NodeIndex,
    old: &Arc<Subtree>,
    new: &Arc<Subtree>,
    changes: &mut Vec<(NodeIndex, Option<Node>)>,
) {
    if Arc::ptr_eq(old, new) {
        return;
    }
    let node = new.node();
    if old.node() != node {
        changes.push((at, node));
    }
    let blank = Subtree::blank();
    let both_blank = (&blank, &blank);
    if let (Some(l), Some(r)) = (at.left(), at.right())
        && (old.children().is_some() || new.children().is_some())
    {
        let (old_left, old_right) = old.children().unwrap_or(both_blank);
        let (new_left, new_right) = new.children().unwrap_or(both_blank);
        compare(l, old_left, new_left, changes);
        compare(r, old_right, new_right, changes);
    }
}

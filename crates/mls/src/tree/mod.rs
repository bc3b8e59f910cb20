//! The ratchet tree (RFC 9420 §7) as a value: cloning is O(1), a change copies O(log N) nodes.
//!
//! Nodes are shared between clones and hold public data only. Each caches the tree hash of what is
//! below it and the number of members there, so that no operation of a commit walks all leaves.
//!
//! A tree that was loaded has in memory what was looked at since; the rest is read from the group's
//! records when it is needed, and may then be kept. A node that a change replaces is read before, so that
//! what an earlier tree shares with a later one is in the records as both have it.

mod add;
mod hash;
mod index;
mod math;
mod node;
mod path;
mod private;
mod resolution;
mod shape;
mod stored;
mod validate;

pub use math::{LeafIndex, NodeIndex};
pub use node::ParentNode;

pub(crate) use math::MAX_HEIGHT;
pub(crate) use node::{Leaf, Node};
pub(crate) use path::{NewPath, PathMaker, PathSecrets};
pub(crate) use private::PrivateKeys;
pub(crate) use shape::ReceivedTree;
pub(crate) use stored::NodeChange;
pub(crate) use validate::VerifiedTree;

use crate::Error;
use crate::check::Check;
use crate::records::Records;
use crate::wire::{Epoch, LeafNode};
use index::TreeIndex;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Epochs in which a tree that was loaded holds on to what it read.
const EPOCHS_REMEMBERED: u64 = 64;

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
    /// The tree hash, once asked for. What is still in the records alone has it.
    hash: OnceLock<Vec<u8>>,
    /// Leaves below that are not blank.
    members: u32,
    /// Nodes in the resolution (RFC 9420 §4.1.1), so that it need not be walked to be counted.
    resolution: u32,
    /// Not there until it is read from the records.
    content: OnceLock<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    /// Everything here and below is blank.
    Blank,
    Leaf(Leaf),
    Parent {
        node: Option<Arc<ParentNode>>,
        left: Arc<Subtree>,
        right: Arc<Subtree>,
    },
}

impl Content {
    fn node(&self) -> Option<Node> {
        match self {
            Self::Leaf(leaf) => Some(Node::Leaf(leaf.clone())),
            Self::Parent {
                node: Some(parent), ..
            } => Some(Node::Parent(parent.clone())),
            _ => None,
        }
    }

    fn parent(&self) -> Option<&Arc<ParentNode>> {
        match self {
            Self::Parent { node, .. } => node.as_ref(),
            _ => None,
        }
    }

    fn encryption_key(&self) -> Option<&[u8]> {
        match self {
            Self::Leaf(leaf) => Some(leaf.node.content.encryption_key.as_slice()),
            _ => Some(self.parent()?.encryption_key.as_slice()),
        }
    }

    /// How many nodes the resolution has.
    fn resolution(&self) -> u32 {
        match self {
            Self::Blank => 0,
            Self::Leaf(_) => 1,
            Self::Parent {
                node: Some(node), ..
            } => {
                u32::try_from(node.unmerged_leaves.len()).map_or(u32::MAX, |n| n.saturating_add(1))
            }
            Self::Parent { left, right, .. } => left.resolution.saturating_add(right.resolution),
        }
    }

    fn children(&self) -> Option<(&Arc<Subtree>, &Arc<Subtree>)> {
        match self {
            Self::Parent { left, right, .. } => Some((left, right)),
            _ => None,
        }
    }

    /// The children, which of a blank are blank. Two of them: a cached hash is of one place.
    fn halves(&self) -> (Arc<Subtree>, Arc<Subtree>) {
        match self.children() {
            Some((left, right)) => (left.clone(), right.clone()),
            None => (Subtree::blank(), Subtree::blank()),
        }
    }
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
            resolution: content.resolution(),
            content: OnceLock::from(content),
        })
    }

    fn blank() -> Arc<Self> {
        Self::new(Content::Blank)
    }

    /// What is here, read from the records if need be. `at` is this subtree's top.
    fn content(&self, at: NodeIndex, records: &dyn Records) -> Result<&Content, Error> {
        if let Some(content) = self.content.get() {
            return Ok(content);
        }
        let read = stored::read(at, (self.members, self.resolution), records)?;
        Ok(self.content.get_or_init(|| read))
    }

    /// This subtree, whose top stands at `at`, with the node at `target` replaced.
    fn with_node(
        &self,
        at: NodeIndex,
        target: NodeIndex,
        node: Option<Node>,
        records: &dyn Records,
    ) -> Result<Arc<Self>, Error> {
        let content = self.content(at, records)?;
        let (mut left, mut right) = content.halves();
        let kept = match (at == target, node) {
            (true, Some(Node::Leaf(leaf))) => return Ok(Self::new(Content::Leaf(leaf))),
            (true, Some(Node::Parent(parent))) => Some(parent),
            (true, None) => None,
            (false, node) => {
                if let (Some(at), true) = (at.left(), target < at) {
                    left = left.with_node(at, target, node, records)?;
                } else if let Some(at) = at.right() {
                    right = right.with_node(at, target, node, records)?;
                }
                content.parent().cloned()
            }
        };
        Ok(Self::parent(kept, left, right))
    }

    /// This subtree, whose top stands at `at`, with other nodes on the way down to the leaf `target`.
    fn with_path(
        &self,
        at: NodeIndex,
        target: NodeIndex,
        nodes: &BTreeMap<NodeIndex, Arc<ParentNode>>,
        index: &mut TreeIndex,
        records: &dyn Records,
    ) -> Result<Arc<Self>, Error> {
        let content = self.content(at, records)?;
        let (mut left, mut right) = content.halves();
        match (at.left(), at.right()) {
            (Some(below), _) if target < at && below != target => {
                left = left.with_path(below, target, nodes, index, records)?;
            }
            (_, Some(below)) if target > at && below != target => {
                right = right.with_path(below, target, nodes, index, records)?;
            }
            _ => {}
        }
        let node = nodes.get(&at).cloned();
        let before = content.node();
        let after = node.clone().map(Node::Parent);
        index.replace(before.as_ref(), after.as_ref(), records)?;
        Ok(Self::parent(node, left, right))
    }

    /// This subtree under a blank parent, with as many blank leaves to its right.
    fn doubled(self: &Arc<Self>) -> Arc<Self> {
        Self::parent(None, self.clone(), Self::blank())
    }

    /// A parent, or the one form that all-blank subtrees have.
    fn parent(node: Option<Arc<ParentNode>>, left: Arc<Self>, right: Arc<Self>) -> Arc<Self> {
        if node.is_none() && left.is_blank() && right.is_blank() {
            return Self::blank();
        }
        Self::new(Content::Parent { node, left, right })
    }

    fn is_blank(&self) -> bool {
        matches!(self.content.get(), Some(Content::Blank))
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

    /// How many nodes the root's resolution has.
    pub(crate) fn resolution_count(&self) -> u32 {
        self.root.resolution
    }

    /// How many leaves are not blank.
    pub fn member_count(&self) -> u32 {
        self.root.members
    }

    /// The leaf at this place, none where it is blank or outside the tree.
    pub fn leaf(
        &self,
        leaf: LeafIndex,
        records: &dyn Records,
    ) -> Result<Option<&Arc<LeafNode>>, Error> {
        Ok(match self.content(leaf.into(), records)? {
            Some(Content::Leaf(leaf)) => Some(&leaf.node),
            _ => None,
        })
    }

    /// The parent node at this place, none where it is blank, a leaf, or outside the tree.
    pub fn parent_node(
        &self,
        index: NodeIndex,
        records: &dyn Records,
    ) -> Result<Option<&Arc<ParentNode>>, Error> {
        let content = self.content(index, records)?;
        Ok(content.and_then(Content::parent))
    }

    /// The members, from the left. All of the tree is in memory from then on.
    pub fn leaves(
        &self,
        records: &dyn Records,
    ) -> Result<impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)>, Error> {
        let nodes = self.nodes(records)?;
        Ok(nodes.filter_map(|(index, content)| match content {
            Content::Leaf(leaf) => index.leaf().map(|index| (index, &leaf.node)),
            _ => None,
        }))
    }

    /// The nodes that are not all blank, parents before what is below them.
    fn nodes(
        &self,
        records: &dyn Records,
    ) -> Result<impl Iterator<Item = (NodeIndex, &Content)>, Error> {
        self.read_all(records)?;
        Ok(self.nodes_in_memory())
    }

    fn nodes_in_memory(&self) -> impl Iterator<Item = (NodeIndex, &Content)> {
        let mut stack = vec![(self.root(), self.root.as_ref())];
        core::iter::from_fn(move || {
            let (index, subtree) = stack.pop()?;
            let content = subtree.content.get()?;
            if let (Some((left, right)), Some(l), Some(r)) =
                (content.children(), index.left(), index.right())
            {
                stack.push((r, right));
                stack.push((l, left));
            }
            Some((index, content))
        })
    }

    pub(crate) fn contains(&self, index: NodeIndex) -> bool {
        index.0 <= 2 * self.root().0
    }

    /// What is at a place; none outside the tree, and none inside an all-blank part of it.
    fn content(&self, target: NodeIndex, records: &dyn Records) -> Result<Option<&Content>, Error> {
        let subtree = self.subtree(target, records)?;
        subtree
            .map(|subtree| subtree.content(target, records))
            .transpose()
    }

    /// The subtree at a place; none outside the tree, and none inside an all-blank part of it.
    fn subtree(&self, target: NodeIndex, records: &dyn Records) -> Result<Option<&Subtree>, Error> {
        if !self.contains(target) {
            return Ok(None);
        }
        let (mut at, mut subtree) = (self.root(), self.root.as_ref());
        while at != target {
            let Some((left, right)) = subtree.content(at, records)?.children() else {
                return Ok(None);
            };
            let (next, child) = match (at.left(), at.right()) {
                (Some(next), _) if target < at => (next, left),
                (_, Some(next)) => (next, right),
                _ => return Ok(None),
            };
            (at, subtree) = (next, child);
        }
        Ok(Some(subtree))
    }

    fn encryption_key(
        &self,
        index: NodeIndex,
        records: &dyn Records,
    ) -> Result<Option<&[u8]>, Error> {
        let content = self.content(index, records)?;
        Ok(content.and_then(Content::encryption_key))
    }

    /// Puts a node, or a blank, at a place inside the tree and keeps the index.
    pub(crate) fn set(
        &mut self,
        target: NodeIndex,
        node: Option<Node>,
        records: &dyn Records,
    ) -> Result<(), Error> {
        let before = self.content(target, records)?.and_then(Content::node);
        if before.is_none() && node.is_none() {
            return Ok(());
        }
        self.index
            .replace(before.as_ref(), node.as_ref(), records)?;
        self.root = self.root.with_node(self.root(), target, node, records)?;
        Ok(())
    }

    /// The leftmost blank place; there is one, if need be after the tree has doubled (check 106).
    pub(crate) fn reserve(&mut self, records: &dyn Records) -> Result<LeafIndex, Error> {
        if let Some(place) = self.leftmost_blank(records)? {
            return Ok(place);
        }
        let place = LeafIndex(1 << self.height);
        self.grow(self.height + 1)?;
        Ok(place)
    }

    /// Replaces a member's leaf and blanks its direct path (RFC 9420 §12.1.2).
    pub(crate) fn update(
        &mut self,
        place: LeafIndex,
        leaf: Leaf,
        records: &dyn Records,
    ) -> Result<(), Error> {
        self.set(place.into(), Some(Node::Leaf(leaf)), records)?;
        self.blank_direct_path(place, records)
    }

    /// Blanks a member's leaf and direct path (RFC 9420 §12.1.3); [`Self::truncate`] comes after.
    pub(crate) fn remove(&mut self, place: LeafIndex, records: &dyn Records) -> Result<(), Error> {
        self.set(place.into(), None, records)?;
        self.blank_direct_path(place, records)
    }

    /// Drops the right half while it is blank (RFC 9420 §7.7).
    pub(crate) fn truncate(&mut self, records: &dyn Records) -> Result<(), Error> {
        while self.height > 0 {
            let half = match self.root.content(self.root(), records)?.children() {
                Some((left, right)) if right.members == 0 => left.clone(),
                Some(_) => return Ok(()),
                None => Subtree::blank(),
            };
            // A blank right half implies a blank root: the removal that emptied it blanked its path.
            self.root = half;
            self.height -= 1;
        }
        Ok(())
    }

    /// Takes this tree, whose hash was asked for, for the current one: its changes are in the records,
    /// if it was loaded, and now and then it forgets what it read there, or it would come to hold all.
    pub(crate) fn settle(&mut self, epoch: Epoch) {
        self.index.settle();
        let is_due = epoch.0.is_multiple_of(EPOCHS_REMEMBERED) && self.index.is_stored();
        if let (true, Some(hash)) = (is_due, self.root.hash.get()) {
            let counts = (self.root.members, self.root.resolution);
            self.root = Subtree::stored(counts, hash.clone());
        }
    }

    fn blank_direct_path(&mut self, place: LeafIndex, records: &dyn Records) -> Result<(), Error> {
        self.replace_direct_path(place, &BTreeMap::new(), records)
    }

    /// Puts these nodes on the way from a leaf to the root, and blanks where there is none.
    fn replace_direct_path(
        &mut self,
        place: LeafIndex,
        nodes: &BTreeMap<NodeIndex, Arc<ParentNode>>,
        records: &dyn Records,
    ) -> Result<(), Error> {
        let (target, at) = (NodeIndex::from(place), self.root());
        if self.height > 0 && self.contains(target) {
            self.root = self
                .root
                .with_path(at, target, nodes, &mut self.index, records)?;
        }
        Ok(())
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
    pub(crate) fn resize(&mut self, height: u8, records: &dyn Records) -> Result<(), Error> {
        self.grow(height)?;
        while self.height > height {
            let outside = NodeIndex::root(self.height).right();
            let mut dropped = Vec::new();
            if let (Some((_, right)), Some(at)) =
                (self.root.content(self.root(), records)?.children(), outside)
            {
                nodes_below(right, at, records, &mut dropped)?;
            }
            dropped.push(self.root());
            for index in dropped {
                self.set(index, None, records)?;
            }
            let content = self.root.content(self.root(), records)?;
            self.root = content.halves().0;
            self.height -= 1;
        }
        Ok(())
    }

    fn leftmost_blank(&self, records: &dyn Records) -> Result<Option<LeafIndex>, Error> {
        let (mut at, mut subtree) = (self.root(), self.root.as_ref());
        if u64::from(subtree.members) == 1 << self.height {
            return Ok(None);
        }
        while let (Some((left, right)), Some(l), Some(r)) = (
            subtree.content(at, records)?.children(),
            at.left(),
            at.right(),
        ) {
            let left_is_full = u64::from(left.members) == 1 << l.level();
            (at, subtree) = if left_is_full { (r, right) } else { (l, left) };
        }
        Ok(Some(at.first_leaf()))
    }

    /// How often a public key stands in the tree as an encryption key.
    pub(crate) fn encryption_key_uses(
        &self,
        key: &[u8],
        records: &dyn Records,
    ) -> Result<u32, Error> {
        self.index.encryption_key_uses(key, records)
    }

    /// The index by key, client and capability.
    pub(crate) fn index(&self) -> &TreeIndex {
        &self.index
    }
}

/// The nodes of a subtree that are not blank.
fn nodes_below(
    subtree: &Subtree,
    at: NodeIndex,
    records: &dyn Records,
    nodes: &mut Vec<NodeIndex>,
) -> Result<(), Error> {
    let content = subtree.content(at, records)?;
    if content.node().is_some() {
        nodes.push(at);
    }
    if let (Some((left, right)), Some(l), Some(r)) = (content.children(), at.left(), at.right()) {
        nodes_below(left, l, records, nodes)?;
        nodes_below(right, r, records, nodes)?;
    }
    Ok(())
}

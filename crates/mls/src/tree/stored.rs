//! A tree in a group's records: one record per node, and what a change of the tree writes.
//!
//! A node's record says what its children are without reading them: how many members are below, and
//! their tree hashes. So a change rewrites the records on the way to the root, and reading a way reads as
//! many.

use super::{Content, Leaf, Node, NodeIndex, ParentNode, RatchetTree, Subtree, TreeIndex};
use crate::Error;
use crate::error::damaged;
use crate::leaf::ClientId;
use crate::parallel;
use crate::records::{Delta, Kind, RecordKey, Records};
use crate::wire::{LeafNode, decode, encode};
use folkmoot_crypto::{Crypto, Secret};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tls_codec::{DeserializeBytes, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct LeafRecord {
    client: Option<VLBytes>,
    leaf: LeafNode,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct ParentRecord {
    node: Option<ParentNode>,
    left: Summary,
    right: Summary,
}

/// A subtree as its parent's record knows it; one that is all blank has neither members nor hash.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Summary {
    members: u32,
    resolution: u32,
    hash: VLBytes,
}

/// How many members are in a subtree, and how many nodes in its resolution.
type Counts = (u32, u32);

/// A place at which two trees differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NodeChange {
    pub(crate) index: NodeIndex,
    pub(crate) before: Option<Node>,
    pub(crate) after: Option<Node>,
}

/// A place at which two trees have different subtrees, both of them read.
struct Difference {
    index: NodeIndex,
    before: Arc<Subtree>,
    after: Arc<Subtree>,
}

impl Difference {
    /// None where both have the same node, on the way to another that changed.
    fn node(self) -> Option<NodeChange> {
        let node = |subtree: &Subtree| subtree.content.get().and_then(Content::node);
        let (before, after) = (node(&self.before), node(&self.after));
        (before != after).then_some(NodeChange {
            index: self.index,
            before,
            after,
        })
    }

    fn record(&self, crypto: &dyn Crypto) -> Option<Vec<u8>> {
        record(self.after.content.get()?, self.index, crypto)
    }
}

impl Summary {
    fn of(subtree: &Subtree, at: NodeIndex, crypto: &dyn Crypto) -> Self {
        let hash = match subtree.members {
            0 => &[],
            _ => super::hash::subtree_hash(subtree, at, crypto),
        };
        Self {
            members: subtree.members,
            resolution: subtree.resolution,
            hash: hash.into(),
        }
    }

    fn into_subtree(self) -> Arc<Subtree> {
        match self.members {
            0 => Subtree::blank(),
            members => Subtree::stored((members, self.resolution), self.hash.into()),
        }
    }
}

impl Subtree {
    /// A subtree that is in the records.
    pub(super) fn stored((members, resolution): Counts, hash: Vec<u8>) -> Arc<Self> {
        Arc::new(Self {
            hash: OnceLock::from(hash),
            members,
            resolution,
            content: OnceLock::new(),
        })
    }
}

/// Reads the node at `at`, which has these counts.
pub(super) fn read(at: NodeIndex, counts: Counts, records: &dyn Records) -> Result<Content, Error> {
    let (members, resolution) = counts;
    check_members(at, members)?;
    let stored = records.get(&key(at))?;
    let stored = stored.ok_or_else(|| damaged("a node of the tree is missing"))?;
    let content = parse_content(at, &stored)?;
    let counted = match content.children() {
        Some((left, right)) => left.members.checked_add(right.members),
        None => Some(1),
    };
    if counted != Some(members) || content.resolution() != resolution {
        return Err(damaged("a node of the tree counts otherwise"));
    }
    Ok(content)
}

fn parse_content(at: NodeIndex, stored: &Secret) -> Result<Content, Error> {
    if at.leaf().is_some() {
        let LeafRecord { client, leaf } = parse(stored)?;
        let client = client.map(|name| ClientId::new(name.as_slice()));
        return Ok(Content::Leaf(Leaf::new(leaf, client)));
    }
    let ParentRecord { node, left, right } = parse(stored)?;
    Ok(Content::Parent {
        node: node.map(Arc::new),
        left: left.into_subtree(),
        right: right.into_subtree(),
    })
}

/// A subtree has no more members than places, and one that is stored has some.
fn check_members(at: NodeIndex, members: u32) -> Result<(), Error> {
    if members == 0 || u64::from(members) > 1 << at.level() {
        return Err(damaged("a node of the tree counts other members"));
    }
    Ok(())
}

fn parse<T: DeserializeBytes>(stored: &Secret) -> Result<T, Error> {
    decode(stored.expose()).map_err(|error| damaged(&error.to_string()))
}

fn key(index: NodeIndex) -> RecordKey {
    Kind::Node.key(&[&index.0.to_be_bytes()])
}

fn record(content: &Content, at: NodeIndex, crypto: &dyn Crypto) -> Option<Vec<u8>> {
    match (content, at.left(), at.right()) {
        (Content::Leaf(Leaf { node, client }), ..) => Some(encode(&LeafRecord {
            client: client.as_ref().map(|client| client.as_slice().into()),
            leaf: LeafNode::clone(node),
        })),
        (Content::Parent { node, left, right }, Some(l), Some(r)) => Some(encode(&ParentRecord {
            node: node.as_deref().cloned(),
            left: Summary::of(left, l, crypto),
            right: Summary::of(right, r, crypto),
        })),
        _ => None,
    }
}

/// All nodes as one scan gave them.
struct Scanned(HashMap<RecordKey, Secret>);

impl Records for Scanned {
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, crate::RecordsError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, _: &[u8]) -> Result<Vec<(RecordKey, Secret)>, crate::RecordsError> {
        Ok(Vec::new())
    }
}

impl RatchetTree {
    /// The tree that is in the records, none of it read yet.
    pub(crate) fn load(
        height: u8,
        (members, resolution): Counts,
        tree_hash: &[u8],
        records: &dyn Records,
    ) -> Result<Self, Error> {
        if height > super::math::MAX_HEIGHT {
            return Err(damaged("the tree is too high"));
        }
        check_members(NodeIndex::root(height), members)?;
        Ok(Self {
            root: Subtree::stored((members, resolution), tree_hash.to_vec()),
            height,
            index: TreeIndex::load(records)?,
        })
    }

    /// Reads what is not in memory yet, all at once.
    pub(super) fn read_all(&self, records: &dyn Records) -> Result<(), Error> {
        if !self.index.is_stored() || is_read(&self.root) {
            return Ok(());
        }
        let scanned = records.scan(&Kind::Node.key(&[]).0)?;
        let scanned = Scanned(scanned.into_iter().collect());
        let mut nodes = Vec::new();
        super::nodes_below(&self.root, self.root(), &scanned, &mut nodes)
    }

    /// The places at which `self` differs from `earlier`, from which it was made.
    pub(crate) fn changes_since(&self, earlier: &Self) -> Result<Vec<NodeChange>, Error> {
        let differences = self.differences(earlier)?.into_iter();
        Ok(differences.filter_map(Difference::node).collect())
    }

    /// Where two trees have different subtrees, parents before what is below them.
    fn differences(&self, earlier: &Self) -> Result<Vec<Difference>, Error> {
        let (mut old, mut new) = (earlier.clone(), self.clone());
        let height = old.height.max(new.height);
        // Growing by blanks renames nothing, so both can be compared place by place.
        old.grow(height)?;
        new.grow(height)?;
        let mut differences = Vec::new();
        compare(new.root(), &old.root, &new.root, &mut differences)?;
        Ok(differences)
    }

    /// Writes what this tree has that `earlier` had not, from which it was made.
    pub(crate) fn put(
        &self,
        earlier: &Self,
        crypto: &dyn Crypto,
        delta: &mut Delta,
    ) -> Result<Vec<NodeChange>, Error> {
        let differences = self.differences(earlier)?;
        let end = 2 * self.root().0;
        let written = parallel::map_light(differences, |difference| {
            let index = difference.index;
            // A root of a tree that was larger has no record.
            let value = difference.record(crypto).filter(|_| index.0 <= end);
            let is_gone = value.is_none() && !difference.before.is_blank();
            (index, value, is_gone, difference.node())
        });
        let (mut changes, mut outside) = (Vec::new(), Vec::new());
        for (index, value, is_gone, change) in written {
            match value {
                Some(value) => delta.put(key(index), value),
                None if is_gone => outside.push(index),
                None => {}
            }
            changes.extend(change);
        }
        for index in outside {
            delta.erase(key(index));
        }
        self.index.put(&earlier.index, delta);
        Ok(changes)
    }
}

fn is_read(subtree: &Subtree) -> bool {
    let content = subtree.content.get();
    content.is_some_and(|content| match content.children() {
        Some((left, right)) => is_read(left) && is_read(right),
        None => true,
    })
}

fn compare(
    at: NodeIndex,
    old: &Arc<Subtree>,
    new: &Arc<Subtree>,
    differences: &mut Vec<Difference>,
) -> Result<(), Error> {
    if Arc::ptr_eq(old, new) {
        return Ok(());
    }
    let (Some(before), Some(after)) = (old.content.get(), new.content.get()) else {
        return Err(damaged("a node was replaced that had not been read"));
    };
    differences.push(Difference {
        index: at,
        before: old.clone(),
        after: new.clone(),
    });
    if let (Some(l), Some(r)) = (at.left(), at.right())
        && (before.children().is_some() || after.children().is_some())
    {
        let ((old_left, old_right), (new_left, new_right)) = (before.halves(), after.halves());
        compare(l, &old_left, &new_left, differences)?;
        compare(r, &old_right, &new_right, differences)?;
    }
    Ok(())
}

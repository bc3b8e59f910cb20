//! Tree hashes (RFC 9420 §7.8) and parent hashes (§7.9).

use super::{Content, LeafIndex, NodeIndex, ParentNode, RatchetTree, Subtree};
use crate::Error;
use crate::parallel;
use crate::records::{NoRecords, Records};
use crate::wire::{LeafNode, encode};
use folkmoot_crypto::Crypto;
use std::borrow::Cow;
use tls_codec::{Serialize, Size, TlsSerialize, TlsSize, VLByteSlice};

const LEAF: u8 = 1;
const PARENT: u8 = 2;

/// Below this, a subtree is hashed sooner than it is handed to another core.
const WORTHWHILE_LEVEL: u8 = 7;

#[derive(TlsSerialize, TlsSize)]
struct ParentNodeInput<'a> {
    node_type: u8,
    parent_node: Option<&'a ParentNode>,
    left_hash: VLByteSlice<'a>,
    right_hash: VLByteSlice<'a>,
}

#[derive(TlsSerialize, TlsSize)]
struct ParentHashInput<'a> {
    encryption_key: VLByteSlice<'a>,
    parent_hash: VLByteSlice<'a>,
    original_sibling_tree_hash: VLByteSlice<'a>,
}

impl RatchetTree {
    /// The tree hash of the root.
    pub fn tree_hash(&self, crypto: &dyn Crypto) -> Vec<u8> {
        subtree_hash(&self.root, self.root(), crypto).to_vec()
    }

    /// The tree hash of the subtree at `index`.
    #[cfg(test)]
    pub(crate) fn tree_hash_of(&self, index: NodeIndex, crypto: &dyn Crypto) -> Option<Vec<u8>> {
        let records = &NoRecords;
        self.hash_without(index, &[], crypto, records).unwrap()
    }

    /// The tree hash at `index` as if `excluded` (ascending) had never been added: RFC 9420 §7.9's
    /// original tree hash of a sibling.
    pub(super) fn hash_without(
        &self,
        index: NodeIndex,
        excluded: &[LeafIndex],
        crypto: &dyn Crypto,
        records: &dyn Records,
    ) -> Result<Option<Vec<u8>>, Error> {
        let hash = |subtree| hash_without(subtree, index, excluded, crypto, records);
        match self.subtree(index, records)? {
            Some(subtree) => hash(subtree).map(Some),
            None if self.contains(index) => hash(&Subtree::blank()).map(Some),
            None => Ok(None),
        }
    }

    /// The parent hash that a node below `parent`, on the other side than `copath`, must carry.
    pub(crate) fn parent_hash(
        &self,
        parent: &ParentNode,
        copath: NodeIndex,
        crypto: &dyn Crypto,
        records: &dyn Records,
    ) -> Result<Option<Vec<u8>>, Error> {
        let unmerged = &parent.unmerged_leaves;
        let sibling = self.hash_without(copath, unmerged, crypto, records)?;
        Ok(sibling.map(|sibling| parent_hash_over(parent, &sibling, crypto)))
    }
}

/// The parent hash that a node below `parent` must carry, beside a sibling that is in memory.
pub(super) fn parent_hash_beside(
    parent: &ParentNode,
    (sibling, at): (&Subtree, NodeIndex),
    crypto: &dyn Crypto,
) -> Result<Vec<u8>, Error> {
    let unmerged = &parent.unmerged_leaves;
    let sibling = hash_without(sibling, at, unmerged, crypto, &NoRecords)?;
    Ok(parent_hash_over(parent, &sibling, crypto))
}

fn parent_hash_over(parent: &ParentNode, sibling: &[u8], crypto: &dyn Crypto) -> Vec<u8> {
    crypto.hash(&encode(&ParentHashInput {
        encryption_key: VLByteSlice(parent.encryption_key.as_slice()),
        parent_hash: VLByteSlice(parent.parent_hash.as_slice()),
        original_sibling_tree_hash: VLByteSlice(sibling),
    }))
}

/// The tree hash of a subtree whose top stands at `at`.
pub(super) fn subtree_hash<'a>(
    subtree: &'a Subtree,
    at: NodeIndex,
    crypto: &dyn Crypto,
) -> &'a [u8] {
    let compute = || {
        let content = subtree.content.get();
        let content = content.expect("what is in the records alone has its hash");
        let (left, right) = content.halves();
        let children = at.left().zip(at.right()).map(|(left_at, right_at)| {
            let left_hash = || subtree_hash(&left, left_at, crypto);
            let right_hash = || subtree_hash(&right, right_at, crypto);
            let both_are_new = left.hash.get().is_none() && right.hash.get().is_none();
            if both_are_new && at.level() >= WORTHWHILE_LEVEL {
                parallel::join(left_hash, right_hash)
            } else {
                (left_hash(), right_hash())
            }
        });
        node_hash(content, at, &[], children, crypto)
    };
    if let Some(known) = subtree.hash.get() {
        return known;
    }
    // Not while others wait for it: one of them may be asked to help.
    let computed = compute();
    subtree.hash.get_or_init(|| computed)
}

fn hash_without(
    subtree: &Subtree,
    at: NodeIndex,
    excluded: &[LeafIndex],
    crypto: &dyn Crypto,
    records: &dyn Records,
) -> Result<Vec<u8>, Error> {
    let excluded = below(at, excluded);
    if excluded.is_empty() {
        return Ok(subtree_hash(subtree, at, crypto).to_vec());
    }
    let content = subtree.content(at, records)?;
    let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
        return Ok(node_hash(content, at, excluded, None, crypto));
    };
    let (left, right) = content.halves();
    let left = hash_without(&left, left_at, excluded, crypto, records)?;
    let right = hash_without(&right, right_at, excluded, crypto, records)?;
    let children = Some((left.as_slice(), right.as_slice()));
    Ok(node_hash(content, at, excluded, children, crypto))
}

/// Those of the ascending `leaves` that are below `at`.
pub(super) fn below(at: NodeIndex, leaves: &[LeafIndex]) -> &[LeafIndex] {
    let first = at.first_leaf();
    let from = leaves.partition_point(|leaf| *leaf < first);
    let length = leaves[from..].partition_point(|leaf| at.covers(*leaf));
    &leaves[from..from + length]
}

/// The hash of a node whose children have these hashes, or which is a leaf.
fn node_hash(
    content: &Content,
    at: NodeIndex,
    excluded: &[LeafIndex],
    children: Option<(&[u8], &[u8])>,
    crypto: &dyn Crypto,
) -> Vec<u8> {
    let Some((left, right)) = children else {
        let leaf = match content {
            Content::Leaf(leaf) if excluded.binary_search(&at.first_leaf()).is_err() => {
                Some(leaf.node.as_ref())
            }
            _ => None,
        };
        return leaf_hash(at.first_leaf(), leaf, crypto);
    };
    let parent = content.parent();
    let parent = parent.map(|node| without(node, excluded));
    crypto.hash(&encode(&ParentNodeInput {
        node_type: PARENT,
        parent_node: parent.as_deref(),
        left_hash: VLByteSlice(left),
        right_hash: VLByteSlice(right),
    }))
}

fn without<'a>(node: &'a ParentNode, excluded: &[LeafIndex]) -> Cow<'a, ParentNode> {
    let mut node = Cow::Borrowed(node);
    if !excluded.is_empty() {
        let unmerged = &mut node.to_mut().unmerged_leaves;
        unmerged.retain(|leaf| excluded.binary_search(leaf).is_err());
    }
    node
}

fn leaf_hash(index: LeafIndex, leaf: Option<&LeafNode>, crypto: &dyn Crypto) -> Vec<u8> {
    let length = 6 + leaf.map_or(0, Size::tls_serialized_len);
    let mut input = Vec::with_capacity(length);
    input.push(LEAF);
    input.extend(index.0.to_be_bytes());
    input.push(u8::from(leaf.is_some()));
    if let Some(leaf) = leaf {
        leaf.tls_serialize(&mut input)
            .expect("own structures are bounded below 2^30 bytes");
    }
    crypto.hash(&input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_leaves_hash_by_their_place() {
        let crypto = folkmoot_crypto::suite_one();
        let [left, right] = [0, 1].map(|leaf| leaf_hash(LeafIndex(leaf), None, crypto));
        assert_ne!(left, right);
        let length = [32];
        let input = [&[PARENT, 0], &length[..], &left, &length, &right].concat();
        let blank = Subtree::blank();
        let pair = subtree_hash(&blank, NodeIndex::root(1), crypto);
        assert_eq!(pair, crypto.hash(&input));
    }
}

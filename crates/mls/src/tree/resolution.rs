//! Which nodes hold the members below a node (RFC 9420 §4.1.1), and a path's nodes (§4.1.2).

use super::{Content, LeafIndex, NodeIndex, RatchetTree, Subtree, hash};
use crate::Error;
use crate::records::Records;

impl Subtree {
    /// How many nodes its resolution has without the ascending leaves `added`.
    fn recipients(&self, at: NodeIndex, added: &[LeafIndex]) -> usize {
        let added = hash::below(at, added).len();
        (self.resolution as usize).saturating_sub(added)
    }
}

impl RatchetTree {
    /// How many nodes hold the members below `index` but for the ascending leaves `added` in this
    /// commit, each of which the resolution has once: where it is unmerged, or as itself.
    pub(crate) fn recipient_count(
        &self,
        index: NodeIndex,
        added: &[LeafIndex],
        records: &dyn Records,
    ) -> Result<usize, Error> {
        let subtree = self.subtree(index, records)?;
        Ok(subtree.map_or(0, |subtree| subtree.recipients(index, added)))
    }

    /// The nodes in the resolution of `index` that a member at `leaf` may hold the key of, each with its
    /// place among the recipients; see [`Self::recipient_count`].
    pub(crate) fn recipients_above(
        &self,
        index: NodeIndex,
        leaf: LeafIndex,
        added: &[LeafIndex],
        records: &dyn Records,
    ) -> Result<Vec<(usize, NodeIndex)>, Error> {
        let (mut at, mut passed) = (index, 0);
        let Some(mut subtree) = self.subtree(index, records)? else {
            return Ok(Vec::new());
        };
        loop {
            match (subtree.content(at, records)?, at.left(), at.right()) {
                (
                    Content::Parent {
                        node: None,
                        left,
                        right,
                    },
                    Some(left_at),
                    Some(right_at),
                ) => {
                    if left_at.covers(leaf) {
                        (at, subtree) = (left_at, left);
                    } else {
                        passed += left.recipients(left_at, added);
                        (at, subtree) = (right_at, right);
                    }
                }
                (content, ..) => {
                    let unmerged = content.parent().map(|parent| &parent.unmerged_leaves);
                    let listed = unmerged.into_iter().flatten();
                    let listed = listed.filter(|leaf| added.binary_search(leaf).is_err());
                    let place = listed.clone().position(|listed| *listed == leaf);
                    let own = place.map(|place| (passed + 1 + place, leaf.into()));
                    return Ok(core::iter::once((passed, at)).chain(own).collect());
                }
            }
        }
    }

    /// The nodes that hold all members below `index` (RFC 9420 §4.1.1).
    pub(crate) fn resolution(
        &self,
        index: NodeIndex,
        records: &dyn Records,
    ) -> Result<Vec<NodeIndex>, Error> {
        let mut nodes = Vec::new();
        if let Some(subtree) = self.subtree(index, records)? {
            resolve(subtree, index, records, &mut nodes)?;
        }
        Ok(nodes)
    }

    /// For each node of the filtered direct path (RFC 9420 §4.1.2), from the bottom: the node and
    /// its child on the copath.
    pub(crate) fn filtered_direct_path(
        &self,
        place: LeafIndex,
        records: &dyn Records,
    ) -> Result<Vec<(NodeIndex, NodeIndex)>, Error> {
        let target = NodeIndex::from(place);
        let (mut at, mut subtree) = (self.root(), self.root.as_ref());
        let mut path = Vec::new();
        while at != target && self.contains(target) {
            let Some((left, right)) = subtree.content(at, records)?.children() else {
                break;
            };
            let (Some(l), Some(r)) = (at.left(), at.right()) else {
                break;
            };
            let (next, toward, copath, away) = if target < at {
                (l, left, r, right)
            } else {
                (r, right, l, left)
            };
            if away.members > 0 {
                path.push((at, copath));
            }
            (at, subtree) = (next, toward);
        }
        path.reverse();
        Ok(path)
    }
}

pub(super) fn resolve(
    subtree: &Subtree,
    at: NodeIndex,
    records: &dyn Records,
    nodes: &mut Vec<NodeIndex>,
) -> Result<(), Error> {
    let content = subtree.content(at, records)?;
    match (content, at.left(), at.right()) {
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
            resolve(left, l, records, nodes)?;
            resolve(right, r, records, nodes)?;
        }
        _ => {
            nodes.push(at);
            let unmerged = content.parent().map(|parent| parent.unmerged_leaves.iter());
            nodes.extend(unmerged.into_iter().flatten().copied().map(NodeIndex::from));
        }
    }
    Ok(())
}

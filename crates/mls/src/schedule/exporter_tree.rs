//! The exporter tree (draft-ietf-mls-extensions §4.4): one secret of the epoch for each component, each to
//! be had once.

use super::secret_tree::{Descent, descend};
use crate::tree::{LeafIndex, NodeIndex};
use crate::wire::ComponentId;
use folkmoot_crypto::{Crypto, Secret};
use std::collections::BTreeMap;

/// Leaves are numbered as components are, in 16 bits.
const HEIGHT: u8 = 16;

/// What is left of an epoch's secrets for components.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExporterTree {
    pub(crate) nodes: BTreeMap<NodeIndex, Secret>,
}

/// What taking one secret changes.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) secret: Secret,
    pub(crate) erased: NodeIndex,
    pub(crate) made: Vec<(NodeIndex, Secret)>,
}

impl ExporterTree {
    /// Under the epoch's secret for it.
    pub(crate) fn new(application_export_secret: Secret) -> Self {
        let root = (NodeIndex::root(HEIGHT), application_export_secret);
        Self {
            nodes: BTreeMap::from([root]),
        }
    }

    /// A component's secret; none once it was taken.
    pub(crate) fn export(&self, crypto: &dyn Crypto, component: ComponentId) -> Option<Export> {
        let leaf = LeafIndex(component.0.into());
        let Descent {
            from,
            beside,
            secret,
        } = descend(&self.nodes, leaf, crypto)?;
        Some(Export {
            secret,
            erased: from,
            made: beside,
        })
    }

    /// Takes an export computed from this very state.
    pub(crate) fn apply(&mut self, export: Export) -> Secret {
        self.nodes.remove(&export.erased);
        self.nodes.extend(export.made);
        export.secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::expand_to_hash;
    use folkmoot_crypto::suite_one;

    /// From the root down, bit by bit, as the draft says it.
    fn expected(root: &Secret, component: u16) -> Secret {
        (0..16).rev().fold(root.clone(), |secret, bit| {
            let side: &[u8] = if component >> bit & 1 == 0 {
                b"left"
            } else {
                b"right"
            };
            expand_to_hash(suite_one(), &secret, "tree", side)
        })
    }

    #[test]
    fn each_component_has_one_secret_once() {
        let root = Secret::from(vec![7; 32]);
        let mut tree = ExporterTree::new(root.clone());
        for component in [0, 1, 0xffff, 0x8000, 2, 0x7fff] {
            let export = tree.export(suite_one(), ComponentId(component)).unwrap();
            assert_eq!(tree.apply(export), expected(&root, component));
            assert!(tree.export(suite_one(), ComponentId(component)).is_none());
        }
        // What is kept leads to none of them.
        let kept: Vec<_> = tree.nodes.keys().copied().collect();
        for component in [0, 1, 2, 0x7fff, 0x8000, 0xffff] {
            assert!(!kept.iter().any(|node| node.covers(LeafIndex(component))));
        }
        assert!(kept.iter().any(|node| node.covers(LeafIndex(3))));
    }
}

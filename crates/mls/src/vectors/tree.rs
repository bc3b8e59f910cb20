//! Tree arithmetic, operations on trees, and the checks of a joiner.

use super::clients::{AcceptAll, settings};
use super::{Hex, run, run_suites};
use crate::leaf::LeafCheck;
use crate::records::NoRecords;
use crate::tree::{Leaf, LeafIndex, NodeIndex, RatchetTree, ReceivedTree, VerifiedTree};
use crate::wire::{Epoch, Extensions, GroupContext, GroupId, Proposal, ProtocolVersion, decode};
use crate::{Check, Error};
use folkmoot_crypto::Crypto;
use serde::Deserialize;
use tls_codec::VLBytes;

#[derive(Deserialize)]
struct TreeMath {
    n_leaves: u32,
    n_nodes: u32,
    root: u32,
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    parent: Vec<Option<u32>>,
    sibling: Vec<Option<u32>>,
}

#[test]
fn tree_math() {
    run("tree-math.json", |case: TreeMath| {
        assert!(case.n_leaves.is_power_of_two());
        let height = u8::try_from(case.n_leaves.ilog2()).unwrap();
        let root = NodeIndex::root(height);
        assert_eq!(root.0, case.root);
        assert_eq!(root.0 * 2 + 1, case.n_nodes);
        let column = |of: &dyn Fn(NodeIndex) -> Option<NodeIndex>| -> Vec<Option<u32>> {
            let nodes = (0..case.n_nodes).map(NodeIndex);
            nodes.map(|node| of(node).map(|found| found.0)).collect()
        };
        assert_eq!(column(&NodeIndex::left), case.left);
        assert_eq!(column(&NodeIndex::right), case.right);
        assert_eq!(column(&|node| node.parent(height)), case.parent);
        assert_eq!(column(&|node| node.sibling(height)), case.sibling);
    });
}

#[derive(Deserialize)]
struct TreeOperation {
    tree_before: Hex,
    proposal: Hex,
    proposal_sender: u32,
    tree_after: Hex,
    /// An older revision of the file has no hashes.
    tree_hash_before: Option<Hex>,
    tree_hash_after: Option<Hex>,
}

#[test]
fn tree_operations() {
    run_suites("tree-operations.json", |crypto, case: TreeOperation| {
        let mut tree = RatchetTree::from_extension(&case.tree_before).unwrap();
        let hash_before = tree.tree_hash(crypto);
        assert!(
            case.tree_hash_before
                .is_none_or(|given| hash_before == given)
        );
        match decode(&case.proposal).unwrap() {
            Proposal::Add(package) => {
                let leaf = Leaf::new(package.content.leaf_node, None);
                tree.add_all([leaf], &NoRecords).unwrap();
            }
            Proposal::Update(leaf) => {
                let (place, leaf) = (LeafIndex(case.proposal_sender), Leaf::new(*leaf, None));
                tree.update(place, leaf, &NoRecords).unwrap();
            }
            Proposal::Remove(removed) => {
                assert!(tree.leaf(removed, &NoRecords).unwrap().is_some());
                tree.remove(removed, &NoRecords).unwrap();
                tree.truncate(&NoRecords).unwrap();
            }
            other => panic!("{other:?} does not change a tree"),
        }
        assert_eq!(tree.to_extension(&NoRecords).unwrap(), case.tree_after);
        // The cached hashes are those of a tree that was never anything else.
        let after = RatchetTree::from_extension(&case.tree_after).unwrap();
        assert_eq!(tree.tree_hash(crypto), after.tree_hash(crypto));
        let hash_after = tree.tree_hash(crypto);
        assert!(case.tree_hash_after.is_none_or(|given| hash_after == given));
    });
}

#[derive(Deserialize)]
struct TreeValidation {
    tree: Hex,
    group_id: Hex,
    resolutions: Vec<Vec<u32>>,
    tree_hashes: Vec<Hex>,
}

#[test]
fn tree_validation() {
    run_suites("tree-validation.json", |crypto, case: TreeValidation| {
        let tree = RatchetTree::from_extension(&case.tree).unwrap();
        assert_eq!(tree.to_extension(&NoRecords).unwrap(), case.tree);
        for (index, expected) in (0..).map(NodeIndex).zip(&case.resolutions) {
            let resolution = tree.resolution(index, &NoRecords).unwrap();
            let resolution: Vec<_> = resolution.iter().map(|node| node.0).collect();
            assert_eq!(&resolution, expected, "resolution of {index:?}");
        }
        for (index, expected) in (0..).map(NodeIndex).zip(&case.tree_hashes) {
            let hash = tree.tree_hash_of(index, crypto).unwrap();
            assert_eq!(hash, *expected, "tree hash of {index:?}");
        }
        let root = usize::try_from(tree.root().0).unwrap();
        verify(crypto, &case.tree, &case.group_id, &case.tree_hashes[root]).unwrap();
        let other_group = verify(crypto, &case.tree, b"other", &case.tree_hashes[root]);
        assert!(
            matches!(other_group, Err(Error::Invalid(Check::LeafSignature))),
            "leaves made by a commit are signed for one group"
        );
    });
}

/// All that a joiner checks of a tree: parent hashes and the leaves' signatures among it.
fn verify(
    crypto: &dyn Crypto,
    tree: &[u8],
    group_id: &[u8],
    tree_hash: &[u8],
) -> Result<VerifiedTree, Error> {
    let context = GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: crypto.suite(),
        group_id: GroupId::new(group_id),
        epoch: Epoch(0),
        tree_hash: VLBytes::new(tree_hash.to_vec()),
        confirmed_transcript_hash: VLBytes::new(Vec::new()),
        extensions: Extensions::default(),
    };
    let leaves = LeafCheck {
        crypto,
        auth: &AcceptAll,
        settings: &settings(),
        at: None,
        records: &NoRecords,
        components: &crate::services::NoComponents,
    };
    let received = ReceivedTree::from_extension(tree, u32::MAX, |_| None)?;
    VerifiedTree::verify(received, &context, &leaves)
}

//! Update paths: opened, merged, and made.

use super::clients::{AcceptAll, holds_private_key, settings};
use super::{Hex, rng, run_suites};
use crate::labels::{sign_with_label, verify_with_label};
use crate::leaf::{Carrier, LeafCheck, place};
use crate::records::NoRecords;
use crate::tree::{LeafIndex, NodeIndex, PathMaker, PathSecrets, PrivateKeys, RatchetTree};
use crate::wire::{
    Epoch, Extensions, GroupContext, GroupId, ProtocolVersion, UpdatePath, decode, encode,
};
use crate::{Check, Error};
use folkmoot_crypto::{Crypto, Secret};
use serde::Deserialize;
use std::collections::BTreeMap;
use tls_codec::VLBytes;

#[derive(Deserialize)]
struct TreeKem {
    group_id: Hex,
    epoch: u64,
    confirmed_transcript_hash: Hex,
    ratchet_tree: Hex,
    leaves_private: Vec<LeafPrivate>,
    update_paths: Vec<GivenPath>,
}

#[derive(Deserialize)]
struct LeafPrivate {
    index: u32,
    encryption_priv: Hex,
    signature_priv: Hex,
    path_secrets: Vec<PathSecretAt>,
}

#[derive(Deserialize)]
struct PathSecretAt {
    node: u32,
    path_secret: Hex,
}

#[derive(Deserialize)]
struct GivenPath {
    sender: u32,
    update_path: Hex,
    path_secrets: Vec<Option<Hex>>,
    commit_secret: Hex,
    tree_hash_after: Hex,
}

#[test]
fn treekem() {
    run_suites("treekem.json", |crypto, case: TreeKem| {
        let group = TestGroup::new(crypto, &case);
        for given in &case.update_paths {
            group.check_given_path(given);
            group.check_new_path(LeafIndex(given.sender));
        }
    });
}

struct Member {
    keys: PrivateKeys,
    signature_private: Secret,
}

struct TestGroup {
    crypto: &'static dyn Crypto,
    tree: RatchetTree,
    /// Its tree hash is set for each path.
    context: GroupContext,
    members: BTreeMap<LeafIndex, Member>,
}

impl TestGroup {
    fn new(crypto: &'static dyn Crypto, case: &TreeKem) -> Self {
        let tree = RatchetTree::from_extension(&case.ratchet_tree).unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            group_id: GroupId::new(&case.group_id[..]),
            epoch: Epoch(case.epoch),
            tree_hash: VLBytes::new(tree.tree_hash(crypto)),
            confirmed_transcript_hash: case.confirmed_transcript_hash.vl_bytes(),
            extensions: Extensions::default(),
        };
        let members: BTreeMap<_, _> = case
            .leaves_private
            .iter()
            .map(|private| (LeafIndex(private.index), private.member(crypto, &tree)))
            .collect();
        assert!(
            tree.leaves(&NoRecords)
                .unwrap()
                .map(|(leaf, _)| leaf)
                .eq(members.keys().copied())
        );
        Self {
            crypto,
            tree,
            context,
            members,
        }
    }

    fn check_given_path(&self, given: &GivenPath) {
        let sender = LeafIndex(given.sender);
        let path: UpdatePath = decode(&given.update_path).unwrap();
        let leaves = LeafCheck {
            crypto: self.crypto,
            auth: &AcceptAll,
            settings: &settings(),
            at: None,
            records: &NoRecords,
            components: &crate::services::NoComponents,
        };
        let at = place(&self.context, sender);
        leaves
            .carried(&path.leaf_node, Carrier::Path, Some(at), None)
            .unwrap();
        let (merged, context) = self.merge(sender, &path);
        assert_eq!(context.tree_hash.as_slice(), &given.tree_hash_after[..]);
        for (leaf, expected) in (0..).map(LeafIndex).zip(&given.path_secrets) {
            let receives = leaf != sender && self.tree.leaf(leaf, &NoRecords).unwrap().is_some();
            assert_eq!(expected.is_some(), receives);
            let Some(expected) = expected else { continue };
            let opened = self.open(&merged, &context, sender, &path, leaf).unwrap();
            assert_eq!(opened.nodes[0].path_secret, *expected);
            assert_eq!(opened.commit_secret, given.commit_secret);
        }
        self.check_refusals(sender, &path);
    }

    fn check_new_path(&self, sender: LeafIndex) {
        let mut rng = rng();
        let mut tree = self.tree.clone();
        let leaf = tree.leaf(sender, &NoRecords).unwrap();
        let maker = PathMaker {
            group_id: &self.context.group_id,
            place: sender,
            leaf: leaf.unwrap().content.clone(),
            client: None,
            signature_private: &self.members[&sender].signature_private,
        };
        let made = tree.renew_path(self.crypto, maker, &NoRecords, &mut rng);
        let made = made.unwrap();
        let mut context = self.context.clone();
        context.tree_hash = tree.tree_hash(self.crypto).into();
        let sealed = made
            .seal(self.crypto, &tree, &context, &[], &NoRecords, &mut rng)
            .unwrap();
        let path: UpdatePath = decode(&encode(&sealed)).unwrap();
        let (merged, received_context) = self.merge(sender, &path);
        assert_eq!(received_context, context);
        let leaf_key = path.leaf_node.content.encryption_key.as_slice();
        assert!(holds_private_key(self.crypto, leaf_key, &made.leaf_private));
        for leaf in self.members.keys().copied().filter(|leaf| *leaf != sender) {
            let opened = self.open(&merged, &context, sender, &path, leaf).unwrap();
            assert_eq!(Some(&opened.nodes[0].path_secret), made.secret_for(leaf));
            assert_eq!(opened.commit_secret, made.secrets.commit_secret);
        }
    }

    /// A path with another key fails its parent hash; a ciphertext too many, its count.
    fn check_refusals(&self, sender: LeafIndex, path: &UpdatePath) {
        let mut altered = path.clone();
        let top = altered.nodes.last_mut().unwrap();
        let ikm = Secret::from(b"another key for the top of the path".to_vec());
        let other = self.crypto.derive_kem_key_pair(&ikm).unwrap();
        top.encryption_key = other.public.into();
        let refused =
            self.tree
                .clone()
                .merge_path(self.crypto, sender, (&altered, None), &NoRecords);
        assert!(matches!(refused, Err(Error::Invalid(Check::ParentHash))));
        let mut altered = path.clone();
        let sealed = &mut altered.nodes[0].encrypted_path_secret;
        *sealed = sealed.iter().chain(sealed.get(0)).collect();
        let (merged, _) = self.merge(sender, &altered);
        let check = |path| merged.check_ciphertexts(sender, path, &[], &NoRecords);
        assert!(matches!(
            check(&altered),
            Err(Error::Invalid(Check::PathCiphertextCount))
        ));
        check(path).unwrap();
    }

    /// The tree after a path, and the context that its secrets are sealed under.
    fn merge(&self, sender: LeafIndex, path: &UpdatePath) -> (RatchetTree, GroupContext) {
        let mut merged = self.tree.clone();
        let path = (path, None);
        merged
            .merge_path(self.crypto, sender, path, &NoRecords)
            .unwrap();
        let mut context = self.context.clone();
        context.tree_hash = merged.tree_hash(self.crypto).into();
        (merged, context)
    }

    fn open(
        &self,
        merged: &RatchetTree,
        context: &GroupContext,
        sender: LeafIndex,
        path: &UpdatePath,
        receiver: LeafIndex,
    ) -> Result<PathSecrets, Error> {
        let own = (receiver, &self.members[&receiver].keys);
        let path = (sender, path);
        merged.open_path(self.crypto, path, context, own, &[], &NoRecords)
    }
}

impl LeafPrivate {
    /// The member's private state, which agrees with the tree.
    fn member(&self, crypto: &dyn Crypto, tree: &RatchetTree) -> Member {
        let index = LeafIndex(self.index);
        let leaf = tree.leaf(index, &NoRecords).unwrap();
        let content = &leaf.expect("the leaf is not blank").content;
        let private = self.encryption_priv.secret();
        let public = content.encryption_key.as_slice();
        assert!(holds_private_key(crypto, public, &private));
        let mut keys = PrivateKeys::default();
        keys.insert(index.into(), private);
        for given in &self.path_secrets {
            let node = NodeIndex(given.node);
            let secrets = PathSecrets::derive(crypto, given.path_secret.secret(), [node]).unwrap();
            assert!(secrets.match_tree(tree, &NoRecords).unwrap(), "{node:?}");
            keys.insert(node, secrets.nodes[0].keys.private.clone());
        }
        let signature_private = self.signature_priv.secret();
        let signature = sign_with_label(crypto, &signature_private, "test", b"").unwrap();
        let public = content.signature_key.as_slice();
        verify_with_label(crypto, public, "test", b"", &signature).unwrap();
        Member {
            keys,
            signature_private,
        }
    }
}

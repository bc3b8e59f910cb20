//! `TreeKEM`: fresh keys along a direct path, sealed to the copath (RFC 9420 §7.4–7.6).

use super::{Leaf, LeafIndex, Node, NodeIndex, ParentNode, PrivateKeys, RatchetTree};
use crate::check::Check;
use crate::error::{Error, own_keys};
use crate::labels::{derive_secret, encryption_info, sign_with_label};
use crate::leaf::ClientId;
use crate::parallel;
use crate::records::Records;
use crate::wire::LeafPlace;
use crate::wire::{
    GroupContext, GroupId, LeafNode, LeafNodeContent, LeafNodeSource, UpdatePath, UpdatePathNode,
    encode,
};
use folkmoot_crypto::{Crypto, KemKeyPair, Secret};
use rand_core::CryptoRng;
use std::collections::BTreeMap;
use std::sync::Arc;
use tls_codec::VLBytes;

/// RFC 9420 §7.6.
const PATH_LABEL: &str = "UpdatePathNode";

/// Path secrets from some node upwards, and the commit secret above them.
#[derive(Debug)]
pub(crate) struct PathSecrets {
    /// From the bottom up.
    pub(crate) nodes: Vec<PathNode>,
    pub(crate) commit_secret: Secret,
}

/// One node of a path with all that its holders know.
#[derive(Debug)]
pub(crate) struct PathNode {
    pub(crate) index: NodeIndex,
    pub(crate) path_secret: Secret,
    pub(crate) keys: KemKeyPair,
}

impl PathSecrets {
    /// Derives upwards from the path secret of the first of `nodes` (RFC 9420 §7.4).
    pub(crate) fn derive(
        crypto: &dyn Crypto,
        first: Secret,
        nodes: impl IntoIterator<Item = NodeIndex>,
    ) -> Result<Self, Error> {
        let mut next = first;
        let mut derived = Vec::new();
        for index in nodes {
            let keys = crypto
                .derive_kem_key_pair(&derive_secret(crypto, &next, "node"))
                .map_err(own_keys)?;
            let above = derive_secret(crypto, &next, "path");
            derived.push(PathNode {
                index,
                path_secret: next,
                keys,
            });
            next = above;
        }
        Ok(Self {
            nodes: derived,
            commit_secret: next,
        })
    }

    /// The derived public keys are the ones in the tree (check 89).
    pub(crate) fn match_tree(
        &self,
        tree: &RatchetTree,
        records: &dyn Records,
    ) -> Result<bool, Error> {
        for node in &self.nodes {
            let key = tree.encryption_key(node.index, records)?;
            if key != Some(node.keys.public.as_slice()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A path that this member made; its public part is in the tree already.
#[derive(Debug)]
pub(crate) struct NewPath {
    pub(crate) leaf_private: Secret,
    pub(crate) secrets: PathSecrets,
    leaf: LeafNode,
    copath: Vec<NodeIndex>,
}

/// Who makes a path.
#[derive(Debug)]
pub(crate) struct PathMaker<'a> {
    pub(crate) group_id: &'a GroupId,
    pub(crate) place: LeafIndex,
    /// The leaf so far; keys and parent hash are replaced.
    pub(crate) leaf: LeafNodeContent,
    pub(crate) client: Option<ClientId>,
    pub(crate) signature_private: &'a Secret,
}

impl RatchetTree {
    /// Renews a member's leaf and direct path.
    pub(crate) fn renew_path(
        &mut self,
        crypto: &dyn Crypto,
        maker: PathMaker<'_>,
        records: &dyn Records,
        rng: &mut dyn CryptoRng,
    ) -> Result<NewPath, Error> {
        let place = maker.place;
        let fresh =
            |rng: &mut dyn CryptoRng| folkmoot_crypto::random_secret(rng, crypto.hash_length());
        let leaf_keys = crypto.derive_kem_key_pair(&fresh(rng)).map_err(own_keys)?;
        let path = self.filtered_direct_path(place, records)?;
        let secrets = PathSecrets::derive(crypto, fresh(rng), path.iter().map(|(node, _)| *node))?;
        let keys = secrets
            .nodes
            .iter()
            .map(|node| VLBytes::new(node.keys.public.clone()));
        let parent_hash = self.set_path(crypto, place, &path, keys, records)?;
        let mut content = maker.leaf;
        content.encryption_key = leaf_keys.public.into();
        content.source = LeafNodeSource::Commit(parent_hash.into());
        let leaf_place = LeafPlace {
            group_id: maker.group_id,
            leaf_index: place,
        };
        let leaf = content.sign(crypto, maker.signature_private, Some(leaf_place))?;
        let node = Node::Leaf(Leaf::new(leaf.clone(), maker.client));
        self.set(place.into(), Some(node), records)?;
        let copath = path.into_iter().map(|(_, copath)| copath).collect();
        Ok(NewPath {
            leaf_private: leaf_keys.private,
            secrets,
            leaf,
            copath,
        })
    }

    /// Puts a received path into the tree (RFC 9420 §7.5, §12.4.2); its leaf is verified already.
    pub(crate) fn merge_path(
        &mut self,
        crypto: &dyn Crypto,
        place: LeafIndex,
        (path, client): (&UpdatePath, Option<ClientId>),
        records: &dyn Records,
    ) -> Result<(), Error> {
        let nodes = self.filtered_direct_path(place, records)?;
        if nodes.len() != path.nodes.len() {
            return Err(Check::PathLength.into());
        }
        self.check_path_keys(crypto, place, path, records)?;
        let keys = path.nodes.iter().map(|node| node.encryption_key.clone());
        let parent_hash = self.set_path(crypto, place, &nodes, keys, records)?;
        match &path.leaf_node.content.source {
            LeafNodeSource::Commit(sent) if sent.as_slice() == parent_hash => {}
            _ => return Err(Check::ParentHash.into()),
        }
        let leaf = Leaf::new(path.leaf_node.clone(), client);
        self.set(place.into(), Some(Node::Leaf(leaf)), records)
    }

    /// The path's keys are keys of the suite, and stand nowhere else (checks 26, 33, 84).
    fn check_path_keys(
        &self,
        crypto: &dyn Crypto,
        place: LeafIndex,
        path: &UpdatePath,
        records: &dyn Records,
    ) -> Result<(), Error> {
        for node in &path.nodes {
            let key = node.encryption_key.as_slice();
            let checked = crypto.check_kem_public_key(key);
            checked.map_err(|_| Check::KeysValidForSuite)?;
        }
        let leaf_key = path.leaf_node.content.encryption_key.as_slice();
        if self.encryption_key(place.into(), records)? == Some(leaf_key) {
            return Err(Check::EncryptionKeyNew.into());
        }
        let mut keys: Vec<_> = path
            .nodes
            .iter()
            .map(|node| node.encryption_key.as_slice())
            .collect();
        keys.push(leaf_key);
        keys.sort_unstable();
        let mut repeated = keys.windows(2).any(|pair| pair[0] == pair[1]);
        for key in keys {
            repeated |= self.encryption_key_uses(key, records)? > 0;
        }
        if repeated {
            return Err(Check::PathKeysNew.into());
        }
        Ok(())
    }

    /// Replaces the direct path by new keys from the root down, and gives the leaf's parent hash.
    pub(crate) fn set_path(
        &mut self,
        crypto: &dyn Crypto,
        place: LeafIndex,
        path: &[(NodeIndex, NodeIndex)],
        keys: impl DoubleEndedIterator<Item = VLBytes> + ExactSizeIterator,
        records: &dyn Records,
    ) -> Result<Vec<u8>, Error> {
        let mut parent_hash = Vec::new();
        let mut nodes = BTreeMap::new();
        for ((index, copath), encryption_key) in path.iter().zip(keys).rev() {
            let parent_hash_above = VLBytes::new(parent_hash);
            let node = ParentNode {
                encryption_key,
                parent_hash: parent_hash_above,
                unmerged_leaves: Vec::new(),
            };
            parent_hash = self
                .parent_hash(&node, *copath, crypto, records)?
                .ok_or(Check::PathLength)?;
            nodes.insert(*index, Arc::new(node));
        }
        self.replace_direct_path(place, &nodes, records)?;
        Ok(parent_hash)
    }

    /// The nodes that a path secret is sealed to: the copath's resolution without the leaves that
    /// the same commit adds (check 86).
    pub(super) fn recipients(
        &self,
        copath: NodeIndex,
        added: &[LeafIndex],
        records: &dyn Records,
    ) -> Result<Vec<NodeIndex>, Error> {
        let mut nodes = self.resolution(copath, records)?;
        // Leaves are added from the left.
        let is_added = |leaf| added.binary_search(&leaf).is_ok();
        nodes.retain(|node| node.leaf().is_none_or(|leaf| !is_added(leaf)));
        Ok(nodes)
    }

    /// A received path has a ciphertext for each recipient, `added` not being among them (check 86).
    pub(crate) fn check_ciphertexts(
        &self,
        committer: LeafIndex,
        path: &UpdatePath,
        added: &[LeafIndex],
        records: &dyn Records,
    ) -> Result<(), Error> {
        let nodes = self.filtered_direct_path(committer, records)?;
        for ((_, copath), sent) in nodes.iter().zip(&path.nodes) {
            let recipients = self.recipient_count(*copath, added, records)?;
            if recipients != sent.encrypted_path_secret.len() {
                return Err(Check::PathCiphertextCount.into());
            }
        }
        Ok(())
    }

    /// Opens the path secret meant for `own` and derives the rest (RFC 9420 §7.6).
    pub(crate) fn open_path(
        &self,
        crypto: &dyn Crypto,
        (committer, path): (LeafIndex, &UpdatePath),
        context: &GroupContext,
        own: (LeafIndex, &PrivateKeys),
        added: &[LeafIndex],
        records: &dyn Records,
    ) -> Result<PathSecrets, Error> {
        let nodes = self.filtered_direct_path(committer, records)?;
        let (leaf, private) = own;
        let level = nodes
            .iter()
            .position(|(_, copath)| copath.covers(leaf))
            .ok_or(Check::PathSecretOpens)?;
        let own = self.recipients_above(nodes[level].1, leaf, added, records)?;
        let all = &path.nodes[level].encrypted_path_secret;
        let (sealed, key) = own
            .into_iter()
            .find_map(|(place, node)| Some((all.get(place)?, private.get(node)?)))
            .ok_or(Check::PathSecretOpens)?;
        let info = encryption_info(crypto, PATH_LABEL, &encode(context));
        let path_secret = crypto
            .hpke_open(key, &info, b"", &sealed)
            .map_err(|_| Check::PathSecretOpens)?;
        if path_secret.len() != crypto.hash_length() {
            return Err(Check::PathSecretOpens.into());
        }
        let above = nodes[level..].iter().map(|(node, _)| *node);
        let secrets = PathSecrets::derive(crypto, path_secret, above)?;
        if secrets.match_tree(self, records)? {
            Ok(secrets)
        } else {
            Err(Check::PathKeysMatch.into())
        }
    }
}

impl NewPath {
    /// Seals the path secrets under the provisional context (RFC 9420 §7.6, check 88).
    pub(crate) fn seal(
        &self,
        crypto: &dyn Crypto,
        tree: &RatchetTree,
        context: &GroupContext,
        added: &[LeafIndex],
        records: &dyn Records,
        rng: &mut dyn CryptoRng,
    ) -> Result<UpdatePath, Error> {
        let info = encryption_info(crypto, PATH_LABEL, &encode(context));
        let mut counts = Vec::with_capacity(self.copath.len());
        let mut to_seal = Vec::new();
        for (node, copath) in self.secrets.nodes.iter().zip(&self.copath) {
            let recipients = tree.recipients(*copath, added, records)?;
            counts.push(recipients.len());
            for recipient in recipients {
                let key = tree.encryption_key(recipient, records)?;
                let key = key.ok_or(Check::PathCiphertextCount)?;
                to_seal.push((key, &node.path_secret, crypto.hpke_seed(rng)));
            }
        }
        let sealed = parallel::try_map(to_seal, |(key, path_secret, seed)| {
            crypto
                .hpke_seal_seeded(key, &info, b"", path_secret.expose(), seed)
                .map_err(|_| Check::KeysValidForSuite)
        })?;
        let mut sealed = sealed.into_iter();
        let mut nodes = Vec::with_capacity(counts.len());
        for (node, count) in self.secrets.nodes.iter().zip(counts) {
            let encrypted_path_secret = sealed.by_ref().take(count).collect();
            let encryption_key = VLBytes::new(node.keys.public.clone());
            nodes.push(UpdatePathNode {
                encryption_key,
                encrypted_path_secret,
            });
        }
        Ok(UpdatePath {
            leaf_node: self.leaf.clone(),
            nodes,
        })
    }

    /// The path secret that a new member at `leaf` gets: of the lowest node above it.
    pub(crate) fn secret_for(&self, leaf: LeafIndex) -> Option<&Secret> {
        let mut above = self
            .secrets
            .nodes
            .iter()
            .filter(|node| node.index.covers(leaf));
        above.next().map(|node| &node.path_secret)
    }
}

impl LeafNodeContent {
    /// Signs a leaf (RFC 9420 §7.2).
    pub(crate) fn sign(
        self,
        crypto: &dyn Crypto,
        private: &Secret,
        place: Option<LeafPlace<'_>>,
    ) -> Result<LeafNode, Error> {
        let signature = sign_with_label(
            crypto,
            private,
            crate::leaf::LEAF_LABEL,
            &self.to_be_signed(place),
        )
        .map_err(own_keys)?;
        Ok(LeafNode {
            content: self,
            signature: signature.into(),
        })
    }
}

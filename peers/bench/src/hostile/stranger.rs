//! Trees that somebody sends who knows the victim's KeyPackage: with a Welcome in which all else is right.

use super::{ACCEPTED, Attack, Expected};
use crate::engine::Failure;
use crate::made::Pool;
use folkmoot_crypto::{Crypto, Secret};
use folkmoot_mls::hazmat::{self, OpenedWelcome};
use folkmoot_mls::{
    CommitIntent, Extensions, Group, JoinOptions, KeyPackage, KeyPackageSecrets, LeafIndex,
    LeafNode, Member, MessageBody, MlsMessage, NoRecords, OwnKeyPackage, ParentNode, Settings,
    Welcome,
};
use folkmoot_sim::{reseal, sign_group_info};
use std::sync::Arc;
use std::time::Duration;
use tls_codec::{Serialize, VLByteSlice};

/// As many places as a tree may have by default.
const BOUND: u32 = 1 << 20;
/// Where each leaf's signature is verified before anything is found.
const REPEATED: u32 = 1 << 14;
/// Where each parent lists all leaves below it.
const UNMERGED: u32 = 1 << 12;
/// Node types (RFC 9420 §7.8).
const LEAF: u8 = 1;
const PARENT: u8 = 2;

pub(super) struct Stranger {
    crypto: &'static dyn Crypto,
    credentials: Arc<crate::credentials::Credentials>,
    victim: (KeyPackage, KeyPackageSecrets),
    /// Of a Welcome that is honest but for what is changed.
    opened: OpenedWelcome,
    /// The stranger's leaf, which is valid at any place, and its key.
    leaf: LeafNode,
    key: Secret,
}

impl Stranger {
    pub(super) fn new(pool: &mut Pool) -> Result<Self, Failure> {
        let (crypto, credentials) = (pool.crypto, pool.credentials.clone());
        let auth = credentials.authentication();
        let victim = pool.offer("victim")?;
        let member: Member = credentials.member(crypto, "stranger", pool.rng())?;
        let key = member.signature.private.clone();
        let id = Group::random_id(crypto, pool.rng());
        let founder = (member, pool.lifetime);
        let (extensions, settings) = (Extensions::default(), Settings::default());
        let created = Group::create(crypto, id, founder, extensions, settings, auth, pool.rng());
        let (mut group, _) = created?;
        let settings = Settings::default();
        let verified = victim.0.clone().verify(crypto, auth, &settings, None)?;
        let intent = CommitIntent {
            add: vec![verified],
            ..CommitIntent::default()
        };
        let (bundle, _) = group.commit(intent, b"", auth, pool.rng())?;
        let leaf = group.member(LeafIndex(0), &NoRecords)?;
        let leaf = LeafNode::clone(leaf.ok_or_else(Failure::no_group)?);
        let welcome = bundle.welcome.ok_or_else(Failure::no_group)?;
        let MessageBody::Welcome(welcome) = welcome.body else {
            return Err(Failure::new("not a Welcome"));
        };
        let own = own(&victim);
        Ok(Self {
            crypto,
            opened: OpenedWelcome::open(crypto, &welcome, own, &Vec::new())?,
            credentials: credentials.clone(),
            victim,
            leaf,
            key,
        })
    }

    /// Blank between two members, with twice the places that are allowed.
    pub(super) fn tree_over_the_bound(&self, patience: Duration) -> Result<Attack, Failure> {
        let tree = self.nearly_blank(2 * BOUND)?;
        self.invites(
            "hostile_tree_over_bound",
            2 * BOUND,
            &tree,
            "TreeBound",
            patience,
        )
    }

    /// The same with as many as are allowed: a tree like any other.
    pub(super) fn tree_at_the_bound(&self, patience: Duration) -> Result<Attack, Failure> {
        let tree = self.nearly_blank(BOUND)?;
        self.invites("hostile_tree_at_bound", BOUND, &tree, ACCEPTED, patience)
    }

    /// Nobody at all.
    pub(super) fn blank_tree(&self, patience: Duration) -> Result<Attack, Failure> {
        let tree = node_list(BOUND, |_| Ok(None), |_| Ok(None))?;
        self.invites("hostile_tree_blank", BOUND, &tree, "TreeShape", patience)
    }

    /// The stranger's valid leaf everywhere.
    pub(super) fn repeated_leaf(&self, patience: Duration) -> Result<Attack, Failure> {
        let tree = self.crowded(REPEATED, |_| Ok(None))?;
        let name = "hostile_tree_repeated_leaf";
        self.invites(name, REPEATED, &tree, "TreeLeafKeysUnique", patience)
    }

    /// Parents that nobody below holds the keys of.
    pub(super) fn unmerged_everywhere(&self, patience: Duration) -> Result<Attack, Failure> {
        let parent = |index: u32| {
            // RFC 9420, Appendix C: as many low bits are set as the level is high.
            let half = (1_u32 << index.trailing_ones()) - 1;
            let first = (index - half) / 2;
            let last = first + half;
            let parent = ParentNode {
                encryption_key: self.crypto.hash(&index.to_be_bytes()).into(),
                parent_hash: Vec::new().into(),
                unmerged_leaves: (first..=last).map(LeafIndex).collect(),
            };
            encoded(PARENT, &parent).map(Some)
        };
        let tree = self.crowded(UNMERGED, parent)?;
        let name = "hostile_tree_unmerged";
        self.invites(name, UNMERGED, &tree, "TreeParentHashes", patience)
    }

    fn nearly_blank(&self, places: u32) -> Result<Vec<u8>, Failure> {
        let leaf = |place| match place {
            0 => encoded(LEAF, &self.leaf).map(Some),
            _ if place == places - 1 => encoded(LEAF, self.victim_leaf()).map(Some),
            _ => Ok(None),
        };
        node_list(places, leaf, |_| Ok(None))
    }

    /// The victim is last, the stranger everywhere else.
    fn crowded(
        &self,
        places: u32,
        parent: impl Fn(u32) -> Result<Option<Vec<u8>>, Failure>,
    ) -> Result<Vec<u8>, Failure> {
        let leaf = |place| {
            let last = place == places - 1;
            let leaf = if last { self.victim_leaf() } else { &self.leaf };
            encoded(LEAF, leaf).map(Some)
        };
        node_list(places, leaf, parent)
    }

    fn victim_leaf(&self) -> &LeafNode {
        &self.victim.0.content.leaf_node
    }

    /// The victim is invited into a group of this tree.
    fn invites(
        &self,
        name: &'static str,
        leaves: u32,
        tree: &[u8],
        outcome: &'static str,
        patience: Duration,
    ) -> Result<Attack, Failure> {
        let welcome = self.welcome(tree);
        let bytes = welcome.len() + tree.len();
        let expected = Expected {
            name,
            leaves,
            outcome,
            bytes,
        };
        expected.of(patience, || {
            let message = MlsMessage::decode(&welcome)?;
            let MessageBody::Welcome(welcome) = message.body else {
                return Ok(None);
            };
            self.join(&welcome, tree).map(Some)
        })
    }

    /// Signed, with the tree's hash where there is a tree, and the confirmation tag that follows.
    fn welcome(&self, tree: &[u8]) -> Vec<u8> {
        let mut opened = self.opened.clone();
        let content = &mut opened.group_info.content;
        content.extensions = Extensions::default();
        if let Ok(tree) = hazmat::tree_from_extension(tree) {
            content.group_context.tree_hash = tree.tree_hash(self.crypto).into();
        }
        let tag = opened.confirmation_tag(self.crypto);
        opened.group_info.content.confirmation_tag = tag.into();
        opened.group_info = sign_group_info(self.crypto, opened.group_info.content, &self.key);
        reseal(self.crypto, &opened, &self.victim.0).encode()
    }

    fn join(&self, welcome: &Welcome, tree: &[u8]) -> Result<Group, folkmoot_mls::Error> {
        let options = JoinOptions {
            tree: Some(tree),
            ..JoinOptions::default()
        };
        let auth = self.credentials.authentication();
        let settings = Settings::default();
        let own = own(&self.victim);
        let (group, _) = Group::join(self.crypto, welcome, own, options, settings, auth)?;
        Ok(group)
    }
}

fn own((key_package, secrets): &(KeyPackage, KeyPackageSecrets)) -> OwnKeyPackage<'_> {
    OwnKeyPackage {
        key_package,
        secrets,
    }
}

fn encoded(kind: u8, node: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let node = node.tls_serialize_detached().map_err(Failure::new)?;
    Ok([&[kind][..], &node].concat())
}

/// A `ratchet_tree` (RFC 9420 §12.4.3.3) of encoded leaves by place and parents by index.
fn node_list(
    places: u32,
    leaf: impl Fn(u32) -> Result<Option<Vec<u8>>, Failure>,
    parent: impl Fn(u32) -> Result<Option<Vec<u8>>, Failure>,
) -> Result<Vec<u8>, Failure> {
    let mut list = Vec::new();
    for index in 0..2 * places - 1 {
        let node = if index % 2 == 0 {
            leaf(index / 2)?
        } else {
            parent(index)?
        };
        list.push(u8::from(node.is_some()));
        list.extend(node.unwrap_or_default());
    }
    VLByteSlice(&list)
        .tls_serialize_detached()
        .map_err(Failure::new)
}

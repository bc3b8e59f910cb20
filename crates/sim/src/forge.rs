//! Commits, leaves, KeyPackages and Welcomes with anything in them changed, and signed again.

use crate::people::rng;
use folkmoot_crypto::{Crypto, Secret, random_secret};
use folkmoot_mls::hazmat::{self, Claim, Claimed, Knowledge, OpenedWelcome, Psks, Signed};
use folkmoot_mls::{
    Commit, Content, Epoch, ExtensionType, Extensions, FramedContent, GroupContext, GroupId,
    GroupInfo, GroupInfoContent, GroupSecrets, KeyPackage, KeyPackageContent, LeafIndex, LeafNode,
    LeafNodeContent, LeafNodeSource, MlsMessage, NoRecords, ParentNode, Proposal, ProposalOrRef,
    RatchetTree, Sender, UpdatePath, UpdatePathNode, Welcome, WireFormat, derive_secret,
    encrypt_with_label, sign_with_label,
};
use rand_chacha::ChaCha20Rng;
use tls_codec::{TlsSerialize, TlsSize};

/// A commit in the making. Everything is as an engine would have it until it is changed.
///
/// [`Self::begin_path`], [`Self::seal_path`] and [`Self::finish`] take the steps of RFC 9420 §12.4.1
/// in order, so that a change between two steps is carried on properly by the later ones.
#[derive(Debug)]
pub struct Forgery {
    /// Of the epoch that the commit is made in.
    pub known: Knowledge,
    /// Who is said to commit.
    pub sender: Sender,
    /// The committer's place in the tree to come.
    pub place: LeafIndex,
    /// The list.
    pub entries: Vec<ProposalOrRef>,
    /// The tree to come.
    pub tree: RatchetTree,
    /// The group's extensions to come.
    pub extensions: Extensions,
    /// Leaves that the path is not sealed to.
    pub added: Vec<(LeafIndex, KeyPackage)>,
    /// The committer's leaf to come.
    pub leaf: LeafNodeContent,
    /// Where the leaf says that it stands.
    pub leaf_place: LeafIndex,
    /// Signs the leaf.
    pub leaf_key: Secret,
    /// Signs the commit.
    pub signing_key: Secret,
    /// From the bottom up.
    pub path_secrets: Vec<Secret>,
    /// From the bottom up.
    pub public_keys: Vec<Vec<u8>>,
    /// In place of the true parent hash.
    pub parent_hash: Option<Vec<u8>>,
    /// In place of the provisional context, for sealing the path.
    pub seal_context: Option<GroupContext>,
    /// What becomes of the provisional context, for sealing the path.
    pub seal_change: fn(&mut GroupContext),
    /// What the path secrets are sealed for.
    pub seal_label: &'static str,
    /// The sealed path.
    pub path: Option<UpdatePath>,
    /// What the path leads to.
    pub commit_secret: Secret,
    /// Goes into the next epoch.
    pub init_secret: Secret,
    /// Go into the next epoch.
    pub psks: Psks,
    /// How the commit travels.
    pub wire_format: WireFormat,
    /// Signed with the commit.
    pub authenticated_data: Vec<u8>,
    rng: ChaCha20Rng,
}

impl Forgery {
    /// A member's commit of these proposals by value.
    pub fn new(known: Knowledge, proposals: Vec<Proposal>) -> Self {
        let sender = Sender::Member(known.own);
        let leaf = known.tree.leaf(known.own, &NoRecords).unwrap();
        let leaf = leaf.unwrap().content.clone();
        Self {
            sender,
            place: known.own,
            entries: Vec::new(),
            tree: known.tree.clone(),
            extensions: known.context.extensions.clone(),
            added: Vec::new(),
            leaf,
            leaf_place: known.own,
            leaf_key: known.signature.private.clone(),
            signing_key: known.signature.private.clone(),
            path_secrets: Vec::new(),
            public_keys: Vec::new(),
            parent_hash: None,
            seal_context: None,
            seal_change: |_| (),
            seal_label: "UpdatePathNode",
            path: None,
            commit_secret: Secret::zero(known.crypto.hash_length()),
            init_secret: known.init_secret.clone(),
            psks: Vec::new(),
            wire_format: WireFormat::PublicMessage,
            authenticated_data: Vec::new(),
            rng: rng(known.context.epoch.0.wrapping_add(1_000)),
            known,
        }
        .listing(proposals)
    }

    fn listing(mut self, proposals: Vec<Proposal>) -> Self {
        let sender = self.sender;
        for proposal in &proposals {
            if let Proposal::GroupContextExtensions(extensions) = proposal {
                self.extensions = extensions.clone();
            }
        }
        let entries = proposals.iter().cloned().map(ProposalOrRef::Proposal);
        self.entries.extend(entries);
        let list: Vec<_> = proposals.into_iter().map(|one| (sender, one)).collect();
        self.apply(&list);
        self
    }

    /// Changes the tree to come by these proposals, without listing them.
    pub fn apply(&mut self, list: &[(Sender, Proposal)]) {
        let added = hazmat::apply_proposals(&mut self.tree, list).unwrap();
        self.added.extend(added);
    }

    /// Lists a proposal by reference and applies it.
    pub fn refer(&mut self, signed: &Signed) {
        let reference = signed.reference(self.known.crypto);
        self.entries.push(ProposalOrRef::Reference(reference));
        if let Content::Proposal(proposal) = &signed.content.content {
            self.apply(&[(signed.content.sender, proposal.clone())]);
        }
    }

    /// Fresh keys for the leaf and the filtered direct path.
    pub fn begin_path(&mut self) {
        let crypto = self.known.crypto;
        let path = hazmat::filtered_direct_path(&self.tree, self.place);
        let nodes = path.unwrap().len();
        self.leaf.encryption_key = kem_key(crypto, &mut self.rng).into();
        let mut next = random_secret(&mut self.rng, crypto.hash_length());
        for _ in 0..nodes {
            let keys = crypto.derive_kem_key_pair(&derive_secret(crypto, &next, "node"));
            self.public_keys.push(keys.unwrap().public);
            let above = derive_secret(crypto, &next, "path");
            self.path_secrets.push(core::mem::replace(&mut next, above));
        }
        self.commit_secret = next;
    }

    /// Puts the path into the tree, signs the leaf, and seals the path secrets.
    pub fn seal_path(&mut self) {
        let crypto = self.known.crypto;
        let nodes = hazmat::filtered_direct_path(&self.tree, self.place).unwrap();
        let mut keys = self.public_keys.clone();
        keys.truncate(nodes.len());
        let parent_hash = hazmat::set_path(&mut self.tree, crypto, self.place, keys).unwrap();
        let parent_hash = self.parent_hash.clone().unwrap_or(parent_hash);
        if let LeafNodeSource::Commit(hash) = &mut self.leaf.source {
            *hash = parent_hash.into();
        } else if self.leaf.source != LeafNodeSource::Update {
            self.leaf.source = LeafNodeSource::Commit(parent_hash.into());
        }
        let place = Some((&self.known.context.group_id, self.leaf_place));
        let leaf_node = leaf(crypto, self.leaf.clone(), &self.leaf_key, place);
        hazmat::set_leaf(&mut self.tree, self.place, Some(leaf_node.clone())).unwrap();
        let mut context = self.seal_context.clone().unwrap_or_else(|| self.context());
        (self.seal_change)(&mut context);
        let context = hazmat::to_bytes(&context);
        let sealed = nodes.iter().zip(&self.public_keys).zip(&self.path_secrets);
        let mut path = Vec::new();
        for (((_, copath), public), secret) in sealed {
            let mut encrypted_path_secret = Vec::new();
            for node in hazmat::resolution(&self.tree, *copath).unwrap() {
                let is_added = |leaf| self.added.iter().any(|(added, _)| *added == leaf);
                if node.leaf().is_some_and(is_added) {
                    continue;
                }
                let key = if let Some(leaf) = node.leaf() {
                    let leaf = self.tree.leaf(leaf, &NoRecords).unwrap();
                    &leaf.unwrap().content.encryption_key
                } else {
                    let parent = self.tree.parent_node(node, &NoRecords).unwrap();
                    &parent.unwrap().encryption_key
                };
                let (label, secret) = (self.seal_label, secret.expose());
                let sealed = encrypt_with_label(
                    crypto,
                    key.as_slice(),
                    label,
                    &context,
                    secret,
                    &mut self.rng,
                );
                encrypted_path_secret.push(sealed.unwrap());
            }
            path.push(UpdatePathNode {
                encryption_key: public.as_slice().into(),
                encrypted_path_secret: encrypted_path_secret.into_iter().collect(),
            });
        }
        self.path = Some(UpdatePath {
            leaf_node,
            nodes: path,
        });
    }

    /// Both steps of the path.
    #[must_use]
    pub fn with_path(mut self) -> Self {
        self.begin_path();
        self.seal_path();
        self
    }

    /// The context to come, but for its transcript.
    pub fn context(&self) -> GroupContext {
        let before = &self.known.context;
        GroupContext {
            epoch: Epoch(before.epoch.0.wrapping_add(1)),
            tree_hash: self.tree.tree_hash(self.known.crypto).into(),
            extensions: self.extensions.clone(),
            ..before.clone()
        }
    }

    /// Signs the commit and runs the key schedule; the confirmation tag is the claimed epoch's.
    pub fn finish(&self) -> (Signed, Claimed) {
        let known = &self.known;
        let commit = Commit {
            proposals: self.entries.clone(),
            path: self.path.clone(),
        };
        let content = FramedContent {
            group_id: known.context.group_id.clone(),
            epoch: known.context.epoch,
            sender: self.sender,
            authenticated_data: self.authenticated_data.as_slice().into(),
            content: Content::Commit(Box::new(commit)),
        };
        let context = Some(&known.context);
        let key = &self.signing_key;
        let signed = Signed::sign(known.crypto, self.wire_format, content, key, context);
        let mut signed = signed.unwrap();
        let claim = Claim {
            tree: self.tree.clone(),
            context: self.context(),
            init_secret: self.init_secret.clone(),
            commit_secret: self.commit_secret.clone(),
            psks: self.psks.clone(),
        };
        let claimed = known.claim(claim, &signed);
        signed.confirmation_tag = Some(claimed.confirmation_tag.clone());
        (signed, claimed)
    }

    /// The Welcome of this commit for one client, with the tree, signed by `key`.
    pub fn welcome(&self, invitee: &KeyPackage, key: &Secret) -> MlsMessage {
        reseal(self.known.crypto, &self.opened_welcome(key), invitee)
    }

    /// What a Welcome of this commit says.
    pub fn opened_welcome(&self, key: &Secret) -> OpenedWelcome {
        let (_, claimed) = self.finish();
        let tree = self.tree.to_extension(&NoRecords).unwrap();
        let content = GroupInfoContent {
            group_context: claimed.knowledge.context,
            extensions: Extensions::default().with(ExtensionType::RATCHET_TREE, tree),
            confirmation_tag: claimed.confirmation_tag.into(),
            signer: self.place,
        };
        OpenedWelcome {
            group_secrets: GroupSecrets {
                joiner_secret: claimed.joiner_secret,
                path_secret: None,
                psks: self.psks.iter().map(|(id, _)| id.clone()).collect(),
            },
            group_info: sign_group_info(self.known.crypto, content, key),
            psk_secret: claimed.psk_secret,
        }
    }

    /// The commit as a PublicMessage, tagged where a member sends it.
    pub fn message(&self) -> MlsMessage {
        let (signed, _) = self.finish();
        match self.sender {
            Sender::Member(_) => {
                let known = &self.known;
                signed.tagged(known.crypto, &known.membership_key, &known.context)
            }
            _ => signed.untagged(),
        }
    }
}

/// An external commit to the group that `known` knows, to be made as bad as wanted. The joiner signs
/// with the key that vouches for `joiner`.
pub fn external_join(
    known: Knowledge,
    joiner: LeafNodeContent,
    joiner_key: &Secret,
    others: Vec<Proposal>,
) -> Forgery {
    let crypto = known.crypto;
    let external = crypto.derive_kem_key_pair(&known.external_secret).unwrap();
    let info = crypto.hpke_info(b"");
    let label = b"MLS 1.0 external init secret";
    let length = crypto.hash_length();
    let (kem_output, init_secret) = crypto
        .hpke_setup_base_export(&external.public, &info, label, length, &mut rng(77))
        .unwrap();
    let mut forgery = Forgery::new(known, Vec::new());
    forgery.sender = Sender::NewMemberCommit;
    let mut list = vec![Proposal::ExternalInit(kem_output.into())];
    list.extend(others);
    forgery = forgery.listing(list);
    forgery.place = hazmat::reserve(&mut forgery.tree).unwrap();
    forgery.leaf_place = forgery.place;
    forgery.leaf = LeafNodeContent {
        source: LeafNodeSource::Commit(Vec::new().into()),
        ..joiner
    };
    forgery.leaf_key = joiner_key.clone();
    forgery.signing_key = joiner_key.clone();
    forgery.init_secret = init_secret;
    forgery
}

fn kem_key(crypto: &dyn Crypto, rng: &mut ChaCha20Rng) -> Vec<u8> {
    let ikm = random_secret(rng, crypto.hash_length());
    crypto.derive_kem_key_pair(&ikm).unwrap().public
}

/// A leaf signed by this key; at this place, where it says that it stands in a group.
pub fn leaf(
    crypto: &dyn Crypto,
    content: LeafNodeContent,
    private: &Secret,
    place: Option<(&GroupId, LeafIndex)>,
) -> LeafNode {
    let mut bytes = hazmat::to_bytes(&content);
    if let (Some((group, leaf)), false) = (
        place,
        matches!(content.source, LeafNodeSource::KeyPackage(_)),
    ) {
        bytes.extend(hazmat::to_bytes(group));
        bytes.extend(hazmat::to_bytes(&leaf));
    }
    let signature = sign_with_label(crypto, private, "LeafNodeTBS", &bytes).unwrap();
    LeafNode {
        content,
        signature: signature.into(),
    }
}

/// A KeyPackage whose leaf and rest are signed again by this key.
pub fn key_package(
    crypto: &dyn Crypto,
    mut content: KeyPackageContent,
    private: &Secret,
) -> KeyPackage {
    content.leaf_node = leaf(crypto, content.leaf_node.content, private, None);
    let bytes = hazmat::to_bytes(&content);
    let signature = sign_with_label(crypto, private, "KeyPackageTBS", &bytes).unwrap();
    KeyPackage {
        content,
        signature: signature.into(),
    }
}

/// A GroupInfo signed again by this key.
pub fn sign_group_info(
    crypto: &dyn Crypto,
    content: GroupInfoContent,
    private: &Secret,
) -> GroupInfo {
    let bytes = hazmat::to_bytes(&content);
    let signature = sign_with_label(crypto, private, "GroupInfoTBS", &bytes).unwrap();
    GroupInfo {
        content,
        signature: signature.into(),
    }
}

/// A node of a ratchet tree's list.
#[derive(Clone, Debug, TlsSerialize, TlsSize)]
#[repr(u8)]
enum Node {
    #[tls_codec(discriminant = 1)]
    Leaf(Box<LeafNode>),
    #[tls_codec(discriminant = 2)]
    Parent(ParentNode),
}

/// A node of a list: a leaf, a parent, or a blank.
pub type ListedNode = Option<Result<LeafNode, ParentNode>>;

/// A `ratchet_tree` of these nodes, whether they make a tree or not.
pub fn node_list(nodes: Vec<ListedNode>) -> Vec<u8> {
    let node =
        |node: Result<_, _>| node.map_or_else(Node::Parent, |leaf| Node::Leaf(Box::new(leaf)));
    let nodes: Vec<_> = nodes.into_iter().map(|one| one.map(node)).collect();
    hazmat::to_bytes(&nodes)
}

/// A Welcome for one client, with what was opened and changed sealed again.
pub fn reseal(crypto: &dyn Crypto, opened: &OpenedWelcome, invitee: &KeyPackage) -> MlsMessage {
    let info = opened.seal_group_info(crypto, &hazmat::to_bytes(&opened.group_info));
    let info = info.unwrap();
    let secrets = hazmat::to_bytes(&opened.group_secrets);
    let init_key = invitee.content.init_key.as_slice();
    let sealed = encrypt_with_label(crypto, init_key, "Welcome", &info, &secrets, &mut rng(78));
    let entry = folkmoot_mls::EncryptedGroupSecrets {
        new_member: invitee.reference(crypto),
        encrypted_group_secrets: sealed.unwrap(),
    };
    let welcome = Welcome {
        cipher_suite: crypto.suite(),
        secrets: vec![entry],
        encrypted_group_info: info.into(),
    };
    folkmoot_mls::MessageBody::Welcome(welcome).into()
}

//! The engine's parts without its checks, for those who attack it: simulators, fuzzers, conformance
//! tools.
//!
//! Nothing here verifies anything, and what it makes may break any rule of RFC 9420. A client has no
//! use for it: it goes through [`crate::Group`].
//!
//! An attacker starts from the [`Knowledge`] of a member, changes a [`RatchetTree`] and the content
//! as it likes, makes [`Signed`] content of it by whatever key, lets the key schedule run by
//! [`Knowledge::claim`], and frames the result with whatever tag and key. Leaves, KeyPackages and
//! A GroupInfo needs no more than [`crate::sign_with_label`].

use crate::framing::{
    AuthenticatedContent, ContentAuth, ContentType, FramedContent, MessageBody, MlsMessage,
    Padding, PrivateMessage, PublicMessage, SealKey, Sender, SenderData, WireFormat,
};
use crate::group::hazmat::{Succeeding, succeed};
use crate::records::{NoRecords, Records};
use crate::schedule::{
    EpochSecrets, JoinerSecret, KeyAndNonce, RatchetKind, SecretTree, SkipBounds, psk_secret,
    welcome_key_and_nonce,
};
use crate::tree::{Leaf, LeafIndex, Node, NodeIndex, ParentNode, RatchetTree};
use crate::wire::{
    GroupContext, GroupInfo, GroupSecrets, KeyPackage, LeafNode, PreSharedKeyId, Proposal,
    ProposalRef, Welcome, decode, encode,
};
use crate::{Error, Group, OwnKeyPackage};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};
use std::sync::Arc;
use tls_codec::VLBytes;

/// Pre-shared keys with the names under which a commit mixes them in.
pub type Psks = Vec<(PreSharedKeyId, Secret)>;

/// All that a member knows of an epoch, to do with as it likes.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// The group's suite.
    pub crypto: &'static dyn Crypto,
    /// What all members agree on.
    pub context: GroupContext,
    /// The transcript so far (RFC 9420 §8.2).
    pub interim_transcript_hash: Vec<u8>,
    /// The tag of the commit that began the epoch.
    pub confirmation_tag: Vec<u8>,
    /// The ratchet tree.
    pub tree: RatchetTree,
    /// The member's place.
    pub own: LeafIndex,
    /// The member's signature keys.
    pub signature: SignatureKeyPair,
    /// Private keys of the tree that the member holds.
    pub private: Vec<(NodeIndex, Secret)>,
    /// Tags each PublicMessage.
    pub membership_key: Secret,
    /// Seals the sender data of each PrivateMessage.
    pub sender_data_secret: Secret,
    /// Confirms the epoch.
    pub confirmation_key: Secret,
    /// Goes into the next epoch.
    pub init_secret: Secret,
    /// The key pair that external joiners seal to follows from it.
    pub external_secret: Secret,
    /// Serves later epochs and other groups.
    pub resumption_psk: Secret,
    messages: SecretTree,
}

/// A message's key and nonce, before the reuse guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageKey {
    /// The key.
    pub key: Secret,
    /// The nonce.
    pub nonce: Secret,
}

/// What a PrivateMessage says of its sender, and under which key it does.
#[derive(Clone, Debug)]
pub struct Seal<'a> {
    /// Seals the content.
    pub keys: MessageKey,
    /// Who is said to have sent it.
    pub leaf_index: LeafIndex,
    /// The generation that the key is said to be of.
    pub generation: u32,
    /// Changes the nonce.
    pub reuse_guard: [u8; 4],
    /// Seals the sender data.
    pub sender_data_secret: &'a Secret,
}

/// The epoch that a commit claims to lead to.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The tree to come.
    pub tree: RatchetTree,
    /// The context to come; its transcript hash is replaced by the commit's.
    pub context: GroupContext,
    /// The last epoch's, or an external joiner's.
    pub init_secret: Secret,
    /// What is above the path.
    pub commit_secret: Secret,
    /// The keys to mix in.
    pub psks: Psks,
}

/// A claimed epoch, its key schedule run.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What its members would know, but for keys of their own.
    pub knowledge: Knowledge,
    /// For the commit.
    pub confirmation_tag: Vec<u8>,
    /// For a Welcome.
    pub joiner_secret: Secret,
    /// Of the claim's pre-shared keys.
    pub psk_secret: Secret,
}

impl Knowledge {
    /// What the member who holds `group` knows of its current epoch.
    pub fn of(group: &Group, records: &dyn Records) -> Result<Self, Error> {
        let (crypto, state) = group.hazmat();
        // All of it in memory, and to be changed without asking the records.
        let tree = state.public.tree.to_extension(records)?;
        Ok(Self {
            tree: tree_from_extension(&tree)?,
            ..Self::new(crypto, state)
        })
    }

    fn new(crypto: &'static dyn Crypto, state: &crate::group::EpochState) -> Self {
        let (public, secrets) = (&state.public, state.secrets.clone());
        let private = state.private.iter();
        Self {
            crypto,
            context: public.context.clone(),
            interim_transcript_hash: public.interim_transcript_hash.clone(),
            confirmation_tag: public.confirmation_tag.clone(),
            tree: public.tree.clone(),
            own: state.own,
            signature: state.signature.clone(),
            private: private.map(|(at, key)| (at, key.clone())).collect(),
            membership_key: secrets.membership_key,
            sender_data_secret: secrets.sender_data_secret,
            confirmation_key: secrets.confirmation_key,
            init_secret: secrets.init_secret,
            external_secret: secrets.external_secret,
            resumption_psk: secrets.resumption_psk,
            messages: state.messages.clone(),
        }
    }

    /// Any member's message key, unless this member has erased what it follows from.
    pub fn message_key(
        &self,
        leaf: LeafIndex,
        content_type: ContentType,
        generation: u32,
    ) -> Result<MessageKey, Error> {
        let kind = match content_type {
            ContentType::Application => RatchetKind::Application,
            ContentType::Proposal | ContentType::Commit => RatchetKind::Handshake,
        };
        let bounds = SkipBounds {
            skip: u32::MAX,
            kept: usize::MAX,
        };
        let id = (leaf, kind);
        let (keys, _) = self.messages.key_for(self.crypto, id, generation, bounds)?;
        let KeyAndNonce { key, nonce } = keys;
        Ok(MessageKey { key, nonce })
    }

    /// Runs the key schedule for the epoch that `commit` claims to lead to (RFC 9420 §8).
    pub fn claim(&self, claim: Claim, commit: &Signed) -> Claimed {
        let succeeding = Succeeding {
            interim_transcript_hash: &self.interim_transcript_hash,
            signature: self.signature.clone(),
            own: self.own,
            claim,
        };
        let succeeded = succeed(self.crypto, succeeding, &commit.clone().into());
        Claimed {
            confirmation_tag: succeeded.state.public.confirmation_tag.clone(),
            knowledge: Self::new(self.crypto, &succeeded.state),
            joiner_secret: succeeded.joiner_secret,
            psk_secret: succeeded.psk_secret,
        }
    }
}

/// Content with a signature, which may be anyone's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How it is said to travel.
    pub wire_format: WireFormat,
    /// What it says.
    pub content: FramedContent,
    /// Said to be the sender's.
    pub signature: Vec<u8>,
    /// Said to be the next epoch's.
    pub confirmation_tag: Option<Vec<u8>>,
}

impl Signed {
    /// Signs as an engine would; without a context, the signature does not cover one.
    pub fn sign(
        crypto: &dyn Crypto,
        wire_format: WireFormat,
        content: FramedContent,
        private: &Secret,
        context: Option<&GroupContext>,
    ) -> Result<Self, Error> {
        let signed = AuthenticatedContent::sign(crypto, wire_format, content, private, context)?;
        Ok(Self {
            wire_format,
            content: signed.content,
            signature: signed.auth.signature.into(),
            confirmation_tag: None,
        })
    }

    /// What somebody else signed.
    pub fn of(message: &PublicMessage) -> Self {
        let (signature, tag) = message.signature();
        Self {
            wire_format: WireFormat::PublicMessage,
            content: message.content.clone(),
            signature: signature.to_vec(),
            confirmation_tag: tag.map(<[u8]>::to_vec),
        }
    }

    /// The reference by which a commit names it (RFC 9420 §5.2).
    pub fn reference(&self, crypto: &dyn Crypto) -> ProposalRef {
        AuthenticatedContent::from(self.clone()).proposal_reference(crypto)
    }

    /// A PublicMessage with a membership tag under this key.
    pub fn tagged(self, crypto: &dyn Crypto, key: &Secret, context: &GroupContext) -> MlsMessage {
        MessageBody::Public(PublicMessage::protect(crypto, self.into(), key, context)).into()
    }

    /// A PublicMessage without a membership tag.
    pub fn untagged(self) -> MlsMessage {
        MessageBody::Public(PublicMessage::untagged(self.into())).into()
    }

    /// What a PrivateMessage encrypts, but for the padding.
    pub fn plaintext(&self) -> Vec<u8> {
        let plaintext = PrivateMessage::plaintext(&self.clone().into(), Padding::None);
        plaintext.expose().to_vec()
    }
}

impl From<Signed> for AuthenticatedContent {
    fn from(signed: Signed) -> Self {
        Self {
            wire_format: signed.wire_format,
            content: signed.content,
            auth: ContentAuth {
                signature: signed.signature.into(),
                confirmation_tag: signed.confirmation_tag.map(VLBytes::from),
            },
        }
    }
}

/// A PrivateMessage of any plaintext under the headers of `content`.
pub fn seal(
    crypto: &dyn Crypto,
    content: &FramedContent,
    plaintext: &[u8],
    seal: Seal<'_>,
) -> Result<MlsMessage, Error> {
    let MessageKey { key, nonce } = seal.keys;
    let key = SealKey {
        keys: KeyAndNonce { key, nonce },
        sender: SenderData {
            leaf_index: seal.leaf_index,
            generation: seal.generation,
            reuse_guard: seal.reuse_guard,
        },
        sender_data_secret: seal.sender_data_secret,
        padding: Padding::None,
    };
    let message = PrivateMessage::seal(crypto, content, &Secret::from(plaintext), &key)?;
    Ok(MessageBody::Private(message).into())
}

/// The sender, generation and reuse guard of a PrivateMessage.
pub fn sender_data(
    crypto: &dyn Crypto,
    message: &PrivateMessage,
    sender_data_secret: &Secret,
) -> Result<(LeafIndex, u32, [u8; 4]), Error> {
    let sender = message.open_sender_data(crypto, sender_data_secret)?;
    Ok((sender.leaf_index, sender.generation, sender.reuse_guard))
}

/// Applies proposals in RFC 9420 §12.3's order, whatever they say; gives where the added stand.
pub fn apply_proposals(
    tree: &mut RatchetTree,
    list: &[(Sender, Proposal)],
) -> Result<Vec<(LeafIndex, KeyPackage)>, Error> {
    for (sender, proposal) in list {
        if let (Sender::Member(leaf), Proposal::Update(node)) = (sender, proposal) {
            tree.update(*leaf, unnamed(LeafNode::clone(node)), &NoRecords)?;
        }
    }
    for (sender, proposal) in list {
        let leaf = match (sender, proposal) {
            (_, Proposal::Remove(leaf)) | (Sender::Member(leaf), Proposal::SelfRemove) => *leaf,
            _ => continue,
        };
        if tree.leaf(leaf, &NoRecords)?.is_some() {
            tree.remove(leaf, &NoRecords)?;
        }
    }
    tree.truncate(&NoRecords)?;
    let added = list.iter().filter_map(|(_, proposal)| match proposal {
        Proposal::Add(package) => Some(KeyPackage::clone(package)),
        _ => None,
    });
    let leaves = added
        .clone()
        .map(|package| unnamed(package.content.leaf_node));
    let places = tree.add_all(leaves, &NoRecords)?;
    Ok(places.into_iter().zip(added).collect())
}

/// The leftmost blank leaf, if need be of a tree that has doubled.
pub fn reserve(tree: &mut RatchetTree) -> Result<LeafIndex, Error> {
    tree.reserve(&NoRecords)
}

/// Puts a leaf, or a blank, at a place inside the tree.
pub fn set_leaf(
    tree: &mut RatchetTree,
    place: LeafIndex,
    leaf: Option<LeafNode>,
) -> Result<(), Error> {
    let node = leaf.map(|leaf| Node::Leaf(unnamed(leaf)));
    tree.set(place.into(), node, &NoRecords)
}

/// Puts a parent, or a blank, at a place inside the tree.
pub fn set_parent(
    tree: &mut RatchetTree,
    index: NodeIndex,
    parent: Option<ParentNode>,
) -> Result<(), Error> {
    let node = parent.map(|node| Node::Parent(Arc::new(node)));
    tree.set(index, node, &NoRecords)
}

/// The filtered direct path from the bottom up, each node with its child on the copath (RFC 9420
/// §4.1.2).
pub fn filtered_direct_path(
    tree: &RatchetTree,
    place: LeafIndex,
) -> Result<Vec<(NodeIndex, NodeIndex)>, Error> {
    tree.filtered_direct_path(place, &NoRecords)
}

/// The nodes that hold all members below `index` (RFC 9420 §4.1.1).
pub fn resolution(tree: &RatchetTree, index: NodeIndex) -> Result<Vec<NodeIndex>, Error> {
    tree.resolution(index, &NoRecords)
}

/// Replaces the filtered direct path by these public keys, and gives the leaf's parent hash.
pub fn set_path(
    tree: &mut RatchetTree,
    crypto: &dyn Crypto,
    place: LeafIndex,
    keys: Vec<Vec<u8>>,
) -> Result<Vec<u8>, Error> {
    let path = tree.filtered_direct_path(place, &NoRecords)?;
    let keys = keys.into_iter().map(VLBytes::from);
    tree.set_path(crypto, place, &path, keys, &NoRecords)
}

/// A tree from a node list whose shape is right; its content is not verified.
pub fn tree_from_extension(bytes: &[u8]) -> Result<RatchetTree, Error> {
    RatchetTree::from_extension(bytes)
}

/// Whether a leaf is some client is for those to say who are attacked.
fn unnamed(leaf: LeafNode) -> Leaf {
    Leaf::new(leaf, None)
}

/// What a Welcome holds for one of its new members.
#[derive(Clone, Debug)]
pub struct OpenedWelcome {
    /// For this member.
    pub group_secrets: GroupSecrets,
    /// For all.
    pub group_info: GroupInfo,
    /// Of the pre-shared keys that were given.
    pub psk_secret: Secret,
}

impl OpenedWelcome {
    /// Opens a Welcome; whoever made it knows as much.
    pub fn open(
        crypto: &dyn Crypto,
        welcome: &Welcome,
        own: OwnKeyPackage<'_>,
        psks: &Psks,
    ) -> Result<Self, Error> {
        let group_secrets = crate::group::hazmat::open_group_secrets(crypto, welcome, own)?;
        let psk_secret = psk_secret(crypto, psks);
        let joiner_secret = JoinerSecret(group_secrets.joiner_secret.clone());
        let group_info =
            crate::group::hazmat::open_group_info(crypto, welcome, &joiner_secret, &psk_secret)?;
        Ok(Self {
            group_secrets,
            group_info,
            psk_secret,
        })
    }

    /// The confirmation tag of the epoch that the secrets and the GroupInfo's context make.
    pub fn confirmation_tag(&self, crypto: &dyn Crypto) -> Vec<u8> {
        let context = &self.group_info.content.group_context;
        self.secrets(crypto)
            .confirmation_tag(crypto, context.confirmed_transcript_hash.as_slice())
    }

    fn secrets(&self, crypto: &dyn Crypto) -> EpochSecrets {
        let context = &self.group_info.content.group_context;
        let joiner_secret = JoinerSecret(self.group_secrets.joiner_secret.clone());
        joiner_secret.epoch_secrets(crypto, &self.psk_secret, context)
    }

    /// Seals a GroupInfo, or whatever these bytes are, under the key that follows from the secrets.
    pub fn seal_group_info(&self, crypto: &dyn Crypto, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let joiner_secret = JoinerSecret(self.group_secrets.joiner_secret.clone());
        let welcome_secret = joiner_secret.welcome_secret(crypto, &self.psk_secret);
        let (key, nonce) = welcome_key_and_nonce(crypto, &welcome_secret);
        crypto
            .aead_seal(&key, nonce.expose(), b"", bytes)
            .map_err(crate::error::own_keys)
    }
}

/// Encodes any structure of RFC 9420.
pub fn to_bytes<T: tls_codec::Serialize>(value: &T) -> Vec<u8> {
    encode(value)
}

/// Decodes exactly one structure of RFC 9420.
pub fn from_bytes<T: tls_codec::DeserializeBytes>(bytes: &[u8]) -> Result<T, Error> {
    Ok(decode(bytes)?)
}

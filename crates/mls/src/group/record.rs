//! The records of a group: their keys and their encoding.
//!
//! One record per node, per private key, per ratchet, so that a change costs what it touches.

use super::delta::{Delta, RecordKey};
use super::epoch::PastEpoch;
use super::proposals::CachedProposal;
use super::public::PublicState;
use super::{EpochState, PendingCommit};
use crate::error::StateError;
use crate::schedule::{EpochSecrets, RatchetId, RatchetKind, RatchetStep, SecretTree};
use crate::tree::{LeafIndex, Node, NodeIndex, RatchetTree};
use crate::wire::{Epoch, GroupContext, LeafNode, ReInit, encode};
use folkmoot_crypto::{Secret, SignatureKeyPair};
use tls_codec::{Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// The kind of a record: the first byte of its key.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    /// The current epoch but for its tree and keys.
    Epoch = b'E',
    /// A node of the tree, by index.
    Node = b'N',
    /// A private key of the tree, by index.
    PrivateKey = b'K',
    /// A node of a secret tree, by epoch and index.
    SecretNode = b'S',
    /// A ratchet, by epoch, leaf and kind.
    Ratchet = b'R',
    /// A skipped message key, by epoch, leaf, kind and generation.
    Skipped = b'M',
    /// A past epoch, by number.
    Past = b'A',
    /// A leaf as it was in a past epoch before the next one changed it, by epoch and leaf.
    PastLeaf = b'U',
    /// A proposal, by order of arrival.
    Proposal = b'P',
    /// The pending commit.
    Pending = b'C',
    /// The resumption key of a past epoch, by number.
    Resumption = b'Q',
    /// An observer's view of the current epoch but for its tree.
    Public = b'O',
    /// The GroupInfo that an observer keeps for joiners.
    GroupInfo = b'G',
}

impl Kind {
    pub(super) fn key(self, parts: &[&[u8]]) -> RecordKey {
        let mut key = vec![self as u8];
        key.extend(parts.concat());
        RecordKey(key)
    }

    pub(super) fn of_epoch(self, epoch: Epoch) -> RecordKey {
        self.key(&[&epoch.0.to_be_bytes()])
    }
}

/// The version of all records that this module writes.
pub(super) const VERSION: u8 = 1;

/// The public part of an epoch but for its tree.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct PublicRecord {
    pub(super) version: u8,
    pub(super) context: GroupContext,
    pub(super) interim_transcript_hash: VLBytes,
    pub(super) confirmation_tag: VLBytes,
    pub(super) height: u8,
    pub(super) reinit: Option<ReInit>,
}

/// The current epoch but for its tree and keys.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct EpochRecord {
    pub(super) public: PublicRecord,
    pub(super) secrets: EpochSecrets,
    pub(super) own: LeafIndex,
    pub(super) signature: SignatureKeyPair,
    pub(super) active: u8,
}

/// What a past epoch needs beside its leaves and ratchets.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct PastRecord {
    pub(super) context: GroupContext,
    pub(super) sender_data_secret: Secret,
}

/// The pending commit and the epoch that it leads to, as changes of the current one.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct PendingRecord {
    pub(super) message: VLBytes,
    pub(super) epoch: EpochRecord,
    pub(super) nodes: Vec<NodeChange>,
    pub(super) private: Vec<PrivateKeyRecord>,
    pub(super) encryption_secret: Secret,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct NodeChange {
    pub(super) index: NodeIndex,
    pub(super) node: Option<Node>,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct PrivateKeyRecord {
    pub(super) index: NodeIndex,
    pub(super) private: Secret,
}

impl From<&PublicState> for PublicRecord {
    fn from(state: &PublicState) -> Self {
        Self {
            version: VERSION,
            context: state.context.clone(),
            interim_transcript_hash: state.interim_transcript_hash.as_slice().into(),
            confirmation_tag: state.confirmation_tag.as_slice().into(),
            height: state.tree.height(),
            reinit: state.reinit.clone(),
        }
    }
}

impl EpochRecord {
    pub(super) fn of(state: &EpochState, active: bool) -> Self {
        Self {
            public: (&state.public).into(),
            secrets: state.secrets.clone(),
            own: state.own,
            signature: state.signature.clone(),
            active: active.into(),
        }
    }
}

impl Delta {
    /// All records of a group that begins.
    pub(super) fn of_new_group(state: &EpochState) -> Self {
        let mut delta = Self::default();
        // Nothing of an earlier membership may mix with this one.
        delta.erase_all(RecordKey(Vec::new()));
        delta.put_epoch(state, true);
        delta.put_nodes(&state.public.tree, &RatchetTree::empty());
        for (index, private) in state.private.iter() {
            delta.put(private_key(index), encode(private));
        }
        delta.put_secret_tree(state.public.context.epoch, &state.messages);
        delta
    }

    pub(super) fn put_epoch(&mut self, state: &EpochState, active: bool) {
        self.put(
            Kind::Epoch.key(&[]),
            encode(&EpochRecord::of(state, active)),
        );
    }

    /// An observer's epoch, in place of one with the tree `before`.
    pub(super) fn put_public(&mut self, state: &PublicState, before: &RatchetTree) {
        let record = PublicRecord::from(state);
        self.put(Kind::Public.key(&[]), encode(&record));
        self.put_nodes(&state.tree, before);
    }

    /// What `tree` has that `before` had not.
    fn put_nodes(&mut self, tree: &RatchetTree, before: &RatchetTree) {
        for (index, node) in tree.changes_since(before) {
            let key = Kind::Node.key(&[&index.0.to_be_bytes()]);
            match node {
                Some(node) => self.put(key, encode(&node)),
                None => self.erase(key),
            }
        }
    }

    pub(super) fn put_resumption(&mut self, epoch: Epoch, key: &Secret) {
        self.put(Kind::Resumption.of_epoch(epoch), encode(key));
    }

    fn put_secret_tree(&mut self, epoch: Epoch, messages: &SecretTree) {
        for (index, secret) in &messages.nodes {
            self.put(secret_node(epoch, *index), encode(secret));
        }
    }

    /// The next epoch in place of `before`, whose private keys and tree were those of `state`'s past.
    pub(super) fn put_succession(&mut self, before: &EpochState, state: &EpochState) {
        self.put_epoch(state, true);
        self.put_nodes(&state.public.tree, &before.public.tree);
        for (index, private) in before.private.iter() {
            if state.private.get(index) != Some(private) {
                self.erase(private_key(index));
            }
        }
        for (index, private) in state.private.iter() {
            if before.private.get(index) != Some(private) {
                self.put(private_key(index), encode(private));
            }
        }
        self.put_secret_tree(state.public.context.epoch, &state.messages);
    }

    /// The epoch that `next` follows, as the past: its context and the leaves that changed.
    pub(super) fn put_past(&mut self, past: &PastEpoch, next: &RatchetTree) {
        let epoch = past.context.epoch;
        let record = PastRecord {
            context: past.context.clone(),
            sender_data_secret: past.sender_data_secret.clone(),
        };
        self.put(Kind::Past.of_epoch(epoch), encode(&record));
        for (index, node) in past.tree.changes_since(next) {
            let Some(leaf) = index.leaf() else { continue };
            let value: Option<LeafNode> = match node {
                Some(Node::Leaf(leaf)) => Some(LeafNode::clone(&leaf)),
                _ => None,
            };
            let parts = [&epoch.0.to_be_bytes()[..], &leaf.0.to_be_bytes()];
            self.put(Kind::PastLeaf.key(&parts), encode(&value));
        }
    }

    pub(super) fn erase_past(&mut self, epoch: Epoch) {
        for kind in [
            Kind::Past,
            Kind::PastLeaf,
            Kind::SecretNode,
            Kind::Ratchet,
            Kind::Skipped,
        ] {
            self.erase_all(kind.of_epoch(epoch));
        }
    }

    pub(super) fn put_step(&mut self, epoch: Epoch, step: &RatchetStep) {
        for index in &step.nodes_erased {
            self.erase(secret_node(epoch, *index));
        }
        for (index, secret) in &step.nodes_made {
            self.put(secret_node(epoch, *index), encode(secret));
        }
        for (id, ratchet) in &step.ratchets {
            self.put(ratchet_key(Kind::Ratchet, epoch, *id, &[]), encode(ratchet));
        }
        for ((id, generation), keys) in &step.skipped_made {
            let generation = generation.to_be_bytes();
            self.put(
                ratchet_key(Kind::Skipped, epoch, *id, &generation),
                encode(keys),
            );
        }
        for (id, generation) in &step.skipped_erased {
            self.erase(ratchet_key(
                Kind::Skipped,
                epoch,
                *id,
                &generation.to_be_bytes(),
            ));
        }
    }

    pub(super) fn put_proposal(&mut self, place: usize, proposal: &CachedProposal) {
        let place = u32::try_from(place).expect("waiting proposals are bounded");
        self.put(
            Kind::Proposal.key(&[&place.to_be_bytes()]),
            encode(proposal),
        );
    }

    pub(super) fn put_pending(&mut self, nodes: Vec<NodeChange>, pending: &PendingCommit) {
        let next = &pending.next;
        let private = next.private.iter();
        let root = next.messages.nodes.values().next();
        let record = PendingRecord {
            message: pending.message.encode().into(),
            epoch: EpochRecord::of(next, true),
            nodes,
            private: private
                .map(|(index, private)| PrivateKeyRecord {
                    index,
                    private: private.clone(),
                })
                .collect(),
            encryption_secret: root.cloned().unwrap_or_default(),
        };
        self.put(Kind::Pending.key(&[]), encode(&record));
    }
}

/// What a pending commit changes in the tree; an error where one record cannot hold it.
pub(super) fn pending_nodes(
    before: &RatchetTree,
    next: &RatchetTree,
) -> Result<Vec<NodeChange>, StateError> {
    /// Leaves room for the message in the same record.
    const MAX_LENGTH: usize = 1 << 29;
    let changes = next.changes_since(before).into_iter();
    let nodes: Vec<_> = changes
        .map(|(index, node)| NodeChange { index, node })
        .collect();
    if nodes.tls_serialized_len() > MAX_LENGTH {
        return Err(StateError::TooLong);
    }
    Ok(nodes)
}

fn private_key(index: NodeIndex) -> RecordKey {
    Kind::PrivateKey.key(&[&index.0.to_be_bytes()])
}

fn secret_node(epoch: Epoch, index: NodeIndex) -> RecordKey {
    Kind::SecretNode.key(&[&epoch.0.to_be_bytes(), &index.0.to_be_bytes()])
}

fn ratchet_key(kind: Kind, epoch: Epoch, (leaf, ratchet): RatchetId, rest: &[u8]) -> RecordKey {
    let ratchet = [ratchet_code(ratchet)];
    kind.key(&[
        &epoch.0.to_be_bytes(),
        &leaf.0.to_be_bytes(),
        &ratchet,
        rest,
    ])
}

fn ratchet_code(kind: RatchetKind) -> u8 {
    match kind {
        RatchetKind::Handshake => 1,
        RatchetKind::Application => 2,
    }
}

/// The ratchet that a key of [`Kind::Ratchet`] or [`Kind::Skipped`] names, and what follows in it.
pub(super) fn parse_ratchet_key(key: &[u8]) -> Option<(RatchetId, &[u8])> {
    let (leaf, rest) = key.get(9..)?.split_first_chunk()?;
    let (code, rest) = rest.split_first()?;
    let kind = match code {
        1 => RatchetKind::Handshake,
        2 => RatchetKind::Application,
        _ => return None,
    };
    Some(((LeafIndex(u32::from_be_bytes(*leaf)), kind), rest))
}

/// The number at the end of a key.
pub(super) fn parse_index(key: &[u8]) -> Option<u32> {
    key.last_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The epoch that a key of [`Kind::Resumption`] names.
pub(super) fn parse_epoch(key: &[u8]) -> Option<Epoch> {
    let bytes = key.get(1..)?.first_chunk()?;
    Some(Epoch(u64::from_be_bytes(*bytes)))
}

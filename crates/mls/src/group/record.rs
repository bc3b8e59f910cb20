//! The records of a group: their keys and their encoding.
//!
//! One record per node, per private key, per ratchet, so that a change costs what it touches.

use super::epoch::PastEpoch;
use super::proposals::CachedProposal;
use super::public::PublicState;
use super::{EpochState, PendingCommit};
use crate::error::{Error, StateError};
use crate::leaf::ClientId;
use crate::records::{Delta, Kind, RecordKey};
use crate::schedule::{EpochSecrets, RatchetId, RatchetKind, RatchetStep, SecretTree};
use crate::tree::{LeafIndex, Node, NodeChange, NodeIndex, RatchetTree};
use crate::wire::{Epoch, GroupContext, ReInit, encode};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};
use std::collections::BTreeMap;
use tls_codec::{Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// The version of all records that this module writes.
pub(super) const VERSION: u8 = 4;

/// The public part of an epoch but for its tree.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct PublicRecord {
    pub(super) version: u8,
    pub(super) context: GroupContext,
    pub(super) interim_transcript_hash: VLBytes,
    pub(super) confirmation_tag: VLBytes,
    pub(super) height: u8,
    pub(super) members: u32,
    pub(super) resolution: u32,
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
    pub(super) nodes: Vec<PendingNode>,
    pub(super) private: Vec<PrivateKeyRecord>,
    pub(super) encryption_secret: Secret,
    pub(super) application_export_secret: Secret,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct PendingNode {
    index: NodeIndex,
    node: Option<Node>,
    client: Option<VLBytes>,
}

impl From<NodeChange> for PendingNode {
    fn from(change: NodeChange) -> Self {
        let client = match &change.after {
            Some(Node::Leaf(leaf)) => leaf.client.as_ref(),
            _ => None,
        };
        Self {
            index: change.index,
            client: client.map(|client| client.as_slice().into()),
            node: change.after,
        }
    }
}

impl PendingNode {
    pub(super) fn into_node(self) -> (NodeIndex, Option<Node>) {
        let mut node = self.node;
        if let Some(Node::Leaf(leaf)) = &mut node {
            let client = self.client.as_ref();
            leaf.client = client.map(|name| ClientId::new(name.as_slice()));
        }
        (self.index, node)
    }
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
            members: state.tree.member_count(),
            resolution: state.tree.resolution_count(),
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
    pub(super) fn of_new_group(crypto: &dyn Crypto, state: &EpochState) -> Result<Self, Error> {
        let mut delta = Self::default();
        // Nothing of an earlier membership may mix with this one.
        delta.erase_all(RecordKey(Vec::new()));
        delta.put_epoch(state, true);
        let tree = &state.public.tree;
        tree.put(&RatchetTree::empty(), crypto, &mut delta)?;
        for (index, private) in state.private.iter() {
            delta.put(private_key(index), encode(private));
        }
        delta.put_secret_tree(state.public.context.epoch, &state.messages);
        delta.put_exports(&state.exports.nodes);
        Ok(delta)
    }

    pub(super) fn put_epoch(&mut self, state: &EpochState, active: bool) {
        self.put(
            Kind::Epoch.key(&[]),
            encode(&EpochRecord::of(state, active)),
        );
    }

    /// An observer's epoch, in place of one with the tree `before`.
    pub(super) fn put_public(
        &mut self,
        crypto: &dyn Crypto,
        state: &PublicState,
        before: &RatchetTree,
    ) -> Result<(), Error> {
        let record = PublicRecord::from(state);
        self.put(Kind::Public.key(&[]), encode(&record));
        state.tree.put(before, crypto, self)?;
        Ok(())
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
    /// Gives what changed in the tree.
    pub(super) fn put_succession(
        &mut self,
        crypto: &dyn Crypto,
        before: &EpochState,
        state: &EpochState,
    ) -> Result<Vec<NodeChange>, Error> {
        self.put_epoch(state, true);
        let changes = state.public.tree.put(&before.public.tree, crypto, self)?;
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
        self.erase_all(Kind::ExporterNode.key(&[]));
        self.put_exports(&state.exports.nodes);
        Ok(changes)
    }

    /// Secrets from which components' own ones come.
    pub(super) fn put_exports<'a>(
        &mut self,
        nodes: impl IntoIterator<Item = (&'a NodeIndex, &'a Secret)>,
    ) {
        for (index, secret) in nodes {
            self.put(exporter_node(*index), encode(secret));
        }
    }

    /// An epoch that is past: its context and the leaves that the next one changed.
    pub(super) fn put_past(&mut self, past: &PastEpoch) {
        let epoch = past.context.epoch;
        let record = PastRecord {
            context: past.context.clone(),
            sender_data_secret: past.sender_data_secret.clone(),
        };
        self.put(Kind::Past.of_epoch(epoch), encode(&record));
        for (place, leaf) in &past.leaves {
            let parts = [&epoch.0.to_be_bytes()[..], &place.0.to_be_bytes()];
            let leaf = leaf.as_deref().cloned();
            self.put(Kind::PastLeaf.key(&parts), encode(&leaf));
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

    pub(super) fn put_pending(&mut self, nodes: Vec<PendingNode>, pending: &PendingCommit) {
        let next = &pending.next;
        let private = next.private.iter();
        let root = |nodes: &BTreeMap<NodeIndex, Secret>| nodes.values().next().cloned();
        let (messages, exports) = (&next.messages.nodes, &next.exports.nodes);
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
            encryption_secret: root(messages).unwrap_or_default(),
            application_export_secret: root(exports).unwrap_or_default(),
        };
        self.put(Kind::Pending.key(&[]), encode(&record));
    }
}

/// What a pending commit changes in the tree; an error where one record cannot hold it.
pub(super) fn pending_nodes(
    before: &RatchetTree,
    next: &RatchetTree,
) -> Result<Vec<PendingNode>, Error> {
    /// Leaves room for the message in the same record.
    const MAX_LENGTH: usize = 1 << 29;
    let changes = next.changes_since(before)?.into_iter();
    let nodes: Vec<_> = changes.map(PendingNode::from).collect();
    if nodes.tls_serialized_len() > MAX_LENGTH {
        return Err(StateError::TooLong.into());
    }
    Ok(nodes)
}

fn private_key(index: NodeIndex) -> RecordKey {
    Kind::PrivateKey.key(&[&index.0.to_be_bytes()])
}

pub(super) fn exporter_node(index: NodeIndex) -> RecordKey {
    Kind::ExporterNode.key(&[&index.0.to_be_bytes()])
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

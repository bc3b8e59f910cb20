//! A group restored from its records.

use super::epoch::{EpochState, PastEpoch};
use super::proposals::CachedProposal;
use super::public::PublicState;
use super::record::{
    EpochRecord, PastRecord, PendingRecord, PublicRecord, VERSION, parse_epoch, parse_index,
    parse_ratchet_key,
};
use super::waiting::Waiting;
use super::{Group, PendingCommit, Settings};
use crate::error::{Error, damaged};
use crate::framing::MlsMessage;
use crate::records::{Kind, RecordKey, Records};
use crate::schedule::{ExporterTree, KeyAndNonce, RatchetState, Reservation, SecretTree};
use crate::tree::{LeafIndex, Node, NodeIndex, PrivateKeys, RatchetTree};
use crate::wire::{Epoch, GroupInfo, LeafNode, decode};
use folkmoot_crypto::{Crypto, Secret};
use std::collections::VecDeque;
use std::sync::Arc;
use tls_codec::DeserializeBytes;

impl Group {
    /// Restores a group from what its deltas wrote. Of the tree nothing is read: calls that need more
    /// of it read it from the records that they are given.
    pub fn load(
        crypto: &'static dyn Crypto,
        records: &dyn Records,
        settings: Settings,
    ) -> Result<Self, Error> {
        let record: EpochRecord =
            get(records, &Kind::Epoch.key(&[]))?.ok_or_else(|| damaged("the epoch is missing"))?;
        check_record(crypto, &record.public)?;
        let active = record.active == 1;
        let tree = load_tree(records, &record.public)?;
        let private = scan_indexed(records, Kind::PrivateKey)?
            .into_iter()
            .collect();
        let messages = load_secret_tree(records, record.public.context.epoch)?;
        let exports = ExporterTree {
            nodes: scan_indexed(records, Kind::ExporterNode)?
                .into_iter()
                .collect(),
        };
        let epoch = restore(record, tree, private, (messages, exports));
        let past = load_past(records)?;
        let proposals = load_proposals(records)?;
        let resumption = scan::<Secret>(records, &Kind::Resumption.key(&[]))?
            .into_iter()
            .map(|(key, secret)| {
                let epoch = parse_epoch(&key.0).ok_or_else(|| damaged("a resumption key's key"))?;
                Ok((epoch, secret))
            })
            .collect::<Result<_, Error>>()?;
        let pending = match get::<PendingRecord>(records, &Kind::Pending.key(&[]))? {
            Some(pending) => Some(restore_pending(pending, &epoch.public.tree, records)?),
            None => None,
        };
        Ok(Self {
            crypto,
            settings,
            epoch,
            past,
            proposals,
            resumption,
            pending,
            active,
            revision: super::Revision::default(),
        })
    }
}

/// The records are of a version that this engine reads, and of this suite.
fn check_record(crypto: &dyn Crypto, record: &PublicRecord) -> Result<(), Error> {
    if record.version != VERSION {
        return Err(damaged("the records are of another version"));
    }
    if record.context.cipher_suite != crypto.suite() {
        return Err(crate::StateError::UnknownSuite.into());
    }
    Ok(())
}

/// An observer's epoch, the proposals that wait, and the GroupInfo for joiners.
pub(super) fn load_observer(
    crypto: &dyn Crypto,
    records: &dyn Records,
) -> Result<(PublicState, Waiting, Option<GroupInfo>), Error> {
    let record: PublicRecord =
        get(records, &Kind::Public.key(&[]))?.ok_or_else(|| damaged("the epoch is missing"))?;
    check_record(crypto, &record)?;
    let tree = load_tree(records, &record)?;
    let group_info = get(records, &Kind::GroupInfo.key(&[]))?;
    Ok((public(record, tree), load_proposals(records)?, group_info))
}

fn load_tree(records: &dyn Records, record: &PublicRecord) -> Result<RatchetTree, Error> {
    let tree_hash = record.context.tree_hash.as_slice();
    let counts = (record.members, record.resolution);
    RatchetTree::load(record.height, counts, tree_hash, records)
}

fn load_proposals(records: &dyn Records) -> Result<Waiting, Error> {
    let stored = scan::<CachedProposal>(records, &Kind::Proposal.key(&[]))?.into_iter();
    Ok(stored.map(|(_, value)| value).collect())
}

fn public(record: PublicRecord, tree: RatchetTree) -> PublicState {
    PublicState {
        context: record.context,
        interim_transcript_hash: record.interim_transcript_hash.into(),
        confirmation_tag: record.confirmation_tag.into(),
        tree,
        reinit: record.reinit,
    }
}

fn restore(
    record: EpochRecord,
    tree: RatchetTree,
    private: PrivateKeys,
    (messages, exports): (SecretTree, ExporterTree),
) -> EpochState {
    EpochState {
        public: public(record.public, tree),
        secrets: record.secrets,
        own: record.own,
        private,
        signature: record.signature,
        messages,
        exports,
        reserved: Reservation::default(),
    }
}

fn restore_pending(
    record: PendingRecord,
    current: &RatchetTree,
    records: &dyn Records,
) -> Result<PendingCommit, Error> {
    let mut tree = current.clone();
    tree.resize(record.epoch.public.height, records)?;
    for change in record.nodes {
        let (index, node) = change.into_node();
        let is_in_place = match &node {
            // Where a tree has shrunk.
            None => true,
            Some(Node::Leaf(_)) => tree.contains(index) && index.leaf().is_some(),
            Some(Node::Parent(_)) => tree.contains(index) && index.leaf().is_none(),
        };
        if !is_in_place {
            return Err(damaged("a node of the pending tree is out of place"));
        }
        tree.set(index, node, records)?;
    }
    let private = record
        .private
        .into_iter()
        .map(|key| (key.index, key.private))
        .collect();
    let messages = SecretTree::new(record.encryption_secret, record.epoch.public.height);
    let exports = ExporterTree::new(record.application_export_secret);
    let next = Box::new(restore(record.epoch, tree, private, (messages, exports)));
    let message = MlsMessage::decode(record.message.as_slice())?;
    Ok(PendingCommit { message, next })
}

/// Past epochs, the newest last.
fn load_past(records: &dyn Records) -> Result<VecDeque<PastEpoch>, Error> {
    let stored = scan::<PastRecord>(records, &Kind::Past.key(&[]))?.into_iter();
    let past = stored.map(|(_, record)| {
        let epoch = record.context.epoch;
        let leaves = scan::<Option<LeafNode>>(records, &Kind::PastLeaf.of_epoch(epoch))?;
        let leaves = leaves.into_iter().map(|(key, leaf)| {
            let place = parse_index(&key.0).ok_or_else(|| damaged("a past leaf's key"))?;
            Ok((LeafIndex(place), leaf.map(Arc::new)))
        });
        Ok(PastEpoch {
            context: record.context,
            sender_data_secret: record.sender_data_secret,
            leaves: leaves.collect::<Result<_, Error>>()?,
            messages: load_secret_tree(records, epoch)?,
        })
    });
    past.collect()
}

fn load_secret_tree(records: &dyn Records, epoch: Epoch) -> Result<SecretTree, Error> {
    let mut messages = SecretTree::default();
    for (key, secret) in scan::<Secret>(records, &Kind::SecretNode.of_epoch(epoch))? {
        let index = parse_index(&key.0).ok_or_else(|| damaged("a secret node's key"))?;
        messages.nodes.insert(NodeIndex(index), secret);
    }
    for (key, ratchet) in scan::<RatchetState>(records, &Kind::Ratchet.of_epoch(epoch))? {
        let (id, _) = parse_ratchet_key(&key.0).ok_or_else(|| damaged("a ratchet's key"))?;
        messages.ratchets.insert(id, ratchet);
    }
    for (key, keys) in scan::<KeyAndNonce>(records, &Kind::Skipped.of_epoch(epoch))? {
        let parsed =
            parse_ratchet_key(&key.0).and_then(|(id, rest)| Some((id, parse_index(rest)?)));
        messages
            .skipped
            .insert(parsed.ok_or_else(|| damaged("a skipped key's key"))?, keys);
    }
    Ok(messages)
}

fn get<T: DeserializeBytes>(records: &dyn Records, key: &RecordKey) -> Result<Option<T>, Error> {
    records
        .get(key)?
        .map(|value| decode_record(&value))
        .transpose()
}

fn scan<T: DeserializeBytes>(
    records: &dyn Records,
    prefix: &RecordKey,
) -> Result<Vec<(RecordKey, T)>, Error> {
    let found = records.scan(&prefix.0)?.into_iter();
    found
        .map(|(key, value)| Ok((key, decode_record(&value)?)))
        .collect()
}

fn scan_indexed<T: DeserializeBytes>(
    records: &dyn Records,
    kind: Kind,
) -> Result<Vec<(NodeIndex, T)>, Error> {
    let found = scan(records, &kind.key(&[]))?.into_iter();
    found
        .map(|(key, value)| {
            let index = parse_index(&key.0).ok_or_else(|| damaged("an index in a key"))?;
            Ok((NodeIndex(index), value))
        })
        .collect()
}

/// Bytes that were written by this engine and do not decode are the store's fault.
fn decode_record<T: DeserializeBytes>(value: &Secret) -> Result<T, Error> {
    decode(value.expose()).map_err(|error| damaged(&error.to_string()))
}

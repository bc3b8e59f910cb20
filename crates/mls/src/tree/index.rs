//! What must be known of all members at once: which keys and clients are in use, what everyone
//! supports.

use super::{Node, NodeChange};
use crate::check::Check;
use crate::error::{DecodeError, Error, damaged};
use crate::leaf::ClientId;
use crate::records::{Delta, Kind, RecordKey, Records};
use crate::wire::{
    CredentialType, ExtensionType, Extensions, LeafNode, ProposalType, decode, encode,
};
use imbl::HashMap;
use std::collections::{BTreeSet, HashSet};
use tls_codec::{DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Counts over all nodes, kept by every change of the tree; shared structure, cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeIndex {
    /// Whether a name that is not among `known` may be in the records.
    stored: bool,
    /// How often each key and client stands in the tree, by the key of its record.
    known: HashMap<RecordKey, u32>,
    support: Support,
}

/// How many members there are, and how many of them support what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Support {
    members: u32,
    extensions: HashMap<ExtensionType, u32>,
    proposals: HashMap<ProposalType, u32>,
    credential_types: HashMap<CredentialType, u32>,
    /// Members whose credential is of the type.
    shown_credential_types: HashMap<CredentialType, u32>,
}

impl TreeIndex {
    /// Of the tree that is in the records.
    pub(super) fn load(records: &dyn Records) -> Result<Self, Error> {
        let stored = records.get(&Kind::Support.key(&[]))?;
        let stored = stored.ok_or_else(|| damaged("what members support is missing"))?;
        let record: SupportRecord =
            decode(stored.expose()).map_err(|error| damaged(&error.to_string()))?;
        Ok(Self {
            stored: true,
            known: HashMap::new(),
            support: record.into(),
        })
    }

    pub(super) fn replace(
        &mut self,
        before: Option<&Node>,
        after: Option<&Node>,
        records: &dyn Records,
    ) -> Result<(), Error> {
        // Counting up first keeps an entry that stays from being dropped and made anew.
        after.map_or(Ok(()), |node| self.count(node, 1, records))?;
        before.map_or(Ok(()), |node| self.count(node, -1, records))
    }

    fn count(&mut self, node: &Node, by: i32, records: &dyn Records) -> Result<(), Error> {
        for name in names(node) {
            let uses = self.uses(&name, records)?.saturating_add_signed(by);
            if uses == 0 && !self.stored {
                self.known.remove(&name);
            } else {
                self.known.insert(name, uses);
            }
        }
        if let Node::Leaf(leaf) = node {
            self.support.count(&leaf.node, by);
        }
        Ok(())
    }

    fn uses(&self, name: &RecordKey, records: &dyn Records) -> Result<u32, Error> {
        match self.known.get(name) {
            Some(uses) => Ok(*uses),
            None if self.stored => {
                let stored = records.get(name)?;
                stored.map_or(Ok(0), |uses| {
                    decode(uses.expose()).map_err(|error| damaged(&error.to_string()))
                })
            }
            None => Ok(0),
        }
    }

    pub(super) fn encryption_key_uses(
        &self,
        key: &[u8],
        records: &dyn Records,
    ) -> Result<u32, Error> {
        self.uses(&Kind::EncryptionKey.key(&[key]), records)
    }

    /// Whether a leaf's keys stand nowhere else (checks 27, 133).
    pub(crate) fn has_unique_keys(
        &self,
        leaf: &LeafNode,
        records: &dyn Records,
    ) -> Result<bool, Error> {
        let signature_key = signature_key_name(leaf);
        let encryption_key = leaf.content.encryption_key.as_slice();
        Ok(self.encryption_key_uses(encryption_key, records)? == 1
            && self.uses(&signature_key, records)? == 1)
    }

    /// Whether a client is among the members (check 71).
    pub(crate) fn has_client(
        &self,
        client: &ClientId,
        records: &dyn Records,
    ) -> Result<bool, Error> {
        Ok(self.uses(&client_name(client), records)? > 0)
    }

    /// Every member supports every credential type in use (check 20).
    pub(crate) fn check_credential_types(&self) -> Result<(), Check> {
        let support = &self.support;
        let mut shown = support.shown_credential_types.keys();
        let all = shown.all(|shown| support.all_list(&support.credential_types, shown));
        all.then_some(()).ok_or(Check::CredentialTypesSupported)
    }

    /// Every member supports a group's extensions and what they require (check 63).
    pub(crate) fn support_extensions(&self, extensions: &Extensions) -> Result<bool, DecodeError> {
        let support = &self.support;
        let extension =
            |t: &ExtensionType| t.is_default() || support.all_list(&support.extensions, t);
        let proposal = |t: &ProposalType| t.is_default() || support.all_list(&support.proposals, t);
        let credential = |t: &CredentialType| support.all_list(&support.credential_types, t);
        let required = extensions.required_capabilities()?;
        Ok(extensions.types().all(|t| extension(&t))
            && required.extensions.iter().all(extension)
            && required.proposals.iter().all(proposal)
            && required.credentials.iter().all(credential))
    }

    /// Writes what `changes` of the tree with the index `earlier` made of it.
    pub(super) fn put(&self, earlier: &Self, changes: &[NodeChange], delta: &mut Delta) {
        let nodes = changes.iter();
        let nodes = nodes.flat_map(|change| change.before.iter().chain(&change.after));
        let touched: BTreeSet<_> = nodes.flat_map(names).collect();
        for name in touched {
            match self.known.get(&name) {
                None | Some(0) => delta.erase(name),
                Some(uses) => delta.put(name, encode(uses)),
            }
        }
        if self.support != earlier.support {
            let record = SupportRecord::from(&self.support);
            delta.put(Kind::Support.key(&[]), encode(&record));
        }
    }
}

/// What a node brings into the index.
fn names(node: &Node) -> Vec<RecordKey> {
    let mut names = vec![Kind::EncryptionKey.key(&[node.encryption_key()])];
    if let Node::Leaf(leaf) = node {
        names.push(signature_key_name(&leaf.node));
        names.extend(leaf.client.as_ref().map(client_name));
    }
    names
}

fn signature_key_name(leaf: &LeafNode) -> RecordKey {
    Kind::SignatureKey.key(&[leaf.content.signature_key.as_slice()])
}

fn client_name(client: &ClientId) -> RecordKey {
    Kind::Client.key(&[client.as_slice()])
}

impl Support {
    fn count(&mut self, leaf: &LeafNode, by: i32) {
        self.members = self.members.saturating_add_signed(by);
        let (credential, capabilities) = (&leaf.content.credential, &leaf.content.capabilities);
        let shown = credential.credential_type();
        tally(&mut self.shown_credential_types, shown, by);
        tally_all(&mut self.extensions, &capabilities.extensions, by);
        tally_all(&mut self.proposals, &capabilities.proposals, by);
        tally_all(&mut self.credential_types, &capabilities.credentials, by);
    }

    fn all_list<K: std::hash::Hash + Eq>(&self, counts: &HashMap<K, u32>, key: &K) -> bool {
        counts.get(key).copied().unwrap_or(0) == self.members
    }
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct SupportRecord {
    members: u32,
    extensions: Vec<Counted<ExtensionType>>,
    proposals: Vec<Counted<ProposalType>>,
    credential_types: Vec<Counted<CredentialType>>,
    shown_credential_types: Vec<Counted<CredentialType>>,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Counted<K: Serialize + DeserializeBytes> {
    value: K,
    count: u32,
}

impl From<&Support> for SupportRecord {
    fn from(support: &Support) -> Self {
        Self {
            members: support.members,
            extensions: listed(&support.extensions),
            proposals: listed(&support.proposals),
            credential_types: listed(&support.credential_types),
            shown_credential_types: listed(&support.shown_credential_types),
        }
    }
}

impl From<SupportRecord> for Support {
    fn from(record: SupportRecord) -> Self {
        Self {
            members: record.members,
            extensions: counts(record.extensions),
            proposals: counts(record.proposals),
            credential_types: counts(record.credential_types),
            shown_credential_types: counts(record.shown_credential_types),
        }
    }
}

/// Ascending, so that one state has one record.
fn listed<K: Copy + Ord + Serialize + DeserializeBytes>(
    counts: &HashMap<K, u32>,
) -> Vec<Counted<K>> {
    let mut listed: Vec<_> = counts
        .iter()
        .map(|(value, count)| (*value, *count))
        .collect();
    listed.sort_unstable();
    let counted = |(value, count)| Counted { value, count };
    listed.into_iter().map(counted).collect()
}

fn counts<K: Clone + Eq + std::hash::Hash + Serialize + DeserializeBytes>(
    listed: Vec<Counted<K>>,
) -> HashMap<K, u32> {
    let pair = |one: Counted<K>| (one.value, one.count);
    listed.into_iter().map(pair).collect()
}

/// Counts what a leaf lists, each once however often it stands there.
fn tally_all<K: std::hash::Hash + Eq + Copy>(counts: &mut HashMap<K, u32>, listed: &[K], by: i32) {
    let distinct: HashSet<K> = listed.iter().copied().collect();
    for key in distinct {
        tally(counts, key, by);
    }
}

fn tally<K: std::hash::Hash + Eq + Clone>(counts: &mut HashMap<K, u32>, key: K, by: i32) {
    let count = counts
        .get(&key)
        .copied()
        .unwrap_or(0)
        .saturating_add_signed(by);
    if count == 0 {
        counts.remove(&key);
    } else {
        counts.insert(key, count);
    }
}

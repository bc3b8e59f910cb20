//! What must be known of all members at once: which keys and clients are in use, what everyone
//! supports.

use super::{Content, Node};
use crate::check::Check;
use crate::error::{DecodeError, Error, damaged};
use crate::leaf::ClientId;
use crate::parallel;
use crate::records::{Delta, Kind, RecordKey, Records};
use crate::wire::{
    Capabilities, CredentialType, ExtensionType, Extensions, LeafNode, ProposalType, Psk, decode,
    encode,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::sync::Arc;
use tls_codec::{DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Counts over all nodes, kept by every change of the tree; cheap to clone.
///
/// Names are counted by the keys of their records. What a tree changes of one that stays as it is lies
/// beside the counts that both share, until the later one [settles](Self::settle).
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeIndex {
    settled: Settled,
    changed: Arc<HashMap<RecordKey, u32>>,
    support: Arc<Support>,
}

/// How often each key and client stands in the tree that was the current one last.
#[derive(Clone, Debug)]
enum Settled {
    InMemory(Arc<HashMap<RecordKey, u32>>),
    InRecords,
}

impl Default for Settled {
    fn default() -> Self {
        Self::InMemory(Arc::default())
    }
}

impl Settled {
    fn uses(&self, name: &RecordKey, records: &dyn Records) -> Result<u32, Error> {
        match self {
            Self::InMemory(counts) => Ok(counts.get(name).copied().unwrap_or(0)),
            Self::InRecords => records.get(name)?.map_or(Ok(0), |uses| {
                decode(uses.expose()).map_err(|error| damaged(&error.to_string()))
            }),
        }
    }
}

/// How many members there are, and how many of them support what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Support {
    members: u32,
    extensions: BTreeMap<ExtensionType, u32>,
    proposals: BTreeMap<ProposalType, u32>,
    credential_types: BTreeMap<CredentialType, u32>,
    /// Members whose credential is of the type.
    shown_credential_types: BTreeMap<CredentialType, u32>,
}

impl TreeIndex {
    /// Of the tree that is in the records.
    pub(super) fn load(records: &dyn Records) -> Result<Self, Error> {
        let stored = records.get(&Kind::Support.key(&[]))?;
        let stored = stored.ok_or_else(|| damaged("what members support is missing"))?;
        let record: SupportRecord =
            decode(stored.expose()).map_err(|error| damaged(&error.to_string()))?;
        Ok(Self {
            settled: Settled::InRecords,
            changed: Arc::default(),
            support: Arc::new(record.into()),
        })
    }

    /// Of nodes that are in memory, `members` of them leaves; and whether a key stands at two of them.
    pub(super) fn of<'a>(members: usize, nodes: impl Iterator<Item = &'a Content>) -> (Self, bool) {
        // Two keys and a client of each, and the key of a parent for each but one.
        let mut counts = HashMap::with_capacity(4 * members);
        let mut support = Support::default();
        let mut is_repeated = false;
        for node in nodes.filter_map(Content::node) {
            for name in names(&node) {
                let is_key = name.0[0] != Kind::Client as u8;
                let uses: &mut u32 = counts.entry(name).or_default();
                *uses += 1;
                is_repeated |= is_key && *uses > 1;
            }
            if let Some(leaf) = node.leaf() {
                support.count(leaf, 1);
            }
        }
        let index = Self {
            settled: Settled::InMemory(Arc::new(counts)),
            changed: Arc::default(),
            support: Arc::new(support),
        };
        (index, is_repeated)
    }

    /// Whether what is not in memory may be in the records.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self.settled, Settled::InRecords)
    }

    /// Takes what changed for settled: the tree is the current one now, and its changes are in the
    /// records, where those are kept.
    pub(super) fn settle(&mut self) {
        match &mut self.settled {
            Settled::InRecords => self.changed = Arc::default(),
            Settled::InMemory(settled) => {
                // As long as an earlier tree is about, the counts are its own too.
                if let Some(settled) = Arc::get_mut(settled) {
                    merge(settled, core::mem::take(&mut self.changed));
                }
            }
        }
    }

    pub(super) fn replace(
        &mut self,
        before: Option<&Node>,
        after: Option<&Node>,
        records: &dyn Records,
    ) -> Result<(), Error> {
        let changed = Arc::make_mut(&mut self.changed);
        for (node, by) in [(after, 1), (before, -1)] {
            for name in node.into_iter().flat_map(names) {
                let uses = match changed.entry(name) {
                    hash_map::Entry::Occupied(changed) => changed.into_mut(),
                    hash_map::Entry::Vacant(place) => {
                        let uses = self.settled.uses(place.key(), records)?;
                        place.insert(uses)
                    }
                };
                *uses = uses.saturating_add_signed(by);
            }
        }
        self.replace_support(before.and_then(Node::leaf), after.and_then(Node::leaf));
        Ok(())
    }

    fn replace_support(&mut self, before: Option<&LeafNode>, after: Option<&LeafNode>) {
        if before.map(supported) == after.map(supported) {
            return;
        }
        let support = Arc::make_mut(&mut self.support);
        for (leaf, by) in [(after, 1), (before, -1)] {
            if let Some(leaf) = leaf {
                support.count(leaf, by);
            }
        }
    }

    fn uses(&self, name: &RecordKey, records: &dyn Records) -> Result<u32, Error> {
        match self.changed.get(name) {
            Some(uses) => Ok(*uses),
            None => self.settled.uses(name, records),
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

    /// Every member but those who are `leaving` supports a proposal type (check 65).
    pub(crate) fn support_proposal(&self, listed: ProposalType, leaving: &[&LeafNode]) -> bool {
        let supports = |leaf: &&&LeafNode| leaf.content.capabilities.proposals.contains(&listed);
        let staying = (self.support.members as usize).saturating_sub(leaving.len());
        let all = self.support.proposals.get(&listed).copied().unwrap_or(0) as usize;
        all.saturating_sub(leaving.iter().filter(supports).count()) == staying
    }

    /// Every member can read that a key is mixed in: of a component's, only who knows of components can.
    pub(crate) fn support_psk(&self, psk: &Psk) -> bool {
        let extensions = &self.support.extensions;
        !matches!(psk, Psk::Application(..))
            || self
                .support
                .all_list(extensions, &ExtensionType::APP_DATA_DICTIONARY)
    }

    /// Writes what is not as it is in the records of `earlier`, from which this one was made.
    pub(super) fn put(&self, earlier: &Self, delta: &mut Delta) {
        let written = parallel::map_light(self.counts_since(earlier), |(name, uses)| {
            let value = (*uses > 0).then(|| encode(uses));
            (name.clone(), value)
        });
        for (name, value) in written {
            match value {
                Some(value) => delta.put(name, value),
                None => delta.erase(name),
            }
        }
        if !Arc::ptr_eq(&self.support, &earlier.support) {
            let record = SupportRecord::from(self.support.as_ref());
            delta.put(Kind::Support.key(&[]), encode(&record));
        }
    }

    /// The counts that may be others than those of `earlier`.
    fn counts_since<'a>(&'a self, earlier: &'a Self) -> Vec<(&'a RecordKey, &'a u32)> {
        let all = match (&self.settled, &earlier.settled) {
            (Settled::InMemory(here), Settled::InMemory(there)) if Arc::ptr_eq(here, there) => None,
            (Settled::InMemory(here), _) => Some(here.iter()),
            (Settled::InRecords, _) => None,
        };
        let all = all.into_iter().flatten();
        let settled = all.filter(|(name, _)| !self.changed.contains_key(*name));
        let changed = self.changed.iter();
        let changed = changed.filter(|(name, uses)| earlier.changed.get(*name) != Some(*uses));
        let mut counts: Vec<_> = settled.chain(changed).collect();
        // Maps have no order of their own, and one state has one delta.
        counts.sort_unstable();
        counts
    }
}

fn merge(settled: &mut HashMap<RecordKey, u32>, changed: Arc<HashMap<RecordKey, u32>>) {
    let changed = Arc::unwrap_or_clone(changed);
    if settled.is_empty() {
        *settled = changed;
        settled.retain(|_, uses| *uses > 0);
        return;
    }
    for (name, uses) in changed {
        match uses {
            0 => drop(settled.remove(&name)),
            uses => drop(settled.insert(name, uses)),
        }
    }
}

/// All of a leaf that is counted as support.
fn supported(leaf: &LeafNode) -> (&Capabilities, CredentialType) {
    let content = &leaf.content;
    (&content.capabilities, content.credential.credential_type())
}

/// What a node brings into the index.
fn names(node: &Node) -> impl Iterator<Item = RecordKey> {
    let encryption_key = Kind::EncryptionKey.key(&[node.encryption_key()]);
    let (signature_key, client) = match node {
        Node::Parent(_) => (None, None),
        Node::Leaf(leaf) => (
            Some(signature_key_name(&leaf.node)),
            leaf.client.as_ref().map(client_name),
        ),
    };
    [Some(encryption_key), signature_key, client]
        .into_iter()
        .flatten()
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

    fn all_list<K: Ord>(&self, counts: &BTreeMap<K, u32>, key: &K) -> bool {
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
fn listed<K: Copy + Serialize + DeserializeBytes>(counts: &BTreeMap<K, u32>) -> Vec<Counted<K>> {
    let counted = |(value, count): (&K, &u32)| Counted {
        value: *value,
        count: *count,
    };
    counts.iter().map(counted).collect()
}

fn counts<K: Ord + Serialize + DeserializeBytes>(listed: Vec<Counted<K>>) -> BTreeMap<K, u32> {
    let pair = |one: Counted<K>| (one.value, one.count);
    listed.into_iter().map(pair).collect()
}

/// Counts what a leaf lists, each once however often it stands there.
fn tally_all<K: Ord + Copy>(counts: &mut BTreeMap<K, u32>, listed: &[K], by: i32) {
    let distinct: BTreeSet<K> = listed.iter().copied().collect();
    for key in distinct {
        tally(counts, key, by);
    }
}

fn tally<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, by: i32) {
    match counts.entry(key) {
        Entry::Occupied(mut entry) => {
            *entry.get_mut() = entry.get().saturating_add_signed(by);
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        Entry::Vacant(entry) => {
            if let Ok(count @ 1..) = u32::try_from(by) {
                entry.insert(count);
            }
        }
    }
}

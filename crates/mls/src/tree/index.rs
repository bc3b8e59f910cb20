//! What must be known of all members at once: which keys are in use, what everyone supports.

use super::Node;
use crate::check::Check;
use crate::error::DecodeError;
use crate::wire::{CredentialType, ExtensionType, Extensions, LeafNode, ProposalType};
use imbl::HashMap;
use std::collections::HashSet;

/// Counts over all nodes, kept by every change of the tree; shared structure, cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeIndex {
    members: u32,
    encryption_keys: HashMap<Vec<u8>, u32>,
    signature_keys: HashMap<Vec<u8>, u32>,
    supported_extensions: HashMap<ExtensionType, u32>,
    supported_proposals: HashMap<ProposalType, u32>,
    supported_credential_types: HashMap<CredentialType, u32>,
    credential_types: HashMap<CredentialType, u32>,
}

impl TreeIndex {
    pub(super) fn replace(&mut self, before: Option<&Node>, after: Option<&Node>) {
        // Counting up first keeps an entry that stays from being dropped and made anew.
        after.inspect(|node| self.count(node, 1));
        before.inspect(|node| self.count(node, -1));
    }

    fn count(&mut self, node: &Node, by: i32) {
        match node {
            Node::Parent(parent) => {
                tally(
                    &mut self.encryption_keys,
                    parent.encryption_key.as_slice().to_vec(),
                    by,
                );
            }
            Node::Leaf(leaf) => {
                let content = &leaf.content;
                self.members = self.members.saturating_add_signed(by);
                tally(
                    &mut self.encryption_keys,
                    content.encryption_key.as_slice().to_vec(),
                    by,
                );
                tally(
                    &mut self.signature_keys,
                    content.signature_key.as_slice().to_vec(),
                    by,
                );
                tally(
                    &mut self.credential_types,
                    content.credential.credential_type(),
                    by,
                );
                let capabilities = &content.capabilities;
                tally_all(&mut self.supported_extensions, &capabilities.extensions, by);
                tally_all(&mut self.supported_proposals, &capabilities.proposals, by);
                let credentials = &capabilities.credentials;
                tally_all(&mut self.supported_credential_types, credentials, by);
            }
        }
    }

    pub(super) fn encryption_key_uses(&self, key: &[u8]) -> u32 {
        self.encryption_keys.get(key).copied().unwrap_or(0)
    }

    /// Whether a leaf's keys stand nowhere else (checks 27, 133).
    pub(crate) fn has_unique_keys(&self, leaf: &LeafNode) -> bool {
        let signature_key = leaf.content.signature_key.as_slice();
        self.encryption_key_uses(leaf.content.encryption_key.as_slice()) == 1
            && self.signature_keys.get(signature_key) == Some(&1)
    }

    /// Every member supports every credential type in use (check 20).
    pub(crate) fn check_credential_types(&self) -> Result<(), Check> {
        let mut used = self.credential_types.keys();
        let all = used.all(|used| self.all_list(&self.supported_credential_types, used));
        all.then_some(()).ok_or(Check::CredentialTypesSupported)
    }

    /// Every member supports a group's extensions and what they require (check 63).
    pub(crate) fn support_extensions(&self, extensions: &Extensions) -> Result<bool, DecodeError> {
        let extension =
            |t: &ExtensionType| t.is_default() || self.all_list(&self.supported_extensions, t);
        let proposal =
            |t: &ProposalType| t.is_default() || self.all_list(&self.supported_proposals, t);
        let credential = |t: &CredentialType| self.all_list(&self.supported_credential_types, t);
        let required = extensions.required_capabilities()?;
        Ok(extensions.types().all(|t| extension(&t))
            && required.extensions.iter().all(extension)
            && required.proposals.iter().all(proposal)
            && required.credentials.iter().all(credential))
    }

    fn all_list<K: std::hash::Hash + Eq>(&self, counts: &HashMap<K, u32>, key: &K) -> bool {
        counts.get(key).copied().unwrap_or(0) == self.members
    }
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

//! What must be known of all members at once: which keys are in use, what everyone supports.

use super::Node;
use crate::check::Check;
use crate::wire::{Capabilities, CredentialType, LeafNode};
use imbl::HashMap;
use std::collections::HashSet;

/// Counts over all nodes, kept by every change of the tree; shared structure, cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeIndex {
    members: u32,
    encryption_keys: HashMap<Vec<u8>, u32>,
    signature_keys: HashMap<Vec<u8>, u32>,
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
                for supported in listed(&content.capabilities) {
                    tally(&mut self.supported_credential_types, supported, by);
                }
            }
        }
    }

    pub(super) fn encryption_key_uses(&self, key: &[u8]) -> u32 {
        self.encryption_keys.get(key).copied().unwrap_or(0)
    }

    /// The leaf's keys stand nowhere else (checks 27, 133).
    pub(crate) fn check_unique(&self, leaf: &LeafNode) -> Result<(), Check> {
        if self.encryption_key_uses(leaf.content.encryption_key.as_slice()) != 1 {
            return Err(Check::EncryptionKeyUnique);
        }
        match self
            .signature_keys
            .get(leaf.content.signature_key.as_slice())
        {
            Some(1) => Ok(()),
            _ => Err(Check::SignatureKeyUnique),
        }
    }

    /// Every member supports every credential type in use (check 20).
    pub(crate) fn check_credential_types(&self) -> Result<(), Check> {
        let supporters = |used| {
            self.supported_credential_types
                .get(used)
                .copied()
                .unwrap_or(0)
        };
        let all = self
            .credential_types
            .keys()
            .all(|used| supporters(used) == self.members);
        all.then_some(()).ok_or(Check::CredentialTypesSupported)
    }
}

/// The credential types that a leaf lists, each once however often it stands there.
fn listed(capabilities: &Capabilities) -> HashSet<CredentialType> {
    capabilities.credentials.iter().copied().collect()
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

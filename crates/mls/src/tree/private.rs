//! A member's private keys along its direct path: outside the tree, one owner.

use super::{NodeIndex, RatchetTree};
use crate::Error;
use crate::records::Records;
use folkmoot_crypto::Secret;
use std::collections::BTreeMap;

/// Private keys by place.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrivateKeys(BTreeMap<NodeIndex, Secret>);

impl PrivateKeys {
    pub(crate) fn get(&self, index: NodeIndex) -> Option<&Secret> {
        self.0.get(&index)
    }

    pub(crate) fn insert(&mut self, index: NodeIndex, private: Secret) {
        self.0.insert(index, private);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeIndex, &Secret)> {
        self.0.iter().map(|(index, private)| (*index, private))
    }

    /// Drops the keys of nodes that `next` blanks or gives another key (check 96).
    pub(crate) fn retain_valid(
        &mut self,
        before: &RatchetTree,
        next: &RatchetTree,
        records: &dyn Records,
    ) -> Result<(), Error> {
        let mut outdated = Vec::new();
        for index in self.0.keys() {
            if before.encryption_key(*index, records)? != next.encryption_key(*index, records)? {
                outdated.push(*index);
            }
        }
        for index in outdated {
            self.0.remove(&index);
        }
        Ok(())
    }
}

impl FromIterator<(NodeIndex, Secret)> for PrivateKeys {
    fn from_iter<I: IntoIterator<Item = (NodeIndex, Secret)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

//! A group's records without a disk.

use folkmoot_crypto::Secret;
use folkmoot_mls::{Change, Delta, RecordKey, Records, RecordsError};
use std::collections::BTreeMap;

/// Records by key.
#[derive(Default)]
pub struct Memory(BTreeMap<Vec<u8>, Secret>);

impl Memory {
    /// Stores a transition.
    pub fn apply(&mut self, delta: Delta) {
        for change in delta.changes {
            match change {
                Change::Put { key, value } => self.put(key.0, value),
                Change::Erase { key } => drop(self.0.remove(&key.0)),
                Change::EraseAll { prefix } => {
                    for key in self.keys(&prefix.0) {
                        self.0.remove(&key);
                    }
                }
            }
        }
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Secret) {
        self.0.insert(key, value);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Secret)> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value))
    }

    fn keys(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let from = self.0.range(prefix.to_vec()..).map(|(key, _)| key);
        from.take_while(|key| key.starts_with(prefix))
            .cloned()
            .collect()
    }
}

impl Records for Memory {
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, RecordsError> {
        Ok(self.0.get(&key.0).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError> {
        let keys = self.keys(prefix).into_iter();
        Ok(keys
            .map(|key| (RecordKey(key.clone()), self.0[&key].clone()))
            .collect())
    }
}

/// Keys and values of a delta, in bytes.
pub(crate) fn length(delta: &Delta) -> usize {
    let lengths = delta.changes.iter().map(|change| match change {
        Change::Put { key, value } => key.0.len() + value.len(),
        Change::Erase { key } => key.0.len(),
        Change::EraseAll { prefix } => prefix.0.len(),
    });
    lengths.sum()
}

pub(crate) fn lengths(deltas: &[Delta]) -> usize {
    deltas.iter().map(length).sum()
}

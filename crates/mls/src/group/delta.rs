//! What a transition changed, as records for a store.

use crate::error::RecordsError;
use folkmoot_crypto::Secret;

/// A record's key within its group. Keys order as bytes; those of one kind share a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(pub Vec<u8>);

/// One change of a group's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Write a record, in place of an earlier one, whose bytes are erased like those of
    /// [`Self::Erase`].
    Put {
        /// Which.
        key: RecordKey,
        /// Its new value.
        value: Secret,
    },
    /// Erase a record so that its bytes cannot be recovered (RFC 9420 §9.2).
    Erase {
        /// Which.
        key: RecordKey,
    },
    /// Erase all records whose key starts so.
    EraseAll {
        /// The first bytes of the keys.
        prefix: RecordKey,
    },
}

/// The records that a transition changed, in the order in which to apply them, in ONE transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what is not stored is lost at the next crash"]
pub struct Delta {
    /// The changes.
    pub changes: Vec<Change>,
}

/// A group's records as a store holds them.
pub trait Records {
    /// One record.
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, RecordsError>;
    /// All records whose key starts with `prefix`, in ascending order of their keys.
    fn scan(&self, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError>;
}

impl Delta {
    pub(super) fn put(&mut self, key: RecordKey, value: Vec<u8>) {
        self.changes.push(Change::Put {
            key,
            value: Secret::from(value),
        });
    }

    pub(super) fn erase(&mut self, key: RecordKey) {
        self.changes.push(Change::Erase { key });
    }

    pub(super) fn erase_all(&mut self, prefix: RecordKey) {
        self.changes.push(Change::EraseAll { prefix });
    }
}

//! What a transition changed, as records for a store; what a group reads from there.

use crate::error::RecordsError;
use crate::wire::Epoch;
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

/// The records of a group that is all in memory: there is nothing else to read.
#[derive(Clone, Copy, Debug)]
pub struct NoRecords;

impl Records for NoRecords {
    fn get(&self, _: &RecordKey) -> Result<Option<Secret>, RecordsError> {
        Err(RecordsError(
            "a group that was loaded needs its records".into(),
        ))
    }

    fn scan(&self, _: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError> {
        Err(RecordsError(
            "a group that was loaded needs its records".into(),
        ))
    }
}

impl Delta {
    pub(crate) fn put(&mut self, key: RecordKey, value: Vec<u8>) {
        self.changes.push(Change::Put {
            key,
            value: Secret::from(value),
        });
    }

    pub(crate) fn erase(&mut self, key: RecordKey) {
        self.changes.push(Change::Erase { key });
    }

    pub(crate) fn erase_all(&mut self, prefix: RecordKey) {
        self.changes.push(Change::EraseAll { prefix });
    }
}

/// The kind of a record: the first byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The current epoch but for its tree and keys.
    Epoch = b'E',
    /// A node of the tree, by index.
    Node = b'N',
    /// How often an encryption key stands in the tree, by key.
    EncryptionKey = b'X',
    /// How often a signature key stands in the tree, by key.
    SignatureKey = b'Y',
    /// How often a client stands in the tree, by name.
    Client = b'Z',
    /// How many members support what.
    Support = b'W',
    /// A node of the exporter tree, by index.
    ExporterNode = b'H',
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
    pub(crate) fn key(self, parts: &[&[u8]]) -> RecordKey {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut key = Vec::with_capacity(1 + length);
        key.push(self as u8);
        for part in parts {
            key.extend_from_slice(part);
        }
        RecordKey(key)
    }

    pub(crate) fn of_epoch(self, epoch: Epoch) -> RecordKey {
        self.key(&[&epoch.0.to_be_bytes()])
    }
}

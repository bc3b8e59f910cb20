//! What a client keeps: its account, its groups with the engine's records, what it is about to
//! send, and the messages it read.
//!
//! A store takes one [`ClientChanges`] per step of the client and writes it in one transaction, so
//! that whatever is on disk is a state the client can go on from. [`SqlCipherStore`] is the store of
//! a profile on disk; [`MemoryStore`] is the same without one, for simulation.
//!
//! ```
//! use folkmoot_store::client::{ClientChange, ClientStore, Intent, MemoryStore};
//!
//! let mut store = MemoryStore::default();
//! let intent = Intent { id: 1, group: None, body: b"create a group".as_slice().into() };
//! store.apply(vec![ClientChange::PutIntent(intent.clone())])?;
//! assert_eq!(store.intents()?, [intent]);
//! # Ok::<(), folkmoot_store::client::ClientStoreError>(())
//! ```

mod error;
#[cfg(not(target_family = "wasm"))]
mod folder;
mod memory;
mod model;
mod records;
#[cfg(not(target_family = "wasm"))]
mod sqlcipher;

#[cfg(test)]
mod conformance;

pub use error::ClientStoreError;
#[cfg(not(target_family = "wasm"))]
pub use folder::{KEY_FILE, LOCK_FILE, ProfileFolder};
pub use memory::MemoryStore;
pub use model::{
    Account, ClientChange, ClientChanges, GroupRow, GroupState, InboxMark, Intent, Join,
    KeyPackageRow, MessageRow, Outgoing, Post,
};
pub use records::GroupRecords;
#[cfg(not(target_family = "wasm"))]
pub use sqlcipher::{DATABASE_FILE, SqlCipherStore};

use folkmoot_crypto::Secret;
use folkmoot_mls::RecordKey;
use folkmoot_protocol::{ChainHead, GroupId, Sequence};

/// The client's store. Reads see everything applied before; an error leaves the store as it was.
pub trait ClientStore: Send {
    /// Writes the changes in their order, all of them or none, durably before it returns.
    fn apply(&mut self, changes: ClientChanges) -> Result<(), ClientStoreError>;

    /// Whose profile this is, once registration has begun.
    fn account(&self) -> Result<Option<Account>, ClientStoreError>;
    /// How far the inbox was read.
    fn inbox_mark(&self) -> Result<InboxMark, ClientStoreError>;

    /// One key package by its reference.
    fn key_package(&self, reference: &[u8]) -> Result<Option<KeyPackageRow>, ClientStoreError>;
    /// Key packages that the provider has not acknowledged, oldest expiry first, at most `limit`.
    fn key_packages_to_upload(&self, limit: usize) -> Result<Vec<KeyPackageRow>, ClientStoreError>;

    /// All groups, past ones included, by id.
    fn groups(&self) -> Result<Vec<GroupRow>, ClientStoreError>;
    /// One group.
    fn group(&self, group: &GroupId) -> Result<Option<GroupRow>, ClientStoreError>;
    /// One record that the engine wrote for a group.
    fn record(&self, group: &GroupId, key: &RecordKey) -> Result<Option<Secret>, ClientStoreError>;
    /// The engine's records of a group whose keys begin with `prefix`, by key.
    fn records(
        &self,
        group: &GroupId,
        prefix: &[u8],
    ) -> Result<Vec<(RecordKey, Secret)>, ClientStoreError>;
    /// The chain head that was recorded at a place of a group's log, while it is kept.
    fn head(
        &self,
        group: &GroupId,
        sequence: Sequence,
    ) -> Result<Option<ChainHead>, ClientStoreError>;

    /// What is being appended to a group's log.
    fn outgoing(&self, group: &GroupId) -> Result<Option<Outgoing>, ClientStoreError>;
    /// What was asked of the client and is not done, oldest first.
    fn intents(&self) -> Result<Vec<Intent>, ClientStoreError>;
    /// What waits to be put into other devices' inboxes, oldest first, at most `limit`.
    fn posts(&self, limit: usize) -> Result<Vec<Post>, ClientStoreError>;
    /// Invitations that are being followed, oldest first.
    fn joins(&self) -> Result<Vec<Join>, ClientStoreError>;

    /// Messages of one group or of all, in the order of each log, at most `limit`: the unread ones
    /// of others, oldest first, or the newest of all.
    fn messages(
        &self,
        group: Option<&GroupId>,
        unread_only: bool,
        limit: usize,
    ) -> Result<Vec<MessageRow>, ClientStoreError>;
    /// How many messages of others are unread in a group.
    fn unread(&self, group: &GroupId) -> Result<u64, ClientStoreError>;
}

//! One group's records as the engine reads them.

use folkmoot_crypto::Secret;
use folkmoot_mls::{RecordKey, Records, RecordsError};
use folkmoot_protocol::GroupId;

use super::{ClientStore, ClientStoreError};

/// The engine's view of one group in a store.
#[derive(Debug)]
pub struct GroupRecords<'a, S: ?Sized> {
    store: &'a S,
    group: GroupId,
}

impl<'a, S: ClientStore + ?Sized> GroupRecords<'a, S> {
    /// The records of `group`.
    pub fn new(store: &'a S, group: GroupId) -> Self {
        Self { store, group }
    }
}

impl<S: ClientStore + ?Sized> Records for GroupRecords<'_, S> {
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, RecordsError> {
        self.store
            .record(&self.group, key)
            .map_err(|error| failed(&error))
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError> {
        self.store
            .records(&self.group, prefix)
            .map_err(|error| failed(&error))
    }
}

fn failed(error: &ClientStoreError) -> RecordsError {
    RecordsError(error.to_string())
}

//! mls-rs's storage in memory, with a count of what it was given.

use core::convert::Infallible;
use mls_rs::storage_provider::in_memory::InMemoryGroupStateStorage;
use mls_rs_core::group::{EpochRecord, GroupState, GroupStateStorage};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zeroize::Zeroizing;

/// Groups of one client; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Storage {
    groups: InMemoryGroupStateStorage,
    written: Arc<AtomicUsize>,
}

impl Storage {
    /// Bytes written since this was asked last.
    pub(super) fn take_written(&self) -> usize {
        self.written.swap(0, Ordering::Relaxed)
    }

    /// The groups that there are.
    pub(super) fn groups(&self) -> Vec<Vec<u8>> {
        self.groups.stored_groups()
    }

    /// Bytes of all groups' states.
    pub(super) fn state_length(&self) -> usize {
        let groups = self.groups().into_iter();
        let states = groups.filter_map(|group| self.groups.state(&group).ok().flatten());
        states.map(|state| state.len()).sum()
    }
}

impl GroupStateStorage for Storage {
    type Error = Infallible;

    fn state(&self, group_id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        self.groups.state(group_id)
    }

    fn epoch(&self, group_id: &[u8], epoch: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        self.groups.epoch(group_id, epoch)
    }

    fn write(
        &mut self,
        state: GroupState,
        inserts: Vec<EpochRecord>,
        updates: Vec<EpochRecord>,
    ) -> Result<(), Infallible> {
        let epochs = inserts.iter().chain(&updates).map(|epoch| epoch.data.len());
        let bytes = state.data.len() + epochs.sum::<usize>();
        self.written.fetch_add(bytes, Ordering::Relaxed);
        self.groups.write(state, inserts, updates)
    }

    fn max_epoch_id(&self, group_id: &[u8]) -> Result<Option<u64>, Infallible> {
        self.groups.max_epoch_id(group_id)
    }
}

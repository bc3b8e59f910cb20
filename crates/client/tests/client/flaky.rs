//! A client's store that can refuse one write, as a full disk would.

use folkmoot_crypto::Secret;
use folkmoot_mls::RecordKey;
use folkmoot_protocol::{ChainHead, GroupId, Sequence};
use folkmoot_store::client::{
    Account, ClientChanges, ClientStore, ClientStoreError, GroupRow, InboxMark, Intent, Join,
    KeyPackageRow, MemoryStore, MessageRow, Outgoing, Post,
};

type Result<T> = std::result::Result<T, ClientStoreError>;

#[derive(Clone, Debug, Default)]
pub(crate) struct FlakyStore {
    store: MemoryStore,
    /// Writes until the one that fails.
    pub(crate) fails_in: Option<usize>,
}

impl ClientStore for FlakyStore {
    fn apply(&mut self, changes: ClientChanges) -> Result<()> {
        match self.fails_in {
            Some(0) => {
                self.fails_in = None;
                return Err(ClientStoreError::Failed("the disk is full".to_owned()));
            }
            Some(writes) => self.fails_in = Some(writes - 1),
            None => {}
        }
        self.store.apply(changes)
    }

    fn account(&self) -> Result<Option<Account>> {
        self.store.account()
    }

    fn inbox_mark(&self) -> Result<InboxMark> {
        self.store.inbox_mark()
    }

    fn key_package(&self, reference: &[u8]) -> Result<Option<KeyPackageRow>> {
        self.store.key_package(reference)
    }

    fn key_packages_to_upload(&self, limit: usize) -> Result<Vec<KeyPackageRow>> {
        self.store.key_packages_to_upload(limit)
    }

    fn groups(&self) -> Result<Vec<GroupRow>> {
        self.store.groups()
    }

    fn group(&self, group: &GroupId) -> Result<Option<GroupRow>> {
        self.store.group(group)
    }

    fn record(&self, group: &GroupId, key: &RecordKey) -> Result<Option<Secret>> {
        self.store.record(group, key)
    }

    fn records(&self, group: &GroupId, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>> {
        self.store.records(group, prefix)
    }

    fn head(&self, group: &GroupId, sequence: Sequence) -> Result<Option<ChainHead>> {
        self.store.head(group, sequence)
    }

    fn outgoing(&self, group: &GroupId) -> Result<Option<Outgoing>> {
        self.store.outgoing(group)
    }

    fn intents(&self) -> Result<Vec<Intent>> {
        self.store.intents()
    }

    fn posts(&self, limit: usize) -> Result<Vec<Post>> {
        self.store.posts(limit)
    }

    fn joins(&self) -> Result<Vec<Join>> {
        self.store.joins()
    }

    fn messages(
        &self,
        group: Option<&GroupId>,
        unread_only: bool,
        limit: usize,
    ) -> Result<Vec<MessageRow>> {
        self.store.messages(group, unread_only, limit)
    }

    fn unread(&self, group: &GroupId) -> Result<u64> {
        self.store.unread(group)
    }
}

//! The client's store without a disk.

use std::collections::BTreeMap;

use folkmoot_crypto::Secret;
use folkmoot_mls::{Change, RecordKey};
use folkmoot_protocol::{ChainHead, GroupId, Sequence};

use super::{
    Account, ClientChange, ClientChanges, ClientStore, ClientStoreError, GroupRow, InboxMark,
    Intent, Join, KeyPackageRow, MessageRow, Outgoing, Post,
};

/// A store that lives as long as its process. Clones are independent copies.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    account: Option<Account>,
    inbox: InboxMark,
    key_packages: BTreeMap<Vec<u8>, KeyPackageRow>,
    groups: BTreeMap<GroupId, GroupRow>,
    records: BTreeMap<GroupId, BTreeMap<Vec<u8>, Secret>>,
    heads: BTreeMap<(GroupId, Sequence), ChainHead>,
    outgoing: BTreeMap<GroupId, Outgoing>,
    intents: BTreeMap<u64, Intent>,
    posts: BTreeMap<u64, Post>,
    last_post: u64,
    joins: Vec<Join>,
    messages: BTreeMap<(GroupId, Sequence), MessageRow>,
}

impl ClientStore for MemoryStore {
    fn apply(&mut self, changes: ClientChanges) -> Result<(), ClientStoreError> {
        for change in changes {
            self.change(change);
        }
        Ok(())
    }

    fn account(&self) -> Result<Option<Account>, ClientStoreError> {
        Ok(self.account.clone())
    }

    fn inbox_mark(&self) -> Result<InboxMark, ClientStoreError> {
        Ok(self.inbox)
    }

    fn key_package(&self, reference: &[u8]) -> Result<Option<KeyPackageRow>, ClientStoreError> {
        Ok(self.key_packages.get(reference).cloned())
    }

    fn key_packages_to_upload(&self, limit: usize) -> Result<Vec<KeyPackageRow>, ClientStoreError> {
        let mut rows: Vec<_> = self
            .key_packages
            .values()
            .filter(|row| !row.uploaded)
            .cloned()
            .collect();
        rows.sort_by_key(|row| row.expires);
        rows.truncate(limit);
        Ok(rows)
    }

    fn groups(&self) -> Result<Vec<GroupRow>, ClientStoreError> {
        Ok(self.groups.values().cloned().collect())
    }

    fn group(&self, group: &GroupId) -> Result<Option<GroupRow>, ClientStoreError> {
        Ok(self.groups.get(group).cloned())
    }

    fn record(&self, group: &GroupId, key: &RecordKey) -> Result<Option<Secret>, ClientStoreError> {
        Ok(self
            .records
            .get(group)
            .and_then(|records| records.get(&key.0))
            .cloned())
    }

    fn records(
        &self,
        group: &GroupId,
        prefix: &[u8],
    ) -> Result<Vec<(RecordKey, Secret)>, ClientStoreError> {
        let Some(records) = self.records.get(group) else {
            return Ok(Vec::new());
        };
        Ok(records
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (RecordKey(key.clone()), value.clone()))
            .collect())
    }

    fn head(
        &self,
        group: &GroupId,
        sequence: Sequence,
    ) -> Result<Option<ChainHead>, ClientStoreError> {
        Ok(self.heads.get(&(*group, sequence)).copied())
    }

    fn outgoing(&self, group: &GroupId) -> Result<Option<Outgoing>, ClientStoreError> {
        Ok(self.outgoing.get(group).cloned())
    }

    fn intents(&self) -> Result<Vec<Intent>, ClientStoreError> {
        Ok(self.intents.values().cloned().collect())
    }

    fn posts(&self, limit: usize) -> Result<Vec<Post>, ClientStoreError> {
        Ok(self.posts.values().take(limit).cloned().collect())
    }

    fn joins(&self) -> Result<Vec<Join>, ClientStoreError> {
        Ok(self.joins.clone())
    }

    fn messages(
        &self,
        group: Option<&GroupId>,
        unread_only: bool,
        limit: usize,
    ) -> Result<Vec<MessageRow>, ClientStoreError> {
        let fits = |row: &&MessageRow| {
            group.is_none_or(|group| row.group == *group) && !(unread_only && (row.read || row.own))
        };
        let mut rows: Vec<_> = self.messages.values().filter(fits).cloned().collect();
        rows.sort_by_key(|row| (row.time, row.group, row.sequence));
        if unread_only {
            rows.truncate(limit);
        } else {
            rows.drain(..rows.len().saturating_sub(limit));
        }
        rows.sort_by_key(|row| (row.group, row.sequence));
        Ok(rows)
    }

    fn unread(&self, group: &GroupId) -> Result<u64, ClientStoreError> {
        let unread = |row: &&MessageRow| row.group == *group && !row.read && !row.own;
        Ok(self.messages.values().filter(unread).count() as u64)
    }
}

impl MemoryStore {
    fn change(&mut self, change: ClientChange) {
        match change {
            ClientChange::PutAccount(account) => self.account = Some(account),
            ClientChange::PutInboxMark(mark) => self.inbox = mark,
            ClientChange::PutKeyPackage(row) => {
                self.key_packages.insert(row.reference.clone(), row);
            }
            ClientChange::EraseKeyPackages { expired_before } => {
                self.key_packages
                    .retain(|_, row| row.expires >= expired_before);
            }
            ClientChange::PutGroup(row) => {
                self.groups.insert(row.id, row);
            }
            ClientChange::Records(group, delta) => {
                let records = self.records.entry(group).or_default();
                delta
                    .changes
                    .into_iter()
                    .for_each(|change| change_record(records, change));
            }
            ClientChange::EraseRecords(group) => {
                self.records.remove(&group);
            }
            ClientChange::PutHead(group, sequence, head) => {
                self.heads.insert((group, sequence), head);
            }
            ClientChange::EraseHeads { group, before } => {
                self.heads
                    .retain(|(of, at), _| *of != group || *at >= before);
            }
            ClientChange::PutOutgoing(row) => {
                self.outgoing.insert(row.group, row);
            }
            ClientChange::EraseOutgoing(group) => {
                self.outgoing.remove(&group);
            }
            ClientChange::PutIntent(row) => {
                self.intents.insert(row.id, row);
            }
            ClientChange::EraseIntent(id) => {
                self.intents.remove(&id);
            }
            ClientChange::AddPost(body) => {
                self.last_post += 1;
                self.posts.insert(
                    self.last_post,
                    Post {
                        id: self.last_post,
                        body,
                    },
                );
            }
            ClientChange::ErasePost(id) => {
                self.posts.remove(&id);
            }
            ClientChange::PutJoin(row) => {
                match self
                    .joins
                    .iter_mut()
                    .find(|join| join.reference == row.reference)
                {
                    Some(join) => *join = row,
                    None => self.joins.push(row),
                }
            }
            ClientChange::EraseJoin(reference) => {
                self.joins.retain(|join| join.reference != reference);
            }
            ClientChange::PutMessage(row) => {
                self.messages.insert((row.group, row.sequence), row);
            }
            ClientChange::MarkRead(group, sequence) => {
                if let Some(row) = self.messages.get_mut(&(group, sequence)) {
                    row.read = true;
                }
            }
        }
    }
}

fn change_record(records: &mut BTreeMap<Vec<u8>, Secret>, change: Change) {
    match change {
        Change::Put { key, value } => {
            records.insert(key.0, value);
        }
        Change::Erase { key } => {
            records.remove(&key.0);
        }
        Change::EraseAll { prefix } => {
            records.retain(|key, _| !key.starts_with(&prefix.0));
        }
    }
}

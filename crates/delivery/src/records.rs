//! The records in memory: what a store does with a [`Need`] and with [`Write`]s, said in the
//! shortest way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::bounds::{
    DEVICES_PER_USER, INBOX_READ_LIMIT, MAX_WELCOME, MAX_WELCOME_PART,
};
use folkmoot_protocol::{
    Bytes, EntryKind, Epoch, GroupId, IdempotencyKey, InboxCursor, InboxItem, JoinerWelcome,
    KeyPackageRefBytes, LogEntry, Sequence, SlotId, Timestamp,
};

use crate::need::{
    EarlierAppend, EarlierPost, EntryRange, Facts, GroupFacts, GroupNeed, GroupRecord, InboxState,
    Need, SlotRecord, StoredEntry, StoredKeyPackage, StoredPost, Write,
};

/// A Delivery Service's records in memory, for tests and for worlds without disks.
#[derive(Clone, Debug, Default)]
pub struct Records {
    key_packages: BTreeMap<(DeviceName, KeyPackageRefBytes), KeyPackageState>,
    inboxes: BTreeMap<DeviceName, Inbox>,
    groups: BTreeMap<GroupId, Group>,
}

#[derive(Clone, Debug)]
struct KeyPackageState {
    stored: StoredKeyPackage,
    spent: bool,
}

#[derive(Clone, Debug, Default)]
struct Inbox {
    last: InboxCursor,
    items: BTreeMap<InboxCursor, InboxItem>,
    posts: BTreeMap<IdempotencyKey, (EarlierPost, Timestamp)>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    record: Option<GroupRecord>,
    slots: BTreeMap<SlotId, SlotRecord>,
    entries: BTreeMap<Sequence, LogEntry>,
    welcomes: BTreeMap<Sequence, Bytes<MAX_WELCOME>>,
    parts: BTreeMap<SlotId, (Sequence, Bytes<MAX_WELCOME_PART>)>,
    appends: BTreeMap<(SlotId, IdempotencyKey), EarlierAppend>,
    commits: BTreeMap<Epoch, Sequence>,
}

impl Records {
    /// Loads what a decision must see.
    pub fn load(&self, need: &Need) -> Facts {
        match need {
            Need::Nothing => Facts::Nothing,
            Need::KeyPackages {
                device,
                references,
                at,
            } => self.key_packages(device, references, *at),
            Need::Claim { user, at } => Facts::Claim(self.claim(user, *at)),
            Need::Post {
                to,
                idempotency,
                reference,
            } => self.post(to, idempotency, reference),
            Need::Inbox { device, after } => Facts::Inbox(self.items(device, *after)),
            Need::Group(need) => Facts::Group(Box::new(self.group(need))),
        }
    }

    /// Applies a decision's writes.
    pub fn apply(&mut self, writes: Vec<Write>) {
        for write in writes {
            self.write(write);
        }
    }

    fn key_packages(
        &self,
        device: &DeviceName,
        references: &[KeyPackageRefBytes],
        at: Timestamp,
    ) -> Facts {
        let of_device = || {
            self.key_packages
                .iter()
                .filter(|((owner, _), _)| owner == device)
        };
        let known: BTreeSet<_> = of_device().map(|((_, r), _)| r.clone()).collect();
        let available = of_device().filter(|(_, state)| state.can_be_claimed(at));
        Facts::KeyPackages {
            available: available.count() as u64,
            known: references
                .iter()
                .filter(|reference| known.contains(*reference))
                .cloned()
                .collect(),
        }
    }

    fn claim(&self, user: &UserName, at: Timestamp) -> Vec<StoredKeyPackage> {
        let mut first: BTreeMap<&DeviceName, &StoredKeyPackage> = BTreeMap::new();
        for ((device, _), state) in &self.key_packages {
            if device.user() != user || !state.can_be_claimed(at) {
                continue;
            }
            let candidate = first.entry(device).or_insert(&state.stored);
            if state.stored.not_after < candidate.not_after {
                *candidate = &state.stored;
            }
        }
        first
            .into_values()
            .take(DEVICES_PER_USER)
            .cloned()
            .collect()
    }

    fn post(
        &self,
        to: &DeviceName,
        idempotency: &IdempotencyKey,
        reference: &KeyPackageRefBytes,
    ) -> Facts {
        let package = self.key_packages.get(&(to.clone(), reference.clone()));
        let inbox = self.inboxes.get(to);
        Facts::Post {
            claimed: package.is_some_and(|state| state.spent),
            earlier: inbox
                .and_then(|inbox| inbox.posts.get(idempotency))
                .map(|(earlier, _)| *earlier),
            inbox: inbox.map_or_else(InboxState::default, |inbox| InboxState {
                last: inbox.last,
                kept: inbox.items.len() as u64,
            }),
        }
    }

    fn items(&self, device: &DeviceName, after: InboxCursor) -> Vec<InboxItem> {
        let Some(inbox) = self.inboxes.get(device) else {
            return Vec::new();
        };
        let items = inbox.items.values().filter(|item| item.cursor > after);
        items.take(INBOX_READ_LIMIT).cloned().collect()
    }

    fn group(&self, need: &GroupNeed) -> GroupFacts {
        let Some(group) = self.groups.get(&need.group) else {
            return GroupFacts::default();
        };
        GroupFacts {
            group: group.record,
            slot: group.slots.get(&need.slot).copied(),
            earlier: need
                .idempotency
                .and_then(|key| group.appends.get(&(need.slot, key)).copied()),
            winner: need
                .commit_of
                .and_then(|epoch| group.entries.get(group.commits.get(&epoch)?))
                .cloned(),
            slots: need
                .slots
                .iter()
                .filter_map(|slot| Some((*slot, *group.slots.get(slot)?)))
                .collect(),
            entries: need
                .entries
                .map_or_else(Vec::new, |range| group.read(range)),
            welcome: need
                .welcome
                .and_then(|sequence| group.welcome(sequence, need.slot)),
        }
    }

    fn write(&mut self, write: Write) {
        match write {
            Write::PutKeyPackage(stored) => {
                let key = (stored.device.clone(), stored.reference.clone());
                let spent = false;
                self.key_packages
                    .insert(key, KeyPackageState { stored, spent });
            }
            Write::SpendKeyPackage { device, reference } => {
                if let Some(state) = self.key_packages.get_mut(&(device, reference)) {
                    state.spent = true;
                    state.stored.package = Bytes::default();
                }
            }
            Write::DropKeyPackages { device, expired_at } => {
                self.key_packages.retain(|(owner, _), state| {
                    *owner != device || state.stored.not_after >= expired_at
                });
            }
            Write::PutPost(post) => self.put_post(*post),
            Write::DropItems { device, through } => {
                let inbox = self.inboxes.entry(device).or_default();
                inbox.items.retain(|cursor, _| *cursor > through);
            }
            Write::ForgetPosts { device, before } => {
                let inbox = self.inboxes.entry(device).or_default();
                inbox.posts.retain(|_, (_, time)| *time >= before);
            }
            Write::PutGroup(record) => {
                let group = self.groups.entry(record.position.group).or_default();
                group.record = Some(record);
            }
            Write::PutSlot {
                group,
                slot,
                record,
            } => {
                let group = self.groups.entry(group).or_default();
                group.slots.insert(slot, record);
            }
            Write::PutEntry(stored) => {
                let group = self.groups.entry(stored.group).or_default();
                group.put(*stored);
            }
        }
    }

    fn put_post(&mut self, post: StoredPost) {
        let inbox = self.inboxes.entry(post.to).or_default();
        let earlier = EarlierPost {
            request: post.request,
            cursor: post.item.cursor,
        };
        inbox.last = post.item.cursor;
        inbox.posts.insert(post.idempotency, (earlier, post.time));
        inbox.items.insert(post.item.cursor, post.item);
    }
}

impl KeyPackageState {
    fn can_be_claimed(&self, at: Timestamp) -> bool {
        !self.spent && self.stored.not_after > at
    }
}

impl Group {
    fn read(&self, range: EntryRange) -> Vec<LogEntry> {
        let mut bytes = 0_usize;
        let after = self.entries.range((Excluded(range.after), Unbounded));
        after
            .map(|(_, entry)| entry)
            .take(range.limit)
            .enumerate()
            .take_while(|(number, entry)| {
                bytes = bytes.saturating_add(entry.message.len());
                *number == 0 || bytes <= range.bytes
            })
            .map(|(_, entry)| entry.clone())
            .collect()
    }

    fn put(&mut self, stored: StoredEntry) {
        let entry = &stored.entry;
        if entry.kind == EntryKind::Commit {
            self.commits.insert(entry.epoch, entry.sequence);
        }
        let earlier = EarlierAppend {
            request: stored.request,
            sequence: entry.sequence,
            head: entry.head,
        };
        self.appends
            .insert((stored.slot, entry.idempotency), earlier);
        if let Some(welcome) = stored.welcome {
            let parts = welcome.parts.into_iter();
            self.parts
                .extend(parts.map(|(slot, part)| (slot, (entry.sequence, part))));
            self.welcomes.insert(entry.sequence, welcome.shared);
        }
        self.entries.insert(entry.sequence, stored.entry);
    }

    fn welcome(&self, sequence: Sequence, slot: SlotId) -> Option<JoinerWelcome> {
        let (of, part) = self.parts.get(&slot)?;
        let shared = self.welcomes.get(&sequence).filter(|_| *of == sequence)?;
        Some(JoinerWelcome {
            shared: shared.clone(),
            part: part.clone(),
        })
    }
}

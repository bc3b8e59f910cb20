//! A group's log, entry by entry: each one is one step, in the one order that all members see.

use folkmoot_identity::DeviceName;
use folkmoot_mls::{
    ApplicationMessage, CommitSummary as Changes, Credential, Fault, IncomingContent, LeafIndex,
    MlsMessage, Proposal, Sender, Services,
};
use folkmoot_protocol::{
    EntryKind, Epoch, GroupId, IdempotencyKey, LogEntry, LogPage, Opening, Pointer, PostPointer,
    SealedPointer, Sequence, SlotId, SlotSecret, WelcomeKey,
};
use folkmoot_store::client::{
    ClientChange, ClientChanges, ClientStore, GroupRow, GroupState, Intent, MessageRow,
};
use rand_core::CryptoRng;

use super::group::{hex, named, slot_secret, unread};
use super::message::{decode_seen, decode_text};
use super::state::{Addition, Draft, Task, to_body};
use super::submit::Outcome;
use super::task::position;
use super::{Core, is_commit, policy};
use crate::error::Error;
use crate::event::{Event, StoredMessage, WarningKind};
use crate::summary::{CommitSummary, SentMessage};

/// Chain heads kept of each log, to compare with what members saw.
const HEADS_KEPT: u64 = 1024;

impl<S: ClientStore> Core<S> {
    pub(super) fn page(
        &mut self,
        group: GroupId,
        page: LogPage,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        if page.entries.is_empty() {
            if self.round.shut.contains(&group) {
                return self.group_gone(group);
            }
            self.round.caught_up.insert(group);
            return self.check_acknowledged(group);
        }
        for entry in page.entries.into_vec() {
            let row = self.row(group)?;
            if row.state != GroupState::Active || row.halted {
                break;
            }
            match position(&row).advance(&entry) {
                Ok(_) => self.entry(row, &entry, rng)?,
                Err(broken) => return self.halt(row, &broken.to_string()),
            }
        }
        Ok(())
    }

    /// What the provider acknowledged must be in the log that it shows.
    fn check_acknowledged(&mut self, group: GroupId) -> Result<(), Error> {
        let row = self.row(group)?;
        match self.draft(group)?.and_then(|draft| draft.acknowledged) {
            Some((sequence, _)) if sequence <= row.cursor => {
                let detail =
                    format!("the provider acknowledged entry {sequence} and shows another");
                self.halt(row, &detail)
            }
            _ => Ok(()),
        }
    }

    /// Takes the next entry, whose place in the chain is checked.
    fn entry(
        &mut self,
        mut row: GroupRow,
        entry: &LogEntry,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        (row.cursor, row.head) = (entry.sequence, entry.head);
        let mut changes = vec![ClientChange::PutHead(row.id, entry.sequence, entry.head)];
        if let Some(before) = entry.sequence.0.checked_sub(HEADS_KEPT) {
            let before = Sequence(before);
            changes.push(ClientChange::EraseHeads {
                group: row.id,
                before,
            });
        }
        let draft = self.draft(row.id)?;
        let group = row.id;
        let taken = match draft.filter(|draft| draft.append.idempotency == entry.idempotency) {
            Some(draft) => self.own_entry(row, entry, draft, changes, rng),
            None => self.others_entry(row, entry, changes),
        };
        if taken.is_err() {
            // The engine may have moved on without the store: it starts again from there.
            self.groups.remove(&group);
        }
        taken
    }

    fn own_entry(
        &mut self,
        mut row: GroupRow,
        entry: &LogEntry,
        draft: Draft,
        mut changes: ClientChanges,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        if !draft.append.is_entry(entry) {
            return self.halt(row, "the provider altered a message of this device");
        }
        if draft
            .acknowledged
            .is_some_and(|(at, head)| at == entry.sequence && head != entry.head)
        {
            return self.halt(row, "a receipt contradicts the provider's log");
        }
        changes.push(ClientChange::EraseOutgoing(row.id));
        changes.extend(draft.task.map(ClientChange::EraseIntent));
        let outcome = match entry.kind {
            EntryKind::Application => {
                let message = self.own_message(&row, entry, draft.text.unwrap_or_default())?;
                self.events
                    .push_back(Event::Message(stored(&row, &message)));
                changes.push(ClientChange::PutMessage(message));
                Outcome::Sent(SentMessage {
                    group: hex(&row.id),
                    sequence: entry.sequence.0,
                    epoch: entry.epoch.0,
                })
            }
            EntryKind::Proposal => {
                row.leaving = true;
                let device = self.identity()?.device.clone();
                self.events.push_back(Event::LeaveProposed {
                    group: hex(&row.id),
                    name: row.name.clone(),
                    device,
                    own: true,
                });
                Outcome::LeaveProposed
            }
            EntryKind::Commit => {
                let summary = self.own_commit(&mut row, entry, &draft, &mut changes, rng)?;
                Outcome::Committed(summary)
            }
        };
        changes.push(ClientChange::PutGroup(row));
        self.apply(changes)?;
        if let Some(task) = draft.task {
            self.outcomes.insert(task, Ok(outcome));
        }
        Ok(())
    }

    fn own_message(
        &self,
        row: &GroupRow,
        entry: &LogEntry,
        text: String,
    ) -> Result<MessageRow, Error> {
        Ok(MessageRow {
            group: row.id,
            sequence: entry.sequence,
            epoch: entry.epoch,
            sender: self.identity()?.device.clone(),
            text,
            time: entry.time,
            own: true,
            read: true,
        })
    }

    /// This device's commit stands: enter its epoch, and tell those whom it added.
    fn own_commit(
        &mut self,
        row: &mut GroupRow,
        entry: &LogEntry,
        draft: &Draft,
        changes: &mut ClientChanges,
        rng: &mut dyn CryptoRng,
    ) -> Result<CommitSummary, Error> {
        let group = self.group_mut(row.id)?;
        let delta = group
            .accept_pending()
            .map_err(|error| Error::Internal(format!("an accepted commit: {error}")))?;
        changes.push(ClientChange::Records(row.id, delta));
        row.epoch = group.epoch();
        row.members = group.member_count().into();
        self.leave_again(row, changes)?;
        for addition in &draft.additions {
            let post = Self::posting(row, draft, addition, rng)?;
            changes.push(ClientChange::AddPost(to_body(&post)));
        }
        let added = draft.additions.iter().map(|one| one.device.clone());
        let (added, removed): (Vec<_>, _) = (added.collect(), draft.removals.clone());
        self.events.push_back(Event::Committed {
            group: hex(&row.id),
            name: row.name.clone(),
            sequence: entry.sequence.0,
            epoch: row.epoch.0,
            by: self.identity()?.device.clone(),
            own: true,
            added: added.clone(),
            removed: removed.clone(),
            updated: Vec::new(),
        });
        Ok(CommitSummary {
            group: hex(&row.id),
            name: row.name.clone(),
            sequence: entry.sequence.0,
            epoch: row.epoch.0,
            added,
            removed,
        })
    }

    fn posting(
        row: &GroupRow,
        draft: &Draft,
        addition: &Addition,
        rng: &mut dyn CryptoRng,
    ) -> Result<PostPointer, Error> {
        let lost = || Error::Internal("the key of a Welcome is lost".into());
        let key = draft.welcome_key.as_deref().ok_or_else(lost)?;
        let pointer = Pointer {
            position: position(row),
            slot: addition.slot,
            ticket: addition.ticket.clone(),
            welcome_key: WelcomeKey::try_from(key).map_err(|_| lost())?,
        };
        let sealed = folkmoot_mls::encrypt_with_label(
            folkmoot_crypto::suite_one(),
            &addition.init_key,
            folkmoot_protocol::POINTER_LABEL,
            &addition.reference,
            pointer.encode().expose(),
            rng,
        )
        .map_err(|error| Error::Internal(error.to_string()))?;
        let (enc, ciphertext) = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        let pointer = SealedPointer::from_parts(enc, ciphertext)
            .ok_or_else(|| Error::Internal("a sealed pointer of another length".into()))?;
        Ok(PostPointer {
            to: addition.device.clone(),
            idempotency: IdempotencyKey::generate(rng),
            key_package_ref: addition.reference.clone(),
            pointer,
        })
    }

    fn others_entry(
        &mut self,
        mut row: GroupRow,
        entry: &LogEntry,
        mut changes: ClientChanges,
    ) -> Result<(), Error> {
        let authenticator = self.provider()?.authenticator.clone();
        let (group, records) = self.group_and_records(row.id)?;
        let services = Services::from(&authenticator).with_records(&records);
        let received = MlsMessage::decode(&entry.message)
            .map_err(folkmoot_mls::Error::from)
            .and_then(|message| group.receive(message, services));
        let incoming = match received {
            Ok(incoming) if fits(incoming.content(), entry.kind) => incoming,
            Ok(_) => return self.skip(row, entry, changes, "its kind is not what it says"),
            Err(error) if matches!(error.fault(), Fault::Peer | Fault::Nobody) => {
                return self.skip(row, entry, changes, &error.to_string());
            }
            Err(error) => return Err(unread(error)),
        };
        if let Some(why) = policy::refusal(incoming.content()) {
            return self.skip(row, entry, changes, why);
        }
        let content = incoming.content().clone();
        let secret = slot_secret(group)?;
        let delta = group
            .apply(incoming)
            .map_err(|error| Error::Internal(error.to_string()))?;
        row.epoch = group.epoch();
        row.members = group.member_count().into();
        changes.push(ClientChange::Records(row.id, delta));
        self.compare_views(&row, &content)?;
        match content {
            IncomingContent::Application(message) => {
                self.others_message(&row, entry, &message, &mut changes)?;
            }
            IncomingContent::Proposal { sender, proposal } => {
                self.others_proposal(&row, sender, &proposal)?;
            }
            IncomingContent::Commit(summary) => {
                self.others_commit(&mut row, entry, &summary, &secret, &mut changes)?;
            }
        }
        changes.push(ClientChange::PutGroup(row));
        self.apply(changes)
    }

    /// An entry that is no valid message: it is passed over, and its sender has gained nothing but,
    /// by a commit, the end of the group: the provider takes no other for that epoch.
    fn skip(
        &mut self,
        row: GroupRow,
        entry: &LogEntry,
        mut changes: ClientChanges,
        why: &str,
    ) -> Result<(), Error> {
        if entry.kind == EntryKind::Commit {
            return self.stick(row, changes, why);
        }
        let detail = format!(
            "entry {} of {} was skipped: {why}",
            entry.sequence, row.name
        );
        self.warn(Some(&row.id), WarningKind::InvalidMessage, detail);
        changes.push(ClientChange::PutGroup(row));
        self.apply(changes)
    }

    /// Compares what the sender had seen of the log with what this device saw there.
    fn compare_views(&mut self, row: &GroupRow, content: &IncomingContent) -> Result<(), Error> {
        let data = match content {
            IncomingContent::Application(message) => &message.authenticated_data,
            IncomingContent::Commit(summary) => &summary.authenticated_data,
            IncomingContent::Proposal { .. } => return Ok(()),
        };
        let Some((sequence, head)) = decode_seen(data) else {
            return Ok(());
        };
        let own = self.store.head(&row.id, sequence)?;
        if own.is_some_and(|own| own != head) || sequence >= row.cursor {
            let detail = format!("a member saw another entry {sequence} of {}", row.name);
            self.warn(Some(&row.id), WarningKind::SplitView, detail);
        }
        Ok(())
    }

    fn others_message(
        &mut self,
        row: &GroupRow,
        entry: &LogEntry,
        message: &ApplicationMessage,
        changes: &mut ClientChanges,
    ) -> Result<(), Error> {
        let sender = named(&message.credential)?;
        let Some(text) = decode_text(&message.data) else {
            let detail = format!("a message of {sender} has a content unknown to this version");
            self.warn(Some(&row.id), WarningKind::InvalidMessage, detail);
            return Ok(());
        };
        let message = MessageRow {
            group: row.id,
            sequence: entry.sequence,
            epoch: message.epoch,
            sender,
            text,
            time: entry.time,
            own: false,
            read: false,
        };
        self.events.push_back(Event::Message(stored(row, &message)));
        changes.push(ClientChange::PutMessage(message));
        Ok(())
    }

    fn others_proposal(
        &mut self,
        row: &GroupRow,
        sender: Sender,
        proposal: &Proposal,
    ) -> Result<(), Error> {
        let Proposal::Remove(leaf) = proposal else {
            return Ok(());
        };
        let by_itself = Sender::Member(*leaf) == sender;
        if let (Some(device), true) = (self.device_at(row.id, *leaf)?, by_itself) {
            let (group, name) = (hex(&row.id), row.name.clone());
            self.events.push_back(Event::LeaveProposed {
                group,
                name,
                device,
                own: false,
            });
        }
        Ok(())
    }

    fn others_commit(
        &mut self,
        row: &mut GroupRow,
        entry: &LogEntry,
        summary: &Changes,
        secret: &SlotSecret,
        changes: &mut ClientChanges,
    ) -> Result<(), Error> {
        let names = |list: &[(LeafIndex, Credential)]| {
            list.iter()
                .map(|(_, credential)| named(credential))
                .collect::<Result<Vec<_>, _>>()
        };
        let by = named(&summary.credential)?;
        let (added, removed) = (names(&summary.added)?, names(&summary.removed)?);
        self.check_access(row, entry, (&added, &removed), secret);
        // A commit of this device's own for the same epoch can no longer be accepted.
        if self
            .draft(row.id)?
            .is_some_and(|draft| is_commit(&draft.append))
        {
            changes.push(ClientChange::EraseOutgoing(row.id));
        }
        if summary.self_removed {
            return self.removed(row, entry, by, changes);
        }
        self.leave_again(row, changes)?;
        let updated = summary.updated.iter();
        let updated = updated.map(|leaf| self.device_at(row.id, *leaf));
        let updated: Vec<_> = updated.collect::<Result<_, _>>()?;
        self.events.push_back(Event::Committed {
            group: hex(&row.id),
            name: row.name.clone(),
            sequence: entry.sequence.0,
            epoch: row.epoch.0,
            by,
            own: false,
            added,
            removed,
            updated: updated.into_iter().flatten().collect(),
        });
        Ok(())
    }

    /// A wish to leave went with its epoch: it is made again.
    fn leave_again(&self, row: &mut GroupRow, changes: &mut ClientChanges) -> Result<(), Error> {
        if !row.leaving {
            return Ok(());
        }
        let id = self.next_intent()?;
        let body = to_body(&Task::Leave);
        changes.push(ClientChange::PutIntent(Intent {
            id,
            group: Some(row.id),
            body,
        }));
        row.leaving = false;
        Ok(())
    }

    fn removed(
        &mut self,
        row: &mut GroupRow,
        entry: &LogEntry,
        by: DeviceName,
        changes: &mut ClientChanges,
    ) -> Result<(), Error> {
        row.state = GroupState::Removed;
        row.leaving = false;
        changes.push(ClientChange::EraseOutgoing(row.id));
        for intent in self.store.intents()? {
            if intent.group == Some(row.id) {
                changes.push(ClientChange::EraseIntent(intent.id));
                let error = Error::NotMember {
                    group: row.name.clone(),
                };
                self.outcomes.insert(intent.id, Err(error));
            }
        }
        self.events.push_back(Event::Removed {
            group: hex(&row.id),
            name: row.name.clone(),
            sequence: entry.sequence.0,
            epoch: entry.epoch.0,
            by,
        });
        Ok(())
    }

    /// A commit opens the slots of those it adds and closes those of whom it removes, no others.
    fn check_access(
        &mut self,
        row: &GroupRow,
        entry: &LogEntry,
        (added, removed): (&[DeviceName], &[DeviceName]),
        secret: &SlotSecret,
    ) {
        let sorted = |mut slots: Vec<SlotId>| {
            slots.sort_unstable();
            slots
        };
        let opened = sorted(
            entry
                .opens
                .iter()
                .map(|Opening { slot, .. }| *slot)
                .collect(),
        );
        let closed = sorted(entry.closes.to_vec());
        let to_open = sorted(added.iter().map(|device| secret.slot(device)).collect());
        let gone = removed.iter().filter(|device| !added.contains(device));
        let to_close = sorted(gone.map(|device| secret.slot(device)).collect());
        if opened != to_open || closed != to_close {
            let detail = format!(
                "commit {} of {} changes other access",
                entry.sequence, row.name
            );
            self.warn(Some(&row.id), WarningKind::WrongAccess, detail);
        }
    }
}

fn fits(content: &IncomingContent, kind: EntryKind) -> bool {
    matches!(
        (content, kind),
        (IncomingContent::Application(_), EntryKind::Application)
            | (IncomingContent::Proposal { .. }, EntryKind::Proposal)
            | (IncomingContent::Commit(_), EntryKind::Commit)
    )
}

pub(crate) fn stored(row: &GroupRow, message: &MessageRow) -> StoredMessage {
    let Epoch(epoch) = message.epoch;
    StoredMessage {
        group: hex(&row.id),
        group_name: row.name.clone(),
        sequence: message.sequence.0,
        epoch,
        sender: message.sender.user().clone(),
        device: message.sender.clone(),
        text: message.text.clone(),
        time: message.time.0,
        own: message.own,
    }
}

//! Requests to a group's log: append, read, follow, fetch a Welcome.

use std::collections::BTreeSet;

use folkmoot_protocol::bounds::READ_LIMIT;
use folkmoot_protocol::{
    Action, Append, Appended, Digest, EntryKind, Epoch, LogEntry, LogPage, LogPosition, Problem,
    ProblemCode, Sequence, SlotId, SlotPublicKey, SlotRequest, Timestamp,
};

use crate::command::{FollowRequest, LogRequest, Reply, Subscription, Wake};
use crate::decide::{Accepted, Delivery, unexpected_facts};
use crate::frame;
use crate::need::{EntryRange, GroupFacts, GroupNeed, GroupRecord, SlotRecord, StoredEntry, Write};

impl LogRequest {
    /// Refuses what no record could make acceptable. Nothing here depends on whether the group
    /// exists, so the refusals may differ.
    pub(crate) fn parse(request: SlotRequest, now: Timestamp) -> Result<Self, Problem> {
        request.check_time(now)?;
        let digest = match &request.action {
            Action::Append(append) => {
                check_append(append, &request)?;
                Some(append.digest())
            }
            Action::Read { limit, .. } if !(1..=READ_LIMIT).contains(&usize::from(*limit)) => {
                return Err(malformed("a read asks for 1 to 256 entries"));
            }
            Action::Read { .. } | Action::Welcome { .. } | Action::Follow { .. } => None,
        };
        Ok(Self { request, digest })
    }

    pub(crate) fn only_reads(&self) -> bool {
        self.digest.is_none()
    }
}

fn check_append(append: &Append, request: &SlotRequest) -> Result<(), Problem> {
    frame::check(append, &request.group)?;
    let plain = append.welcome.is_none() && append.opens.is_empty() && append.closes.is_empty();
    if append.kind != EntryKind::Commit && !plain {
        return Err(malformed("only a commit changes who has access"));
    }
    let halved = |has_part: bool| has_part != append.welcome.is_some();
    if append
        .opens
        .iter()
        .any(|joiner| halved(joiner.part.is_some()))
    {
        return Err(malformed(
            "a Welcome has a shared part and one part for each slot that opens",
        ));
    }
    if append.welcome.is_some() && append.opens.is_empty() {
        return Err(malformed("a Welcome is for the slots that open with it"));
    }
    let opens: BTreeSet<_> = append.opens.iter().map(|joiner| joiner.slot).collect();
    let closes: BTreeSet<_> = append.closes.iter().copied().collect();
    if opens.len() != append.opens.len() || closes.len() != append.closes.len() {
        return Err(malformed("a slot is named twice"));
    }
    if opens.contains(&request.slot) || closes.contains(&request.slot) {
        return Err(malformed("a slot opens or closes itself"));
    }
    Ok(())
}

fn malformed(detail: &str) -> Problem {
    Problem::new(ProblemCode::Malformed, detail)
}

impl From<&LogRequest> for GroupNeed {
    fn from(log: &LogRequest) -> Self {
        let request = &log.request;
        let mut need = Self::new(request.group, request.slot);
        match &request.action {
            Action::Append(append) => {
                need.idempotency = Some(append.idempotency);
                need.commit_of = (append.kind == EntryKind::Commit).then_some(append.epoch);
                let opens = append.opens.iter().map(|joiner| joiner.slot);
                need.slots = opens.chain(append.closes.iter().copied()).collect();
            }
            Action::Read { after, limit } => {
                need.entries = Some(EntryRange::new(*after, usize::from(*limit)));
            }
            Action::Follow { after } => need.entries = Some(EntryRange::new(*after, READ_LIMIT)),
            Action::Welcome { sequence } => need.welcome = Some(*sequence),
        }
        need
    }
}

impl From<&FollowRequest> for GroupNeed {
    fn from(follow: &FollowRequest) -> Self {
        let of = &follow.subscription;
        Self {
            entries: Some(EntryRange::new(follow.after, READ_LIMIT)),
            ..Self::new(of.group, of.slot)
        }
    }
}

/// Absent group, unknown slot, slot without a key and wrong signature all end in one refusal.
pub(crate) fn decide(
    delivery: &Delivery,
    log: LogRequest,
    facts: GroupFacts,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    let (group, slot, key) = access(&facts)?;
    let verified = log.request.verify(&key, &delivery.domain, now)?;
    let submitter = verified.slot();
    match (verified.into_action(), log.digest) {
        (Action::Append(append), Some(request)) => Submission {
            submitter,
            slot,
            group,
            append,
            request,
        }
        .decide(delivery, facts, now),
        (Action::Read { after, .. }, None) => {
            let page = page(&group, &slot, after, facts.entries)?;
            Ok(Accepted::reply(Reply::Entries(page)))
        }
        (Action::Follow { after }, None) => {
            let page = page(&group, &slot, after, facts.entries)?;
            let subscription = Subscription {
                group: group.position.group,
                slot: submitter,
                key,
            };
            Ok(Accepted::reply(Reply::Following(subscription, page)))
        }
        (Action::Welcome { sequence }, None) => match facts.welcome {
            _ if sequence != slot.from => Err(Problem::not_found()),
            Some(welcome) => Ok(Accepted::reply(Reply::Welcome(welcome))),
            None => Err(Problem::no_welcome()),
        },
        _ => Err(unexpected_facts()),
    }
}

/// The next entries of a subscription.
pub(crate) fn follow(follow: &FollowRequest, facts: GroupFacts) -> Result<Accepted, Problem> {
    let (group, slot, key) = access(&facts)?;
    if key != follow.subscription.key {
        return Err(Problem::not_found());
    }
    let page = page(&group, &slot, follow.after, facts.entries)?;
    Ok(Accepted::reply(Reply::Entries(page)))
}

fn access(facts: &GroupFacts) -> Result<(GroupRecord, SlotRecord, SlotPublicKey), Problem> {
    let group = facts.group.ok_or_else(Problem::not_found)?;
    let slot = facts.slot.ok_or_else(Problem::not_found)?;
    let key = slot.key.ok_or_else(Problem::not_found)?;
    Ok((group, slot, key))
}

/// What a slot may see of the entries after a place. A closed slot sees up to the entry that closed
/// it; asking beyond is like asking an absent group.
fn page(
    group: &GroupRecord,
    slot: &SlotRecord,
    after: Sequence,
    mut entries: Vec<LogEntry>,
) -> Result<LogPage, Problem> {
    if let Some(last) = slot.closed_at {
        if after >= last {
            return Err(Problem::not_found());
        }
        entries.retain(|entry| entry.sequence <= last);
    }
    if after < slot.from {
        let detail = format!("this slot reads what comes after entry {}", slot.from);
        return Err(Problem::new(ProblemCode::Malformed, detail));
    }
    if after > group.position.sequence {
        let detail = format!("the log ends at entry {}", group.position.sequence);
        return Err(Problem::new(ProblemCode::Conflict, detail));
    }
    let entries = entries.try_into().map_err(|_| unexpected_facts())?;
    Ok(LogPage { entries })
}

/// An append by a slot whose signature was checked.
struct Submission {
    submitter: SlotId,
    slot: SlotRecord,
    group: GroupRecord,
    append: Append,
    request: Digest,
}

impl Submission {
    fn decide(
        self,
        delivery: &Delivery,
        mut facts: GroupFacts,
        now: Timestamp,
    ) -> Result<Accepted, Problem> {
        if let Some(position) = self.earlier(&facts)? {
            return Ok(Accepted::reply(appended(delivery, &position)));
        }
        if self.slot.closed_at.is_some() {
            return Err(Problem::not_found());
        }
        self.check_epoch(facts.winner.take())?;
        self.check_opens(&facts)?;
        self.accept(delivery, &facts, now)
    }

    /// Idempotency comes first: a retry gets its receipt again whatever has happened since.
    fn earlier(&self, facts: &GroupFacts) -> Result<Option<LogPosition>, Problem> {
        match facts.earlier {
            Some(earlier) if earlier.request == self.request => Ok(Some(LogPosition {
                group: self.group.position.group,
                sequence: earlier.sequence,
                head: earlier.head,
            })),
            Some(_) => Err(Problem::new(
                ProblemCode::Conflict,
                "this idempotency key was used for another message",
            )),
            None => Ok(None),
        }
    }

    /// The first commit of an epoch ends it. A later one gets the winner, if its slot may read it.
    fn check_epoch(&self, winner: Option<LogEntry>) -> Result<(), Problem> {
        let current = self.group.epoch;
        if self.append.epoch > current {
            let detail = format!(
                "the message is of epoch {}, but the group is in epoch {}",
                self.append.epoch.0, current.0
            );
            return Err(Problem::new(ProblemCode::Conflict, detail));
        }
        if self.append.epoch == current {
            return Ok(());
        }
        match winner {
            Some(winner)
                if self.append.kind == EntryKind::Commit && winner.sequence > self.slot.from =>
            {
                Err(Problem::epoch_taken(winner))
            }
            _ => Err(Problem::stale_epoch(current)),
        }
    }

    /// An open slot is replaced only by a commit that closes it too, so that nobody loses access by
    /// mistake.
    fn check_opens(&self, facts: &GroupFacts) -> Result<(), Problem> {
        let taken = self.append.opens.iter().any(|joiner| {
            let open = facts.slots.get(&joiner.slot);
            open.is_some_and(|slot| slot.closed_at.is_none())
                && !self.append.closes.contains(&joiner.slot)
        });
        if taken {
            return Err(Problem::new(
                ProblemCode::Conflict,
                "a slot to be opened is open; close it in the same commit",
            ));
        }
        Ok(())
    }

    fn accept(
        self,
        delivery: &Delivery,
        facts: &GroupFacts,
        now: Timestamp,
    ) -> Result<Accepted, Problem> {
        let (group, epoch) = (self.group.position.group, self.next_epoch()?);
        let (new, welcome) = self.append.into_entry();
        let entry = self
            .group
            .position
            .extend(new, now)
            .map_err(|full| Problem::new(ProblemCode::TooMany, full.to_string()))?;
        let position = LogPosition {
            group,
            sequence: entry.sequence,
            head: entry.head,
        };
        let mut writes = slot_writes(&entry, &position, facts);
        writes.push(Write::PutGroup(GroupRecord { epoch, position }));
        writes.push(Write::PutEntry(Box::new(StoredEntry {
            group,
            slot: self.submitter,
            request: self.request,
            entry,
            welcome,
        })));
        Ok(Accepted {
            writes,
            reply: appended(delivery, &position),
            wakes: vec![Wake::Group(group)],
        })
    }

    fn next_epoch(&self) -> Result<Epoch, Problem> {
        let current = self.group.epoch;
        if self.append.kind != EntryKind::Commit {
            return Ok(current);
        }
        let next = current.0.checked_add(1).map(Epoch);
        next.ok_or_else(|| Problem::new(ProblemCode::TooMany, "no epoch is left"))
    }
}

/// Closes come before opens, so that a slot in both starts anew. Closing what is not open changes
/// nothing: whoever opened or closed it wrongly before cannot stop a removal.
fn slot_writes(entry: &LogEntry, position: &LogPosition, facts: &GroupFacts) -> Vec<Write> {
    let put = |slot, record| Write::PutSlot {
        group: position.group,
        slot,
        record,
    };
    let closed = entry.closes.iter().filter_map(|slot| {
        let record = facts.slots.get(slot)?;
        record.closed_at.is_none().then_some((slot, record))
    });
    let mut writes: Vec<_> = closed
        .map(|(slot, record)| {
            let closed_at = Some(entry.sequence);
            put(
                *slot,
                SlotRecord {
                    closed_at,
                    ..*record
                },
            )
        })
        .collect();
    writes.extend(entry.opens.iter().map(|opening| {
        let record = SlotRecord {
            from: entry.sequence,
            ticket_digest: Some(opening.ticket_digest),
            key: None,
            closed_at: None,
        };
        put(opening.slot, record)
    }));
    writes
}

fn appended(delivery: &Delivery, position: &LogPosition) -> Reply {
    let receipt = delivery.receipt_key.sign(&delivery.domain, position);
    Reply::Appended(Appended { receipt })
}

//! From a task to an append, and what becomes of it.

use std::collections::BTreeMap;

use folkmoot_crypto::suite_one;
use folkmoot_identity::{DeviceName, Timestamp, UserName, named_device};
use folkmoot_mls::{
    CommitIntent, Delta, EncryptedGroupSecrets, KeyPackage, LeafIndex, MessageBody, MlsMessage,
    ProposalIntent, Services, VerifiedKeyPackage,
};
use folkmoot_protocol::bounds::READ_LIMIT;
use folkmoot_protocol::{
    Action, Append, ClaimKeyPackages, ClaimedKeyPackage, EntryKind, GroupId, IdempotencyKey,
    Joiner, KeyPackagesClaimed, List, LogPosition, Problem, ProblemCode, Receipt, SlotId, Ticket,
    UnsealableWelcome, WelcomeKey,
};
use folkmoot_store::client::{ClientChange, ClientStore, GroupRow, GroupState, Intent, Outgoing};
use rand_core::CryptoRng;
use tls_codec::Serialize;

use super::account::bounded;
use super::group::{devices, named, settings, slot_secret, unread};
use super::message::{encode_seen, encode_text};
use super::state::{Addition, Draft, Task, from_body, to_body};
use super::{Core, MAX_LOST_RACES, Request, Step, is_commit};
use crate::error::Error;

/// What a commit shall do to the members.
#[derive(Default)]
struct Change {
    add: Vec<ClaimedKeyPackage>,
    remove: Option<UserName>,
}

/// An append that was made, and what the engine wrote for it.
struct Made {
    draft: Draft,
    delta: Delta,
}

impl<S: ClientStore> Core<S> {
    /// What to ask next about one group: settle what is under way, catch up, then begin a task.
    pub(super) fn group_request(
        &mut self,
        row: GroupRow,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<(Step, Request)>, Error> {
        let id = row.id;
        if row.state == GroupState::Removed || row.halted {
            return Ok(None);
        }
        if row.state == GroupState::Stuck {
            if let Some((task, Task::Leave)) = self.first_task(id)? {
                self.close(row, task)?;
            }
            return Ok(None);
        }
        if row.state == GroupState::Creating {
            let request = Request::CreateGroup(self.token()?, Self::creation(&row)?);
            return Ok(Some((Step::Create(id), request)));
        }
        if let Some(draft) = self.draft(id)?
            && draft.acknowledged.is_none()
            && !self.round.shut.contains(&id)
        {
            let request = self.slot_request(&row, Action::Append(draft.append), now)?;
            return Ok(Some((Step::Append(id), Request::Append(request))));
        }
        if !self.round.caught_up.contains(&id) {
            let limit = u16::try_from(READ_LIMIT).expect("256 entries");
            let action = Action::Read {
                after: row.cursor,
                limit,
            };
            let request = self.slot_request(&row, action, now)?;
            return Ok(Some((Step::Read(id), Request::Read(request))));
        }
        if self.round.shut.contains(&id) {
            return Ok(None);
        }
        if let Some((task, Task::Invite { users, .. })) = self.first_task(id)?
            && let Some(user) = users.last()
        {
            let claim = ClaimKeyPackages { user: user.clone() };
            let request = Request::ClaimKeyPackages(self.token()?, claim);
            return Ok(Some((Step::Claim(task), request)));
        }
        if self.begin(&row, now, rng)? {
            return self.group_request(row, now, rng);
        }
        Ok(None)
    }

    pub(super) fn draft(&self, group: GroupId) -> Result<Option<Draft>, Error> {
        let outgoing = self.store.outgoing(&group)?;
        outgoing
            .map(|outgoing| from_body(&outgoing.body))
            .transpose()
    }

    /// Makes the next append of a group, if there is one to make. Everything it takes is on disk
    /// before the first byte leaves.
    fn begin(
        &mut self,
        row: &GroupRow,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<bool, Error> {
        let waiting = self.group_mut(row.id)?.has_proposals_to_commit();
        let task = self.first_task(row.id)?;
        let made = match task {
            Some((id, Task::Leave)) if row.members == 1 => {
                self.close(row.clone(), id)?;
                return Ok(false);
            }
            Some((id, Task::Leave)) => self.make_leave(row, id, rng),
            Some((id, Task::Send { text })) if !waiting => self.make_message(row, id, text, rng),
            Some((id, Task::Update)) => {
                self.make_commit(row, Some(id), &Change::default(), now, rng)
            }
            Some((id, Task::Invite { packages, .. })) => {
                let change = Change {
                    add: packages,
                    ..Change::default()
                };
                self.make_commit(row, Some(id), &change, now, rng)
            }
            Some((id, Task::Remove { user })) => {
                let change = Change {
                    remove: Some(user),
                    ..Change::default()
                };
                self.make_commit(row, Some(id), &change, now, rng)
            }
            Some((_, Task::Send { .. })) | None if waiting => {
                self.make_commit(row, None, &Change::default(), now, rng)
            }
            _ => return Ok(false),
        };
        match made {
            Ok(Made { draft, delta }) => {
                let outgoing = Outgoing {
                    group: row.id,
                    body: to_body(&draft),
                };
                self.apply(vec![
                    ClientChange::Records(row.id, delta),
                    ClientChange::PutOutgoing(outgoing),
                ])?;
                Ok(true)
            }
            Err(error) => {
                // The engine may have moved on without the store: it starts again from there.
                self.groups.remove(&row.id);
                let task = match &error {
                    // A store that fails now may work later: the task stays.
                    Error::Store(_) => None,
                    _ => self.first_task(row.id)?,
                };
                let Some((id, _)) = task else {
                    return Err(error);
                };
                self.apply(vec![ClientChange::EraseIntent(id)])?;
                self.outcomes.insert(id, Err(error));
                // On to the next task.
                Ok(true)
            }
        }
    }

    fn make_message(
        &mut self,
        row: &GroupRow,
        task: u64,
        text: String,
        rng: &mut dyn CryptoRng,
    ) -> Result<Made, Error> {
        let (plaintext, seen) = (encode_text(&text)?, encode_seen(&position(row)));
        let group = self.group_mut(row.id)?;
        let (message, delta) = group
            .seal(&plaintext, &seen, rng)
            .map_err(|error| engine(&error))?;
        let append = append(row, EntryKind::Application, &message, rng)?;
        Ok(Made {
            draft: Draft::new(Some(task), append).with_text(text),
            delta,
        })
    }

    fn make_leave(
        &mut self,
        row: &GroupRow,
        task: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Made, Error> {
        let seen = encode_seen(&position(row));
        let authenticator = self.provider()?.authenticator.clone();
        let (group, records) = self.group_and_records(row.id)?;
        let services = Services::from(&authenticator).with_records(&records);
        let intent = ProposalIntent::Remove(group.own_index());
        let (message, delta) = group
            .propose(intent, &seen, services, rng)
            .map_err(unread)?;
        let append = append(row, EntryKind::Proposal, &message, rng)?;
        Ok(Made {
            draft: Draft::new(Some(task), append),
            delta,
        })
    }

    fn make_commit(
        &mut self,
        row: &GroupRow,
        task: Option<u64>,
        change: &Change,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Made, Error> {
        let authenticator = self.provider()?.authenticator.clone();
        let seen = encode_seen(&position(row));
        let verified = self.verify_packages(&change.add, now)?;
        let (group, records) = self.group_and_records(row.id)?;
        let services = Services::from(&authenticator).with_records(&records);
        let mut leaves = Vec::new();
        if change.remove.is_some() || !change.add.is_empty() {
            // A user is found by name only among all members.
            let members = devices(group, &records)?;
            check_new(&members, &change.add, &row.name)?;
            if let Some(user) = &change.remove {
                leaves = leaves_of(&members, user, &row.name)?;
            }
        }
        let intent = CommitIntent {
            add: verified.clone(),
            remove: leaves,
            force_path: true,
            at: Some(now),
            ..CommitIntent::default()
        };
        let (bundle, delta) = group.commit(intent, &seen, services, rng).map_err(unread)?;
        let secret = slot_secret(group)?;
        let mut append = append(row, EntryKind::Commit, &bundle.commit, rng)?;
        let removals = bundle.removed.iter();
        let removals = removals.map(|(_, credential)| named(credential));
        let removals: Vec<_> = removals.collect::<Result<_, _>>()?;
        let closes: Vec<SlotId> = removals.iter().map(|device| secret.slot(device)).collect();
        append.closes = closes.try_into().map_err(|_| too_many())?;
        let mut draft = Draft::new(task, append);
        draft.removals = removals;
        let additions = additions(&verified, &secret, rng)?;
        if let Some(welcome) = bundle.welcome.filter(|_| !additions.is_empty()) {
            seal_welcome(row.id, welcome, additions, &mut draft, rng)?;
        }
        Ok(Made { draft, delta })
    }

    /// Key packages as the provider handed them out: each must be its device's, and usable now.
    fn verify_packages(
        &self,
        claimed: &[ClaimedKeyPackage],
        now: Timestamp,
    ) -> Result<Vec<VerifiedKeyPackage>, Error> {
        let authenticator = &self.provider()?.authenticator;
        let verify = |one: &ClaimedKeyPackage| {
            let package = decode_key_package(&one.package)
                .ok_or_else(|| forged(&one.device, "it cannot be read"))?;
            let verified = package
                .verify(suite_one(), authenticator, &settings(), Some(now))
                .map_err(|error| forged(&one.device, &error.to_string()))?;
            let leaf = &verified.key_package().content.leaf_node.content;
            match named_device(&leaf.credential) {
                Ok(device) if device == one.device => Ok(verified),
                _ => Err(forged(&one.device, "it is another device's")),
            }
        };
        claimed.iter().map(verify).collect()
    }

    pub(super) fn claimed(&mut self, task: u64, claimed: KeyPackagesClaimed) -> Result<(), Error> {
        let Some((
            group,
            Task::Invite {
                mut users,
                mut packages,
            },
        )) = self.task(task)?
        else {
            return Ok(());
        };
        let user = users.pop();
        let theirs = claimed
            .packages
            .iter()
            .all(|one| Some(one.device.user()) == user.as_ref());
        if !theirs || claimed.packages.is_empty() {
            let what = "the provider gave key packages of somebody else".to_owned();
            return self.fail_task(task, Error::Forged { what });
        }
        packages.extend(claimed.packages.into_vec());
        let body = to_body(&Task::Invite { users, packages });
        self.apply(vec![ClientChange::PutIntent(Intent {
            id: task,
            group: Some(group),
            body,
        })])
    }

    pub(super) fn claim_refused(&mut self, task: u64, problem: Problem) -> Result<(), Error> {
        let Some((_, Task::Invite { users, .. })) = self.task(task)? else {
            return Ok(());
        };
        let user = users.last().cloned();
        let error = match (problem.code, user) {
            (ProblemCode::UnknownUser, Some(user)) => Error::UnknownUser { user },
            (ProblemCode::NoKeyPackages, Some(user)) => Error::NoKeyPackages { user },
            _ => Error::Refused(problem),
        };
        self.fail_task(task, error)
    }

    fn task(&self, id: u64) -> Result<Option<(GroupId, Task)>, Error> {
        let intents = self.store.intents()?;
        let found = intents.into_iter().find(|intent| intent.id == id);
        let with_group = found.and_then(|intent| Some((intent.group?, intent.body)));
        with_group
            .map(|(group, body)| Ok((group, from_body(&body)?)))
            .transpose()
    }

    fn fail_task(&mut self, task: u64, error: Error) -> Result<(), Error> {
        self.apply(vec![ClientChange::EraseIntent(task)])?;
        self.outcomes.insert(task, Err(error));
        Ok(())
    }

    /// The provider has it, durably. What it means is settled when it comes in the log's order.
    pub(super) fn appended(&mut self, group: GroupId, receipt: Receipt) -> Result<(), Error> {
        let position = match self.verify_receipt(&receipt) {
            Ok(position) if position.group == group => position,
            Ok(_) => return self.halt(self.row(group)?, "a receipt for another group"),
            Err(Error::Forged { what }) => return self.halt(self.row(group)?, &what),
            Err(error) => return Err(error),
        };
        let Some(mut draft) = self.draft(group)? else {
            return Ok(());
        };
        draft.acknowledged = Some((position.sequence, position.head));
        self.round.caught_up.remove(&group);
        self.apply(vec![ClientChange::PutOutgoing(Outgoing {
            group,
            body: to_body(&draft),
        })])
    }

    /// The provider did not take it and never will: catch up, then make it anew.
    pub(super) fn append_refused(&mut self, group: GroupId, problem: Problem) -> Result<(), Error> {
        match problem.code {
            ProblemCode::EpochTaken | ProblemCode::StaleEpoch => {
                self.round.caught_up.remove(&group);
                self.drop_draft(group)?;
                let lost = self.round.lost.entry(group).or_default();
                *lost += 1;
                if *lost > MAX_LOST_RACES {
                    return self.fail_tasks(group, |group| Error::Contended { group });
                }
                Ok(())
            }
            ProblemCode::NotFound => {
                // Perhaps removed meanwhile: the log says so up to the commit that did it, and
                // whether this had come before.
                self.round.caught_up.remove(&group);
                self.round.shut.insert(group);
                Ok(())
            }
            ProblemCode::Internal | ProblemCode::Unavailable | ProblemCode::TooMany => {
                Err(Error::Refused(problem))
            }
            _ => {
                self.drop_draft(group)?;
                self.fail_tasks(group, |_| Error::Refused(problem.clone()))
            }
        }
    }

    pub(super) fn drop_draft(&mut self, group: GroupId) -> Result<(), Error> {
        let Some(draft) = self.draft(group)? else {
            return Ok(());
        };
        let mut changes = vec![ClientChange::EraseOutgoing(group)];
        if is_commit(&draft.append) && self.group_mut(group)?.pending_commit().is_some() {
            let delta = self.group_mut(group)?.discard_pending();
            changes.push(ClientChange::Records(group, delta));
        }
        self.apply(changes)
    }

    /// Leaving a group in which nobody is left to be asked.
    fn close(&mut self, row: GroupRow, task: u64) -> Result<(), Error> {
        let id = row.id;
        self.apply(vec![
            ClientChange::PutGroup(GroupRow {
                state: GroupState::Removed,
                members: 0,
                ..row
            }),
            ClientChange::EraseRecords(id),
            ClientChange::EraseIntent(task),
        ])?;
        self.groups.remove(&id);
        self.outcomes.insert(task, Ok(super::Outcome::Left));
        Ok(())
    }
}

impl Draft {
    fn new(task: Option<u64>, append: Append) -> Self {
        Self {
            task,
            append,
            additions: Vec::new(),
            removals: Vec::new(),
            welcome_key: None,
            text: None,
            acknowledged: None,
        }
    }

    fn with_text(self, text: String) -> Self {
        Self {
            text: Some(text),
            ..self
        }
    }
}

pub(super) fn position(row: &GroupRow) -> LogPosition {
    LogPosition {
        group: row.id,
        sequence: row.cursor,
        head: row.head,
    }
}

fn append(
    row: &GroupRow,
    kind: EntryKind,
    message: &MlsMessage,
    rng: &mut dyn CryptoRng,
) -> Result<Append, Error> {
    Ok(Append {
        idempotency: IdempotencyKey::generate(rng),
        epoch: row.epoch,
        kind,
        message: bounded(&message.encode())?,
        welcome: None,
        opens: List::default(),
        closes: List::default(),
    })
}

fn additions(
    verified: &[VerifiedKeyPackage],
    secret: &folkmoot_protocol::SlotSecret,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<Addition>, Error> {
    let mut additions = Vec::with_capacity(verified.len());
    for package in verified {
        let package = package.key_package();
        let credential = &package.content.leaf_node.content.credential;
        let device =
            named_device(credential).map_err(|error| Error::Internal(error.to_string()))?;
        additions.push(Addition {
            slot: secret.slot(&device),
            device,
            reference: bounded(package.reference(suite_one()).0.as_slice())?,
            init_key: bounded(package.content.init_key.as_slice())?,
            ticket: Ticket::generate(rng),
        });
    }
    Ok(additions)
}

/// Takes the Welcome apart, so that each joiner fetches its own secrets and what all share.
fn seal_welcome(
    group: GroupId,
    welcome: MlsMessage,
    additions: Vec<Addition>,
    draft: &mut Draft,
    rng: &mut dyn CryptoRng,
) -> Result<(), Error> {
    let MessageBody::Welcome(welcome) = welcome.body else {
        return Err(Error::Internal("a commit without its Welcome".into()));
    };
    let (shared, secrets) = welcome.split();
    let parts = parts(&additions, &secrets)?;
    let key = WelcomeKey::generate(rng);
    let sealed = key
        .seal(&group, &encoded(&shared)?, &parts)
        .map_err(unsealable)?;
    let joiners: Vec<Joiner> = additions
        .iter()
        .zip(sealed.parts)
        .map(|(one, (slot, part))| Joiner {
            slot,
            ticket_digest: one.ticket.digest(&group, &slot),
            part: Some(part),
        })
        .collect();
    draft.append.welcome = Some(sealed.shared);
    draft.append.opens = joiners.try_into().map_err(|_| too_many())?;
    draft.welcome_key = Some(bounded(key.expose())?);
    draft.additions = additions;
    Ok(())
}

/// The secrets of those whom a commit adds, by their slots and in their order. A Welcome may be for more:
/// for whom others have proposed, who get no slot from this device.
fn parts(
    additions: &[Addition],
    secrets: &[EncryptedGroupSecrets],
) -> Result<Vec<(SlotId, Vec<u8>)>, Error> {
    let of = |one: &EncryptedGroupSecrets| one.new_member.0.as_slice().to_vec();
    let by_reference: BTreeMap<_, _> = secrets.iter().map(|one| (of(one), one)).collect();
    let part = |addition: &Addition| {
        let own = by_reference.get(addition.reference.as_slice());
        let own = own.ok_or_else(|| Error::Internal("a Welcome leaves out a joiner".into()))?;
        Ok((addition.slot, encoded(*own)?))
    };
    additions.iter().map(part).collect()
}

fn encoded(part: &impl Serialize) -> Result<Vec<u8>, Error> {
    let encoded = part.tls_serialize_detached();
    encoded.map_err(|error| Error::Internal(error.to_string()))
}

fn unsealable(error: UnsealableWelcome) -> Error {
    match error {
        UnsealableWelcome::Shared(_) | UnsealableWelcome::Part(_) => too_many(),
        UnsealableWelcome::SlotTwice(_) => Error::Internal(error.to_string()),
    }
}

/// Others may have added somebody since this was asked.
fn check_new(
    members: &[(LeafIndex, DeviceName)],
    add: &[ClaimedKeyPackage],
    name: &str,
) -> Result<(), Error> {
    let is_member = |user: &UserName| members.iter().any(|(_, device)| device.user() == user);
    match add.iter().find(|one| is_member(one.device.user())) {
        Some(one) => Err(Error::AlreadyMember {
            user: one.device.user().clone(),
            group: name.to_owned(),
        }),
        None => Ok(()),
    }
}

fn leaves_of(
    members: &[(LeafIndex, DeviceName)],
    user: &UserName,
    name: &str,
) -> Result<Vec<LeafIndex>, Error> {
    let of_user = members.iter().filter(|(_, device)| device.user() == user);
    let leaves: Vec<_> = of_user.map(|(leaf, _)| *leaf).collect();
    if leaves.is_empty() {
        return Err(Error::NoSuchMember {
            user: user.clone(),
            group: name.to_owned(),
        });
    }
    Ok(leaves)
}

fn decode_key_package(bytes: &[u8]) -> Option<KeyPackage> {
    match MlsMessage::decode(bytes).ok()?.body {
        MessageBody::KeyPackage(package) => Some(package),
        _ => None,
    }
}

fn forged(device: &DeviceName, why: &str) -> Error {
    Error::Forged {
        what: format!("the key package of {device}: {why}"),
    }
}

fn too_many() -> Error {
    Error::Usage("too many devices for one commit; invite fewer people at once".into())
}

/// The engine refuses only what this client should not have asked.
fn engine(error: &folkmoot_mls::Error) -> Error {
    Error::Internal(error.to_string())
}

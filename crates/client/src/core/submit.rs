//! What a caller can ask for.

use folkmoot_crypto::{random, suite_one};
use folkmoot_identity::{Timestamp, UserName};
use folkmoot_mls::{ExtensionType, Extensions, Group};
use folkmoot_protocol::{
    GROUP_NAME_EXTENSION, GroupId, LogPosition, MAX_GROUP_NAME, SLOT_SECRET_EXTENSION,
    SlotPublicKey, SlotSecret,
};
use folkmoot_store::client::{ClientChange, ClientStore, GroupRow, GroupState, Intent};
use rand_core::CryptoRng;

use super::Core;
use super::group::{mls_id, settings};
use super::message::encode_text;
use super::state::{Task, from_body, to_body};
use crate::error::Error;
use crate::summary::{CommitSummary, SentMessage};

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message is in the log.
    Sent(SentMessage),
    /// The commit is in the log.
    Committed(CommitSummary),
    /// The wish to leave is in the log.
    LeaveProposed,
    /// The group is left: there was nobody to ask.
    Left,
}

/// A task's number, by which to ask for its [`Outcome`].
pub type Submitted = u64;

impl<S: ClientStore> Core<S> {
    /// Creates a group of this device alone; the provider hears of it with the next request.
    pub fn create_group(
        &mut self,
        name: &str,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<GroupId, Error> {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(Error::Usage(
                "a group needs a name without control characters".into(),
            ));
        }
        if name.len() > MAX_GROUP_NAME {
            let (what, size) = ("the group's name", name.len());
            return Err(Error::TooLarge {
                what,
                size,
                limit: MAX_GROUP_NAME,
            });
        }
        let id = GroupId::generate(rng);
        let secret: [u8; SlotSecret::LENGTH] = random(rng);
        let extensions = Extensions::default()
            .with(ExtensionType(SLOT_SECRET_EXTENSION), secret)
            .with(ExtensionType(GROUP_NAME_EXTENSION), name.as_bytes());
        let member = self.new_member(now, rng)?;
        let crypto = suite_one();
        let internal = |error: &dyn core::fmt::Display| Error::Internal(error.to_string());
        let (group, delta) = Group::create(
            crypto,
            mls_id(id),
            member,
            extensions,
            settings(),
            &self.provider()?.authenticator,
            rng,
        )
        .map_err(|error| internal(&error))?;
        let keys = crypto
            .generate_signature_key_pair(rng)
            .map_err(|error| internal(&error))?;
        let public = SlotPublicKey::try_from(keys.public.as_slice())
            .map_err(|_| Error::Internal("a key of another length".into()))?;
        let start = LogPosition::start(id, &public);
        let row = GroupRow {
            id,
            name: name.to_owned(),
            state: GroupState::Creating,
            leaving: false,
            halted: false,
            cursor: start.sequence,
            head: start.head,
            slot: super::group::slot_secret(&group)?.slot(&self.identity()?.device),
            slot_key: keys.private,
            epoch: group.epoch(),
            members: 1,
        };
        self.apply(vec![
            ClientChange::PutGroup(row),
            ClientChange::Records(id, delta),
            ClientChange::PutHead(id, start.sequence, start.head),
        ])?;
        Ok(id)
    }

    /// Sends a text to a group.
    pub fn send(&mut self, group: GroupId, text: &str) -> Result<Submitted, Error> {
        encode_text(text)?;
        self.submit(
            group,
            &Task::Send {
                text: text.to_owned(),
            },
        )
    }

    /// Adds all devices of users to a group, by one commit.
    pub fn invite(&mut self, group: GroupId, users: &[UserName]) -> Result<Submitted, Error> {
        let (row, members) = self.members_of(group)?;
        for user in users {
            if members.iter().any(|member| member.user() == user) {
                return Err(Error::AlreadyMember {
                    user: user.clone(),
                    group: row.name,
                });
            }
        }
        let mut users = users.to_vec();
        users.sort();
        users.dedup();
        users.reverse();
        self.submit(
            group,
            &Task::Invite {
                users,
                packages: Vec::new(),
            },
        )
    }

    /// Removes all devices of a user from a group.
    pub fn remove(&mut self, group: GroupId, user: &UserName) -> Result<Submitted, Error> {
        let (row, members) = self.members_of(group)?;
        if !members.iter().any(|member| member.user() == user) {
            return Err(Error::NoSuchMember {
                user: user.clone(),
                group: row.name,
            });
        }
        if self.identity()?.device.user() == user {
            return Err(Error::Usage("to remove yourself, leave the group".into()));
        }
        self.submit(group, &Task::Remove { user: user.clone() })
    }

    /// Gives oneself fresh keys in a group.
    pub fn update(&mut self, group: GroupId) -> Result<Submitted, Error> {
        self.submit(group, &Task::Update)
    }

    /// Asks the members to remove oneself; a stuck group is left without asking.
    pub fn leave(&mut self, group: GroupId) -> Result<Submitted, Error> {
        let row = self.row(group)?;
        if row.state != GroupState::Stuck {
            Self::check_may_act(&row)?;
        }
        self.put_task(group, &Task::Leave)
    }

    fn submit(&mut self, group: GroupId, task: &Task) -> Result<Submitted, Error> {
        Self::check_may_act(&self.row(group)?)?;
        self.put_task(group, task)
    }

    fn put_task(&mut self, group: GroupId, task: &Task) -> Result<Submitted, Error> {
        let id = self.next_intent()?;
        let intent = Intent {
            id,
            group: Some(group),
            body: to_body(task),
        };
        self.apply(vec![ClientChange::PutIntent(intent)])?;
        // Numbers come again; how an earlier task of this number ended was not asked for.
        self.outcomes.remove(&id);
        Ok(id)
    }

    pub(super) fn next_intent(&self) -> Result<u64, Error> {
        let intents = self.store.intents()?;
        Ok(intents.last().map_or(1, |intent| intent.id + 1))
    }

    /// The oldest task of a group.
    pub(super) fn first_task(&self, group: GroupId) -> Result<Option<(u64, Task)>, Error> {
        let intents = self.store.intents()?;
        let first = intents
            .into_iter()
            .find(|intent| intent.group == Some(group));
        first
            .map(|intent| Ok((intent.id, from_body(&intent.body)?)))
            .transpose()
    }
}

//! The facade: one profile, one device, one provider.

use std::path::{Path, PathBuf};

use folkmoot_crypto::sha256;
use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::{GroupId, JoinAddress};
use folkmoot_store::client::{
    ClientChange, ClientStore, ClientStoreError, GroupRow, GroupState, ProfileFolder,
    SqlCipherStore,
};

use super::transport::Transport;
use super::{now, rng};
use crate::core::{Core, Outcome, Submitted, hex, stored};
use crate::error::Error;
use crate::event::{Event, StoredMessage};
use crate::summary::{
    CommitSummary, GroupSummary, MemberSummary, MessageFilter, SentMessage, Whoami,
};

/// Messages that one call gives at the most, the newest where there are more.
const MESSAGES_AT_ONCE: usize = 10_000;

/// A device of a person, with its profile open. Another process cannot open it meanwhile.
#[derive(Debug)]
pub struct Client {
    pub(super) core: Core<SqlCipherStore>,
    pub(super) transport: Transport,
    whoami: Whoami,
}

impl Client {
    /// Registers `user`'s device at a provider, in a new profile folder.
    ///
    /// Where an earlier registration with the same names was cut off, this one goes on.
    pub async fn register(
        profile: &Path,
        address: &JoinAddress,
        user: &str,
        device: &str,
    ) -> Result<Self, Error> {
        let name = DeviceName::new(address.domain(), user, device)?;
        let folder = ProfileFolder::open_or_create(profile, folkmoot_crypto::random(&mut rng()))
            .map_err(|error| in_profile(profile, error))?;
        let store = SqlCipherStore::open(folder).map_err(|error| in_profile(profile, error))?;
        let mut core = Core::new(store)?;
        match core.device() {
            Some(registered) if *registered != name || core.is_registered() => {
                let (path, device) = (profile.to_owned(), registered.to_string());
                return Err(Error::ProfileTaken { path, device });
            }
            _ => core.create_account(address, name, &mut rng())?,
        }
        let mut client = Self::over(core)?;
        client.round().await?;
        Ok(client)
    }

    /// Opens a profile that [`Self::register`] made.
    pub fn open(profile: &Path) -> Result<Self, Error> {
        let folder = ProfileFolder::open(profile).map_err(|error| in_profile(profile, error))?;
        let store = SqlCipherStore::open(folder).map_err(|error| in_profile(profile, error))?;
        let core = Core::new(store).map_err(|error| damaged(profile, error))?;
        if core.device().is_none() {
            return Err(Error::ProfileMissing {
                path: profile.to_owned(),
            });
        }
        Self::over(core)
    }

    fn over(core: Core<SqlCipherStore>) -> Result<Self, Error> {
        let (Some(device), Some(address), Some(key)) =
            (core.device(), core.address(), core.device_public_key())
        else {
            return Err(Error::Internal("the profile has no account".into()));
        };
        let whoami = Whoami {
            user: device.user().clone(),
            device: device.clone(),
            provider: device.domain().clone(),
            address: address.authority(),
            fingerprint: sha256(key)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        };
        let transport = Transport::new(address)?;
        Ok(Self {
            core,
            transport,
            whoami,
        })
    }

    /// Whose profile this is.
    pub fn whoami(&self) -> Whoami {
        self.whoami.clone()
    }

    /// A user from what a person types: a name at the own provider, or a whole `mimi://` URI.
    pub fn user_name(&self, text: &str) -> Result<UserName, Error> {
        if text.contains("://") {
            return Ok(text.parse()?);
        }
        Ok(UserName::new(&self.whoami.provider, text)?)
    }

    /// Takes in everything that has come, and finishes what was begun.
    pub async fn sync(&mut self) -> Result<Vec<Event>, Error> {
        self.round().await?;
        Ok(self.core.take_events())
    }

    /// Events of the calls since the last [`Self::sync`].
    pub fn take_events(&mut self) -> Vec<Event> {
        self.core.take_events()
    }

    /// Creates a group of this device alone.
    pub async fn create_group(&mut self, name: &str) -> Result<GroupSummary, Error> {
        if !self.core.is_registered() {
            self.round().await?;
        }
        let id = self.core.create_group(name, now(), &mut rng())?;
        self.round().await?;
        let row = self.core.store().group(&id)?;
        row.map_or_else(|| Err(unknown(name)), |row| self.summary(&row))
    }

    /// Adds users with all their devices.
    pub async fn invite(
        &mut self,
        group: &str,
        users: &[UserName],
    ) -> Result<CommitSummary, Error> {
        let id = self.up_to_date(group).await?;
        let task = self.core.invite(id, users)?;
        self.committed(task).await
    }

    /// Removes a user with all their devices.
    pub async fn remove(&mut self, group: &str, user: &UserName) -> Result<CommitSummary, Error> {
        let id = self.up_to_date(group).await?;
        let task = self.core.remove(id, user)?;
        self.committed(task).await
    }

    /// Gives this device fresh keys in a group.
    pub async fn update(&mut self, group: &str) -> Result<CommitSummary, Error> {
        let id = self.find(group)?;
        let task = self.core.update(id)?;
        self.committed(task).await
    }

    /// Asks to be removed, which any member's next command does; gives the group as it is now. One
    /// without other members, or stuck, is left at once.
    pub async fn leave(&mut self, group: &str) -> Result<GroupSummary, Error> {
        let id = self.find(group)?;
        let task = self.core.leave(id)?;
        self.finish(task).await?;
        let row = self.core.store().group(&id)?;
        self.summary(&row.ok_or_else(|| unknown(group))?)
    }

    /// Sends a text. It is acknowledged once this returns.
    pub async fn send(&mut self, group: &str, text: &str) -> Result<SentMessage, Error> {
        let id = self.find(group)?;
        let task = self.core.send(id, text)?;
        match self.finish(task).await? {
            Outcome::Sent(sent) => Ok(sent),
            _ => Err(Error::Internal("a message ended as something else".into())),
        }
    }

    /// All groups, those left included.
    pub fn groups(&self) -> Result<Vec<GroupSummary>, Error> {
        self.core
            .store()
            .groups()?
            .iter()
            .map(|row| self.summary(row))
            .collect()
    }

    /// The devices in a group.
    pub fn members(&self, group: &str) -> Result<Vec<MemberSummary>, Error> {
        let id = self.find(group)?;
        let row = self
            .core
            .store()
            .group(&id)?
            .ok_or_else(|| unknown(group))?;
        if row.state == GroupState::Removed {
            return Err(Error::NotMember { group: row.name });
        }
        let member = |(leaf, device): (folkmoot_mls::LeafIndex, DeviceName)| MemberSummary {
            user: device.user().clone(),
            own: device == self.whoami.device,
            device,
            leaf: leaf.0,
        };
        Ok(self.core.members(id)?.into_iter().map(member).collect())
    }

    /// Messages of one group or of all; unread ones count as read from now on.
    pub fn messages(
        &mut self,
        group: Option<&str>,
        filter: MessageFilter,
    ) -> Result<Vec<StoredMessage>, Error> {
        let id = group.map(|group| self.find(group)).transpose()?;
        let unread = filter == MessageFilter::Unread;
        let rows = self
            .core
            .store()
            .messages(id.as_ref(), unread, MESSAGES_AT_ONCE)?;
        let mut messages = Vec::with_capacity(rows.len());
        let mut read = Vec::new();
        for message in rows {
            if let Some(row) = self.core.store().group(&message.group)? {
                messages.push(stored(&row, &message));
            }
            if !message.read {
                read.push(ClientChange::MarkRead(message.group, message.sequence));
            }
        }
        self.core.mark_read(read)?;
        Ok(messages)
    }

    fn summary(&self, row: &GroupRow) -> Result<GroupSummary, Error> {
        Ok(GroupSummary {
            id: hex(&row.id),
            name: row.name.clone(),
            epoch: row.epoch.0,
            members: usize::try_from(row.members).unwrap_or(usize::MAX),
            active: row.state != GroupState::Removed,
            stuck: row.state == GroupState::Stuck,
            leaving: row.leaving,
            unread: self.core.store().unread(&row.id)?,
        })
    }

    /// A group by its name or by the beginning of its id; one that is active before one that is not.
    fn find(&self, text: &str) -> Result<GroupId, Error> {
        let groups = self.core.store().groups()?;
        let fits = |row: &&GroupRow| {
            row.name == text || (text.len() >= 4 && hex(&row.id).starts_with(text))
        };
        let active = |row: &&GroupRow| row.state != GroupState::Removed;
        let found: Vec<_> = groups.iter().filter(fits).collect();
        let living: Vec<_> = found.iter().copied().filter(active).collect();
        match (living.as_slice(), found.as_slice()) {
            ([one], _) | ([], [one]) => Ok(one.id),
            ([], []) => Err(unknown(text)),
            _ => Err(Error::AmbiguousGroup {
                group: text.to_owned(),
            }),
        }
    }

    /// What is asked of members should be asked of those who are members now.
    async fn up_to_date(&mut self, group: &str) -> Result<GroupId, Error> {
        self.round().await?;
        self.find(group)
    }

    async fn committed(&mut self, task: Submitted) -> Result<CommitSummary, Error> {
        match self.finish(task).await? {
            Outcome::Committed(summary) => Ok(summary),
            _ => Err(Error::Internal("a commit ended as something else".into())),
        }
    }

    async fn finish(&mut self, task: Submitted) -> Result<Outcome, Error> {
        self.round().await?;
        let lost = || Err(Error::Internal("a task has not ended".into()));
        self.core.take_outcome(task).unwrap_or_else(lost)
    }

    /// Asks the provider until there is nothing left to ask.
    pub(super) async fn round(&mut self) -> Result<(), Error> {
        self.core.begin_round();
        while let Some(request) = self.core.next_request(now(), &mut rng())? {
            let answer = self.transport.ask(&request).await?;
            self.core.handle(answer, now(), &mut rng())?;
        }
        Ok(())
    }
}

fn unknown(group: &str) -> Error {
    Error::UnknownGroup {
        group: group.to_owned(),
    }
}

fn in_profile(profile: &Path, error: ClientStoreError) -> Error {
    let path: PathBuf = profile.to_owned();
    match error {
        ClientStoreError::Missing => Error::ProfileMissing { path },
        ClientStoreError::Locked => Error::ProfileLocked { path },
        ClientStoreError::Damaged(reason) => Error::ProfileDamaged { path, reason },
        other => Error::Store(other),
    }
}

fn damaged(profile: &Path, error: Error) -> Error {
    match error {
        Error::Store(error) => in_profile(profile, error),
        Error::Internal(reason) => Error::ProfileDamaged {
            path: profile.to_owned(),
            reason,
        },
        other => other,
    }
}

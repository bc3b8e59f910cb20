//! Groups as rows, as engine state, and how one stands to them.

use folkmoot_crypto::{SignatureKeyPair, suite_one};
use folkmoot_identity::{DeviceName, Timestamp, named_device};
use folkmoot_mls::{Credential, ExtensionType, Group, LeafIndex, Records, Settings};
use folkmoot_protocol::{
    Action, CreateGroup, GROUP_NAME_EXTENSION, GroupId, LogPosition, Receipt,
    SLOT_SECRET_EXTENSION, SlotPublicKey, SlotRequest, SlotSecret,
};
use folkmoot_store::client::{
    ClientChange, ClientChanges, ClientStore, ClientStoreError, GroupRecords, GroupRow, GroupState,
};

use super::Core;
use crate::error::Error;
use crate::event::{Event, WarningKind};

/// What this client expects of groups; the same for every member of the same version.
pub(super) fn settings() -> Settings {
    Settings::default()
}

pub(super) fn mls_id(group: GroupId) -> folkmoot_mls::GroupId {
    folkmoot_mls::GroupId::new(group.0.to_vec())
}

/// A group id as people see it.
pub(crate) fn hex(group: &GroupId) -> String {
    group.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret from which all members compute each other's slots.
pub(super) fn slot_secret(group: &Group) -> Result<SlotSecret, Error> {
    let bytes = group
        .extensions()
        .find(ExtensionType(SLOT_SECRET_EXTENSION));
    let secret = bytes.and_then(|bytes| SlotSecret::try_from(bytes).ok());
    secret.ok_or_else(|| Error::Internal("the group has no slot secret".into()))
}

/// The name that the group's creator gave it, where it is one.
pub(super) fn group_name(group: &Group) -> Option<String> {
    let bytes = group
        .extensions()
        .find(ExtensionType(GROUP_NAME_EXTENSION))?;
    let name = core::str::from_utf8(bytes).ok()?;
    let good = !name.is_empty()
        && name.len() <= folkmoot_protocol::MAX_GROUP_NAME
        && !name.chars().any(char::is_control);
    good.then(|| name.to_owned())
}

/// The members' leaves and devices. Their credentials were verified before they became members.
pub(super) fn devices(
    group: &Group,
    records: &dyn Records,
) -> Result<Vec<(LeafIndex, DeviceName)>, Error> {
    let members = group.members(records).map_err(unread)?;
    let named = members.map(|(leaf, node)| Ok((leaf, named(&node.content.credential)?)));
    named.collect()
}

/// Whose a member's credential is.
pub(super) fn named(credential: &Credential) -> Result<DeviceName, Error> {
    let named = named_device(credential);
    named.map_err(|error| Error::Internal(format!("a member's credential: {error}")))
}

impl<S: ClientStore> Core<S> {
    pub(super) fn row(&self, group: GroupId) -> Result<GroupRow, Error> {
        let unknown = || Error::UnknownGroup { group: hex(&group) };
        self.store.group(&group)?.ok_or_else(unknown)
    }

    /// Whether anything can be sent in the group.
    pub(super) fn check_may_act(row: &GroupRow) -> Result<(), Error> {
        if row.state == GroupState::Removed {
            return Err(Error::NotMember {
                group: row.name.clone(),
            });
        }
        if row.state == GroupState::Stuck {
            return Err(Error::GroupStuck {
                group: row.name.clone(),
            });
        }
        if row.halted {
            let what = format!("the provider's log of {} contradicts itself", row.name);
            return Err(Error::Forged { what });
        }
        Ok(())
    }

    /// The engine's state of a group.
    pub(super) fn group_mut(&mut self, id: GroupId) -> Result<&mut Group, Error> {
        self.group_and_records(id).map(|(group, _)| group)
    }

    /// The engine's state of a group, and the records of it that it may not have read.
    pub(super) fn group_and_records(
        &mut self,
        id: GroupId,
    ) -> Result<(&mut Group, GroupRecords<'_, S>), Error> {
        if !self.groups.contains_key(&id) {
            let group = self.load_group(id)?;
            self.groups.insert(id, group);
        }
        let group = self.groups.get_mut(&id);
        let group = group.ok_or_else(|| Error::Internal("a group is not there".into()))?;
        Ok((group, GroupRecords::new(&self.store, id)))
    }

    fn load_group(&self, id: GroupId) -> Result<Group, Error> {
        let records = GroupRecords::new(&self.store, id);
        Group::load(suite_one(), &records, settings()).map_err(unread)
    }

    /// The devices in a group, for one who is in it.
    pub fn members(&self, group: GroupId) -> Result<Vec<(LeafIndex, DeviceName)>, Error> {
        let records = GroupRecords::new(&self.store, group);
        match self.groups.get(&group) {
            Some(group) => devices(group, &records),
            None => devices(&self.load_group(group)?, &records),
        }
    }

    /// The device at a leaf.
    pub(super) fn device_at(
        &mut self,
        group: GroupId,
        leaf: LeafIndex,
    ) -> Result<Option<DeviceName>, Error> {
        let (group, records) = self.group_and_records(group)?;
        let member = group.member(leaf, &records).map_err(unread)?;
        member
            .map(|node| named(&node.content.credential))
            .transpose()
    }

    /// The value that members compare to be sure that they are in one epoch (RFC 9420 §8.7).
    pub fn epoch_authenticator(&mut self, group: GroupId) -> Result<Vec<u8>, Error> {
        let authenticator = self.group_mut(group)?.epoch_authenticator();
        let authenticator = authenticator.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(authenticator.expose().to_vec())
    }

    pub(super) fn members_of(&self, group: GroupId) -> Result<(GroupRow, Vec<DeviceName>), Error> {
        let row = self.row(group)?;
        Self::check_may_act(&row)?;
        let devices = self
            .members(group)?
            .into_iter()
            .map(|(_, device)| device)
            .collect();
        Ok((row, devices))
    }

    pub(super) fn slot_request(
        &self,
        row: &GroupRow,
        action: Action,
        now: Timestamp,
    ) -> Result<Box<SlotRequest>, Error> {
        let keys = SignatureKeyPair {
            private: row.slot_key.clone(),
            public: Vec::new(),
        };
        let domain = &self.provider()?.info.domain;
        let request = SlotRequest::sign(&keys, domain, row.id, row.slot, now, action);
        request
            .map(Box::new)
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// What tells the provider of a group created here.
    pub(super) fn creation(row: &GroupRow) -> Result<CreateGroup, Error> {
        let public = public_key(row)?;
        Ok(CreateGroup {
            group: row.id,
            slot: row.slot,
            slot_key: public,
        })
    }

    pub(super) fn created(&mut self, group: GroupId, receipt: Receipt) -> Result<(), Error> {
        let row = self.row(group)?;
        let position = LogPosition {
            group,
            sequence: row.cursor,
            head: row.head,
        };
        if self.verify_receipt(&receipt)? != position {
            return Err(Error::Forged {
                what: "the receipt for a new group".into(),
            });
        }
        self.apply(vec![ClientChange::PutGroup(GroupRow {
            state: GroupState::Active,
            ..row
        })])
    }

    pub(super) fn verify_receipt(&self, receipt: &Receipt) -> Result<LogPosition, Error> {
        let info = &self.provider()?.info;
        let forged = |_| Error::Forged {
            what: "a receipt that the provider did not sign".into(),
        };
        receipt
            .verify(&info.receipt_key, &info.domain)
            .map_err(forged)
    }

    /// Stops sending in a group whose provider was caught, for good.
    pub(super) fn halt(&mut self, row: GroupRow, what: &str) -> Result<(), Error> {
        let id = row.id;
        self.warn(Some(&id), WarningKind::ForgedLog, what.to_owned());
        let halted = GroupRow {
            halted: true,
            ..row
        };
        let forged = |_| Error::Forged {
            what: what.to_owned(),
        };
        self.end_tasks(id, vec![ClientChange::PutGroup(halted)], forged)
    }

    /// Stops a group whose log went on to an epoch that this device cannot enter.
    pub(super) fn stick(
        &mut self,
        row: GroupRow,
        mut changes: ClientChanges,
        why: &str,
    ) -> Result<(), Error> {
        let id = row.id;
        // A commit of this device's own would have been for the epoch that is over.
        self.drop_draft(id)?;
        let detail = format!(
            "{} can go no further: entry {} ended its epoch with a commit that was skipped ({why})",
            row.name, row.cursor
        );
        self.warn(Some(&id), WarningKind::GroupStuck, detail);
        let state = GroupState::Stuck;
        changes.push(ClientChange::PutGroup(GroupRow { state, ..row }));
        self.end_tasks(id, changes, |group| Error::GroupStuck { group })
    }

    /// The provider shows a group as absent that one is in, or was in until now.
    pub(super) fn group_gone(&mut self, group: GroupId) -> Result<(), Error> {
        self.round.caught_up.insert(group);
        self.round.gone.insert(group);
        self.drop_draft(group)?;
        self.fail_tasks(group, |name| Error::NotMember { group: name })?;
        let detail = "the provider says that there is no such group for this device".to_owned();
        self.warn(Some(&group), WarningKind::GroupGone, detail);
        Ok(())
    }

    /// Ends every task of a group.
    pub(super) fn fail_tasks(
        &mut self,
        group: GroupId,
        error: impl Fn(String) -> Error,
    ) -> Result<(), Error> {
        self.end_tasks(group, Vec::new(), error)
    }

    /// Ends every task of a group together with what made them fail.
    fn end_tasks(
        &mut self,
        group: GroupId,
        mut changes: ClientChanges,
        error: impl Fn(String) -> Error,
    ) -> Result<(), Error> {
        let name = self.row(group)?.name;
        changes.push(ClientChange::EraseOutgoing(group));
        for intent in self.store.intents()? {
            if intent.group == Some(group) {
                changes.push(ClientChange::EraseIntent(intent.id));
                self.outcomes.insert(intent.id, Err(error(name.clone())));
            }
        }
        self.apply(changes)
    }

    pub(super) fn warn(&mut self, group: Option<&GroupId>, kind: WarningKind, detail: String) {
        self.events.push_back(Event::Warning {
            group: group.map(hex),
            kind,
            detail,
        });
    }
}

fn public_key(row: &GroupRow) -> Result<SlotPublicKey, Error> {
    let internal = || Error::Internal("a slot key is damaged".into());
    let public = suite_one()
        .signature_public_key(&row.slot_key)
        .map_err(|_| internal())?;
    SlotPublicKey::try_from(public.as_slice()).map_err(|_| internal())
}

/// What the engine says of records that it cannot read.
pub(super) fn unread(error: folkmoot_mls::Error) -> Error {
    match error {
        folkmoot_mls::Error::Records(error) => {
            Error::Store(ClientStoreError::Damaged(error.to_string()))
        }
        other => Error::Internal(other.to_string()),
    }
}

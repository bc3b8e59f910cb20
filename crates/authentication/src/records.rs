//! The records in memory: what a store does with a [`Need`] and with [`Write`]s, said in the
//! shortest way.

use std::collections::BTreeMap;

use folkmoot_identity::DeviceName;
use folkmoot_protocol::Digest;

use crate::need::{DeviceRecord, Facts, InviteRecord, Need, RegistrationFacts, Write};

/// An Authentication Service's records in memory, for tests and for worlds without disks.
#[derive(Clone, Debug, Default)]
pub struct Records {
    devices: BTreeMap<DeviceName, DeviceRecord>,
    invites: BTreeMap<Digest, InviteRecord>,
}

impl Records {
    /// Loads what a decision must see.
    pub fn load(&self, need: &Need) -> Facts {
        match need {
            Need::Registration { device, invite } => {
                Facts::Registration(Box::new(RegistrationFacts {
                    device: self.devices.get(device).cloned(),
                    devices: count(self.devices.keys().filter(|d| d.user() == device.user())),
                    invite: invite.and_then(|digest| self.invites.get(&digest).cloned()),
                }))
            }
            Need::Invites { at } => {
                Facts::Invites(count(self.invites.values().filter(|i| i.not_after >= *at)))
            }
        }
    }

    /// Applies what was decided, in order.
    pub fn apply(&mut self, writes: Vec<Write>) {
        for write in writes {
            match write {
                Write::PutDevice(record) => {
                    self.devices.insert(record.device.clone(), record);
                }
                Write::PutInvite(record) => {
                    self.invites.insert(record.digest, record);
                }
                Write::SpendInvite(digest) => {
                    self.invites.remove(&digest);
                }
                Write::DropInvites { expired_at } => {
                    self.invites
                        .retain(|_, invite| invite.not_after >= expired_at);
                }
            }
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.fold(0, |count, _| count + 1)
}

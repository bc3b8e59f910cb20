//! The answers of the facade's calls.

use folkmoot_identity::{DeviceName, ProviderDomain, UserName};
use serde::Serialize;

/// Whose profile this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whoami {
    /// The user.
    pub user: UserName,
    /// The device, which is one MLS client.
    pub device: DeviceName,
    /// The provider's domain.
    pub provider: ProviderDomain,
    /// Host and port where the provider listens.
    pub address: String,
    /// SHA-256 of the device's public key, hexadecimal, to compare out of band.
    pub fingerprint: String,
}

/// One group in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupSummary {
    /// Hexadecimal group id.
    pub id: String,
    /// The name that its creator gave it.
    pub name: String,
    /// The current epoch, or the last one a member of.
    pub epoch: u64,
    /// How many devices are in it.
    pub members: usize,
    /// Whether one is a member.
    pub active: bool,
    /// Whether a commit that is not valid ended its epoch, so that nothing can be sent in it.
    pub stuck: bool,
    /// Whether one has asked to leave and is waiting for a member to commit it.
    pub leaving: bool,
    /// How many messages are unread.
    pub unread: u64,
}

/// One device in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberSummary {
    /// The device.
    pub device: DeviceName,
    /// Whose device it is.
    pub user: UserName,
    /// Its leaf in the ratchet tree.
    pub leaf: u32,
    /// Whether it is this client.
    pub own: bool,
}

/// What a commit of this client did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitSummary {
    /// Hexadecimal group id.
    pub group: String,
    /// The group's name.
    pub name: String,
    /// Place in the group's log.
    pub sequence: u64,
    /// The epoch that began.
    pub epoch: u64,
    /// Who joined.
    pub added: Vec<DeviceName>,
    /// Who is no longer a member.
    pub removed: Vec<DeviceName>,
}

/// An acknowledged message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentMessage {
    /// Hexadecimal group id.
    pub group: String,
    /// Place in the group's log.
    pub sequence: u64,
    /// The epoch in which it was sent.
    pub epoch: u64,
}

/// Which messages are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFilter {
    /// Those of others that were not read before; they count as read afterwards.
    Unread,
    /// All there are.
    All,
}

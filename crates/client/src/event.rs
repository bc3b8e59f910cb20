//! What happens in a client's groups, as it is shown to a person or a program.

use folkmoot_identity::{DeviceName, UserName};
use serde::Serialize;

/// Something that happened. Serialises with an `event` tag: `{"event":"joined",…}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// One is a member of a group now.
    Joined {
        /// Hexadecimal group id.
        group: String,
        /// The group's name.
        name: String,
        /// The epoch joined.
        epoch: u64,
        /// Everyone in the group, oneself included.
        members: Vec<DeviceName>,
    },
    /// An application message, of others or of oneself, is in the log and on disk.
    Message(StoredMessage),
    /// The group is in a new epoch.
    Committed {
        /// Hexadecimal group id.
        group: String,
        /// The group's name.
        name: String,
        /// Place in the group's log.
        sequence: u64,
        /// The epoch that begins.
        epoch: u64,
        /// Who committed.
        by: DeviceName,
        /// Whether that was this client.
        own: bool,
        /// Who joined.
        added: Vec<DeviceName>,
        /// Who is no longer a member.
        removed: Vec<DeviceName>,
        /// Whose keys are fresh, the committer aside.
        updated: Vec<DeviceName>,
    },
    /// One is no longer a member of the group; its messages so far stay readable.
    Removed {
        /// Hexadecimal group id.
        group: String,
        /// The group's name.
        name: String,
        /// Place in the group's log of the commit that removed one.
        sequence: u64,
        /// The last epoch one was a member of.
        epoch: u64,
        /// Who committed the removal.
        by: DeviceName,
    },
    /// A member asks to be taken out; any member's next command does it.
    LeaveProposed {
        /// Hexadecimal group id.
        group: String,
        /// The group's name.
        name: String,
        /// Who leaves.
        device: DeviceName,
        /// Whether that is this client.
        own: bool,
    },
    /// Something does not fit; nothing was lost or believed because of it.
    Warning {
        /// Hexadecimal group id, where a group is concerned.
        group: Option<String>,
        /// What kind of thing.
        kind: WarningKind,
        /// One line for a person.
        detail: String,
    },
}

/// What a [`Event::Warning`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// A log entry that is no valid message of the group was skipped.
    InvalidMessage,
    /// A commit that is not valid ended the group's epoch: the group can go no further.
    GroupStuck,
    /// The log's hash chain or a receipt does not fit: the provider shows different logs, or worse.
    /// Nothing more is sent in the group.
    ForgedLog,
    /// A member saw another log than this client did: the provider shows different logs.
    SplitView,
    /// A commit closed or opened other slots than its changes call for.
    WrongAccess,
    /// A pointer or Welcome in the inbox could not be used.
    BadInvitation,
    /// The provider says that the group does not exist, or not for this client.
    GroupGone,
    /// A kept command of an earlier run could not be carried out.
    CommandFailed,
}

/// A message as this client keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredMessage {
    /// Hexadecimal group id.
    pub group: String,
    /// The group's name.
    pub group_name: String,
    /// Place in the group's log, the same for all members.
    pub sequence: u64,
    /// The epoch in which it was sent.
    pub epoch: u64,
    /// Who wrote it.
    pub sender: UserName,
    /// With which device.
    pub device: DeviceName,
    /// What they wrote.
    pub text: String,
    /// When the provider took it, in seconds since 1970.
    pub time: u64,
    /// Whether this client wrote it.
    pub own: bool,
}

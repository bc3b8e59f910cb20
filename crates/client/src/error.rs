//! What can go wrong, whose fault it is and what to do about it.

use std::path::PathBuf;

use folkmoot_identity::{NameError, UserName};
use folkmoot_protocol::Problem;
use folkmoot_store::client::ClientStoreError;

/// Why a command did not do what it was asked.
///
/// Every variant's text is one line that says what to do. What a command changed up to the error
/// is on disk and goes on by itself with the next command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The provider did not answer within the driver's bounds.
    #[error(
        "the provider at {address} cannot be reached ({reason}); check that it is running. What \
         you asked is kept: the next command sends it, so do not ask again"
    )]
    Offline {
        /// Host and port.
        address: String,
        /// What the transport said.
        reason: String,
    },
    /// The server's certificate is not the one that the join address names.
    #[error(
        "the server at {address} is not the one that the join address names: its certificate has \
         another fingerprint. Ask the operator for the current join address"
    )]
    WrongPin {
        /// Host and port.
        address: String,
    },
    /// The text is not the name of a user or device.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The command's argument is not usable.
    #[error("{0}")]
    Usage(String),
    /// The provider knows no such user.
    #[error("there is no user {user} at this provider; check the spelling")]
    UnknownUser {
        /// Who was asked for.
        user: UserName,
    },
    /// This profile has no such group.
    #[error("you have no group called {group}; `group list` shows those you have")]
    UnknownGroup {
        /// The name or prefix that was given.
        group: String,
    },
    /// More than one group fits.
    #[error("more than one of your groups fits {group}; give more digits of its id")]
    AmbiguousGroup {
        /// The name or prefix that was given.
        group: String,
    },
    /// A device of the user has no key package left to be invited with.
    #[error("{user} has no key packages left; they get new ones when they next run any command")]
    NoKeyPackages {
        /// Who was to be invited.
        user: UserName,
    },
    /// One is not, or no longer, a member who may act in the group.
    #[error("you are not a member of {group} any more; ask a member to invite you")]
    NotMember {
        /// The group's name.
        group: String,
    },
    /// A member, or the provider, ended the group's epoch by a commit that is not valid here.
    #[error(
        "{group} can go no further: a member ended its epoch with a commit that is not valid. What \
         you read stays readable; create a new group, invite the others there and leave this one"
    )]
    GroupStuck {
        /// The group's name.
        group: String,
    },
    /// The user is in the group with every device already.
    #[error("{user} is a member of {group} already")]
    AlreadyMember {
        /// Who was to be invited.
        user: UserName,
        /// The group's name.
        group: String,
    },
    /// The user to be removed is not in the group.
    #[error("{user} is not a member of {group}; `group members` shows who is")]
    NoSuchMember {
        /// Who was to be removed.
        user: UserName,
        /// The group's name.
        group: String,
    },
    /// The device name belongs to another key.
    #[error("the name {name} is taken at this provider; choose another user or device name")]
    NameTaken {
        /// The device's name.
        name: String,
    },
    /// Registration needs an invite, or the invite is not good.
    #[error("the provider refused the registration: {detail}; ask the operator for an invite")]
    InviteRefused {
        /// What the provider said.
        detail: String,
    },
    /// The input is over a bound.
    #[error("{what} is too large: {size} bytes, of at most {limit}; send less at once")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// The provider refused the request for another reason.
    #[error("the provider refused: {0}")]
    Refused(Problem),
    /// Other members' changes kept winning.
    #[error("others change {group} too often right now; try again")]
    Contended {
        /// The group's name.
        group: String,
    },
    /// The other side sent what an honest one cannot have sent.
    #[error("not trusted: {what}; nothing more is sent there. Show this to the operator")]
    Forged {
        /// What does not fit.
        what: String,
    },
    /// There is no profile.
    #[error("there is no profile in {}; run `register` first", path.display())]
    ProfileMissing {
        /// The profile's folder.
        path: PathBuf,
    },
    /// Another process has the profile open.
    #[error("the profile in {} is in use by another process; wait for it or stop it", path.display())]
    ProfileLocked {
        /// The profile's folder.
        path: PathBuf,
    },
    /// The profile's files do not fit each other or cannot be read. Nothing has been deleted.
    #[error(
        "the profile in {} is damaged ({reason}). Nothing was deleted: restore its files, or \
         register a new device in another folder", path.display()
    )]
    ProfileDamaged {
        /// The profile's folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The profile is another device's.
    #[error("the profile in {} is that of {device} already; use another folder", path.display())]
    ProfileTaken {
        /// The profile's folder.
        path: PathBuf,
        /// Whose profile it is.
        device: String,
    },
    /// The local store failed, for example because the disk is full.
    #[error("the local store failed: {0}; nothing is lost, try again when that is mended")]
    Store(#[from] ClientStoreError),
    /// A fault of this program.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

impl Error {
    /// The exit code of a command that ends with this error.
    ///
    /// 1 internal, 2 usage, 3 provider unreachable, 4 wrong pin, 5 unknown user or group, 6 no key
    /// packages, 7 not a member, 8 refused, 9 profile missing, locked or damaged, 10 forged or
    /// malformed data from the other side, 11 too large, 12 group stuck. 0 is success.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Name(_) | Self::Usage(_) | Self::AmbiguousGroup { .. } => 2,
            Self::Offline { .. } => 3,
            Self::WrongPin { .. } => 4,
            Self::UnknownUser { .. } | Self::UnknownGroup { .. } | Self::NoSuchMember { .. } => 5,
            Self::NoKeyPackages { .. } => 6,
            Self::NotMember { .. } => 7,
            Self::AlreadyMember { .. }
            | Self::NameTaken { .. }
            | Self::InviteRefused { .. }
            | Self::Refused(_)
            | Self::Contended { .. } => 8,
            Self::ProfileMissing { .. }
            | Self::ProfileLocked { .. }
            | Self::ProfileDamaged { .. }
            | Self::ProfileTaken { .. }
            | Self::Store(_) => 9,
            Self::Forged { .. } => 10,
            Self::TooLarge { .. } => 11,
            Self::GroupStuck { .. } => 12,
        }
    }
}

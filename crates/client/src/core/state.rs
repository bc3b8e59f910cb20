//! What the core keeps in the store beyond rows: its tasks and what it is about to send.

use folkmoot_crypto::Secret;
use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::bounds::MAX_KEY_PACKAGE;
use folkmoot_protocol::{
    Append, Bytes, ChainHead, ClaimedKeyPackage, KeyPackageRefBytes, PostPointer, Sequence, SlotId,
    Ticket,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::Error;

/// What a person asked for in a group. It stays until it is done or cannot be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Send a text.
    Send { text: String },
    /// Add all devices of users; the packages claimed so far.
    Invite {
        users: Vec<UserName>,
        packages: Vec<ClaimedKeyPackage>,
    },
    /// Remove all devices of a user.
    Remove { user: UserName },
    /// Fresh keys for oneself.
    Update,
    /// Ask to be removed.
    Leave,
}

/// An append under way: the same bytes until the provider has decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// The task that it carries out; none for a commit of others' proposals.
    pub(crate) task: Option<u64>,
    /// What is sent.
    pub(crate) append: Append,
    /// Whom the commit adds.
    pub(crate) additions: Vec<Addition>,
    /// Whom it removes.
    #[serde(default)]
    pub(crate) removals: Vec<DeviceName>,
    /// Opens the commit's Welcome.
    pub(crate) welcome_key: Option<Bytes<32>>,
    /// The text of an application message.
    pub(crate) text: Option<String>,
    /// Where the provider's receipt says it is.
    pub(crate) acknowledged: Option<(Sequence, ChainHead)>,
}

/// A device that a commit adds, and what it must be told once the commit stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Addition {
    pub(crate) device: DeviceName,
    pub(crate) reference: KeyPackageRefBytes,
    pub(crate) init_key: Bytes<MAX_KEY_PACKAGE>,
    pub(crate) slot: SlotId,
    pub(crate) ticket: Ticket,
}

/// An invitation being followed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entering {
    /// The opened pointer, in its own encoding.
    pub(crate) pointer: Bytes<256>,
    /// The private key that the slot gets.
    pub(crate) slot_key: Bytes<32>,
    /// Whether the provider has bound the slot to the key.
    pub(crate) redeemed: bool,
}

/// A pointer on its way.
pub(crate) type Posting = PostPointer;

pub(crate) fn to_body<T: Serialize>(value: &T) -> Secret {
    Secret::from(serde_json::to_vec(value).expect("own state has string keys only"))
}

pub(crate) fn from_body<T: DeserializeOwned>(body: &Secret) -> Result<T, Error> {
    serde_json::from_slice(body.expose())
        .map_err(|error| Error::Internal(format!("a kept task cannot be read: {error}")))
}

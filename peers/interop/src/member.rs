//! What an engine's client can be asked for.

use crate::Engine;

/// The type of the one extension beyond RFC 9420's that every client lists: a private code point.
pub const EXTENSION: u16 = 0xF042;

/// One client of one engine, in at most one group. All messages are encoded `MLSMessage`s.
pub trait Member {
    /// The engine behind it.
    fn engine(&self) -> Engine;
    /// Its identity, the content of its basic credential.
    fn name(&self) -> &str;

    /// Makes a KeyPackage and keeps its private keys.
    fn key_package(&mut self) -> Outcome<Vec<u8>>;
    /// Creates a group of one.
    fn create(&mut self, group_id: &[u8]) -> Outcome<()>;
    /// Joins by a Welcome; `tree` is the `ratchet_tree` content where the Welcome lacks it.
    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<()>;
    /// Joins by an external commit, which it returns, and is in the new epoch at once.
    fn enter(&mut self, entry: &Entry) -> Outcome<Vec<u8>>;
    /// The same client, with the same signature key, that has lost all state of the group.
    fn amnesiac(&self) -> Outcome<Box<dyn Member>>;
    /// Takes note of an external pre-shared key.
    fn store_psk(&mut self, id: &[u8], secret: &[u8]) -> Outcome<()>;

    /// Makes a proposal.
    fn propose(&mut self, change: &Change) -> Outcome<Vec<u8>>;
    /// Makes a commit of the changes and of all proposals that wait; it stays pending.
    fn commit(&mut self, changes: &[Change], fresh_keys: bool) -> Outcome<Published>;
    /// Enters the epoch of the pending commit.
    fn accept(&mut self) -> Outcome<()>;
    /// Forgets the pending commit.
    fn discard(&mut self) -> Outcome<()>;
    /// Verifies a message of another member and takes it.
    fn process(&mut self, message: &[u8]) -> Outcome<Seen>;
    /// Seals application data.
    fn seal(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Vec<u8>>;

    /// A GroupInfo that allows external commits.
    fn group_info(&mut self, tree: Tree) -> Outcome<Vec<u8>>;
    /// The content of the `ratchet_tree` extension.
    fn ratchet_tree(&self) -> Outcome<Vec<u8>>;
    /// Leaf index and identity of every member, from the left.
    fn members(&self) -> Outcome<Vec<(u32, String)>>;
    /// The epoch.
    fn epoch(&self) -> Outcome<u64>;
    /// RFC 9420 §8.7.
    fn epoch_authenticator(&self) -> Outcome<Vec<u8>>;
    /// `MLS-Exporter` (RFC 9420 §8.5).
    fn export(&self, label: &str, context: &[u8], length: usize) -> Outcome<Vec<u8>>;
}

/// The result of asking a [`Member`].
pub type Outcome<T> = Result<T, Refusal>;

/// An engine's reason for not doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Refusal {
    /// The refusal that an engine's error means.
    pub fn from_engine(error: impl core::fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }

    /// The refusal of a client without a group.
    pub fn no_group() -> Self {
        Self("this client is in no group".into())
    }
}

/// How a group is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cipher suite's code point.
    pub suite: u16,
    /// How proposals and commits travel.
    pub handshakes: Handshakes,
    /// How the ratchet tree reaches those who join by a Welcome.
    pub tree: Tree,
}

/// How members' proposals and commits travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshakes {
    /// As `PublicMessage`.
    Public,
    /// As `PrivateMessage`.
    Private,
}

/// Where the ratchet tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// In the GroupInfo.
    Inside,
    /// Beside it.
    Outside,
}

/// What a proposal changes. An Update has no place in a commit's own list (RFC 9420 §12.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds the client of this KeyPackage.
    Add(Vec<u8>),
    /// Removes the member at this leaf.
    Remove(u32),
    /// Gives the proposer fresh keys.
    Update,
    /// Mixes in the external key with this id.
    Psk(Vec<u8>),
    /// Replaces the group's extensions; an encoded `Extension extensions<V>`.
    Extensions(Vec<u8>),
}

/// What an external commit is made of.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The group, as one of its members describes it.
    pub group_info: Vec<u8>,
    /// The content of `ratchet_tree` where the GroupInfo lacks it.
    pub tree: Option<Vec<u8>>,
    /// The leaf that this client had and now gives up.
    pub old_leaf: Option<u32>,
    /// The ids of external pre-shared keys to mix in.
    pub psks: Vec<Vec<u8>>,
}

/// A commit as it is published.
#[derive(Clone, Debug)]
pub struct Published {
    /// For all members.
    pub commit: Vec<u8>,
    /// For those who are added.
    pub welcome: Option<Vec<u8>>,
}

/// What a message was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Application data.
    Message {
        /// The sender's leaf.
        sender: u32,
        /// The data.
        data: Vec<u8>,
        /// What was authenticated beside it.
        authenticated_data: Vec<u8>,
    },
    /// A proposal, which now waits.
    Proposal,
    /// A commit, whose epoch has begun.
    Commit {
        /// Whether it removed this client.
        removed: bool,
    },
}

//! What an implementation is asked to do, and what each answer says.

use crate::made::Invitation;
use std::fmt;
use std::time::{Duration, Instant};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Implementation {
    Folkmoot,
    MlsRs,
    OpenMls,
    /// The floor.
    Primitive,
}

impl Implementation {
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::MlsRs | Self::OpenMls)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Folkmoot => "folkmoot",
            Self::MlsRs => "mls-rs",
            Self::OpenMls => "openmls",
            Self::Primitive => "primitive",
        }
    }
}

/// What failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    pub(crate) fn debug(error: impl fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }

    pub(crate) fn no_group() -> Self {
        Self("there is no group".into())
    }

    pub(crate) fn during(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl From<folkmoot_crypto::CryptoError> for Failure {
    fn from(error: folkmoot_crypto::CryptoError) -> Self {
        Self::new(error)
    }
}

impl From<folkmoot_mls::Error> for Failure {
    fn from(error: folkmoot_mls::Error) -> Self {
        Self::new(error)
    }
}

impl From<folkmoot_mls::DecodeError> for Failure {
    fn from(error: folkmoot_mls::DecodeError) -> Self {
        Self::debug(error)
    }
}

/// One operation once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Its steps in their order; the operation takes their sum.
    pub(crate) steps: Vec<(&'static str, Duration)>,
    /// Bytes, of what the operation's kind says.
    pub(crate) bytes: usize,
    /// A second figure: of what a store wrote physically, or of what an operation leaves to be stored.
    pub(crate) beside: Option<usize>,
}

impl Sample {
    pub(crate) fn time(&self) -> Duration {
        self.steps.iter().map(|(_, time)| *time).sum()
    }
}

/// Takes the steps' times one after the other.
pub(crate) struct Watch {
    last: Instant,
    steps: Vec<(&'static str, Duration)>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self {
            last: Instant::now(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn step(&mut self, name: &'static str) {
        let now = Instant::now();
        self.steps.push((name, now - self.last));
        self.last = now;
    }

    pub(crate) fn sample(self, bytes: usize) -> Sample {
        Sample {
            steps: self.steps,
            bytes,
            beside: None,
        }
    }
}

/// What was made for others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) sample: Sample,
    /// An encoded MLSMessage.
    pub(crate) message: Vec<u8>,
    /// The Welcome, where there is one.
    pub(crate) welcome: Option<Vec<u8>>,
}

/// The two members that an implementation plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Committer,
    Receiver,
}

impl Seat {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Committer => "committer",
            Self::Receiver => "receiver",
        }
    }
}

/// Where the ratchet tree of a Welcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Inside,
    Outside,
}

/// What a commit of the committer does; only the first has a path where RFC 9420 lets it choose.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    FreshKeys,
    /// Adds the client of this encoded KeyPackage, the tree outside the Welcome.
    Add(&'a [u8]),
    /// The same with the tree inside.
    Invite(&'a [u8]),
    /// The members at these leaves.
    Remove(&'a [u32]),
}

/// An implementation of RFC 9420 under measurement.
pub(crate) trait Engine {
    fn implementation(&self) -> Implementation;

    /// Makes a KeyPackage and forgets it.
    fn key_package(&mut self) -> Result<Sample, Failure>;
    /// Creates a group of one, untimed, and adds everybody by one commit without a path; keeps the group
    /// for [`Self::sparse_commit`].
    fn build(&mut self, offers: &[Vec<u8>], tree: Tree) -> Result<Sample, Failure>;
    /// Gives the builder of the last group its first path, and forgets the group.
    fn sparse_commit(&mut self) -> Result<Sample, Failure>;

    /// A KeyPackage to join with, for a seat.
    fn enrol(&mut self, seat: Seat) -> Result<Vec<u8>, Failure>;
    /// The committer begins a group of one.
    fn found(&mut self) -> Result<(), Failure>;
    /// Joins; the tree may be inside the Welcome. May be asked again for the same seat.
    fn join(&mut self, seat: Seat, invitation: &Invitation) -> Result<Sample, Failure>;

    /// The committer commits and accepts its commit.
    fn commit(&mut self, change: Change<'_>) -> Result<Sent, Failure>;
    /// The receiver enters the epoch of a commit.
    fn process(&mut self, commit: &[u8]) -> Result<Sample, Failure>;
    /// The receiver stores what changed since it last did; none where that is no step of its own.
    fn store(&mut self) -> Result<Option<Sample>, Failure>;
    /// The receiver forgets its group, loads it from its store and processes a commit.
    fn load(&mut self, commit: &[u8]) -> Result<Sample, Failure>;
    /// Bytes allocated by a group that the receiver loads, as it is in use and with all of its tree.
    fn memory(&mut self) -> Result<[usize; 2], Failure>;
    /// The committer seals data.
    fn send(&mut self, data: &[u8]) -> Result<Sent, Failure>;
    /// The receiver opens it.
    fn receive(&mut self, message: &[u8]) -> Result<Sample, Failure>;
    /// The receiver seals data and stores what that changed; none where nothing can be stored for itself.
    fn send_stored(&mut self, data: &[u8]) -> Result<Option<Sample>, Failure>;
    /// Somebody with public state only validates a commit, as often as asked; none where that cannot be
    /// done.
    fn observe(&mut self) -> Result<Option<Sample>, Failure>;
}

//! What can go wrong, and whose fault it is.

use crate::check::Check;
use crate::wire::Epoch;
use folkmoot_crypto::CryptoError;

/// Bytes that are no message of RFC 9420.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes: {detail}; the rule: {check}")]
pub struct DecodeError {
    check: Check,
    detail: String,
}

impl DecodeError {
    /// The rule that the bytes break.
    pub fn check(&self) -> Check {
        self.check
    }

    /// What a decoder of this crate says to the codec, which carries text only.
    pub(crate) fn marked(check: Check) -> tls_codec::Error {
        tls_codec::Error::DecodingError(check.to_string())
    }
}

impl From<tls_codec::Error> for DecodeError {
    fn from(error: tls_codec::Error) -> Self {
        /// The rules that decoders of this crate check.
        const MARKED: [Check; 7] = [
            Check::AppDataDictionary,
            Check::AppEphemeral,
            Check::MediaTypes,
            Check::MessageBound,
            Check::ExtensionsDistinct,
            Check::KeyPackageMessageVersion,
            Check::ProtocolVersion,
        ];
        let detail = error.to_string();
        let check = match &error {
            tls_codec::Error::InvalidVectorLength => Check::VectorHeader,
            tls_codec::Error::DecodingError(text) if text.contains("decode Option") => {
                Check::OptionalPresence
            }
            tls_codec::Error::DecodingError(text) => {
                let marked = MARKED.into_iter().find(|check| check.to_string() == *text);
                marked.unwrap_or(Check::WholeStructure)
            }
            _ => Check::WholeStructure,
        };
        Self { check, detail }
    }
}

/// The Authentication Service does not accept a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("credential refused: {0}")]
pub struct CredentialRejected(pub String);

/// The store of a group's records could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the group's records cannot be read: {0}")]
pub struct RecordsError(pub String);

/// Who has to do something about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whoever made the message.
    Peer,
    /// Nobody: the message came too late, twice, or is not for this member.
    Nobody,
    /// The code that called the engine.
    Caller,
    /// The store.
    Store,
}

/// Why a transition of a group did not happen. The group is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a message at all.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A rule of RFC 9420 is broken.
    #[error("the message is not valid: {0}")]
    Invalid(Check),
    /// The Authentication Service says no.
    #[error(transparent)]
    Credential(#[from] CredentialRejected),
    /// The message belongs to an epoch that is past its window, or has not begun.
    #[error("the message is of epoch {}, the group is in epoch {}", .message.0, .current.0)]
    WrongEpoch {
        /// The message's.
        message: Epoch,
        /// The group's.
        current: Epoch,
    },
    /// The message's key was used already: a replay, or its key is past the window.
    #[error("the message's key is used up or was never kept (generation {generation})")]
    KeyConsumed {
        /// The message's generation.
        generation: u32,
    },
    /// The proposal waits already: the message came twice.
    #[error("the proposal waits already")]
    ProposalWaits,
    /// The commit is the one that this member has pending: accept it.
    #[error("the commit is this member's own pending one")]
    OwnCommit,
    /// A message of this member itself, which it cannot open.
    #[error("the message is this member's own")]
    OwnMessage,
    /// What the caller asks does not fit the group's state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The records could not be read, or are damaged.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// What a caller asked does not fit the group's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The member was removed.
    #[error("this client is no longer a member of the group")]
    NotMember,
    /// Proposals wait for a commit (RFC 9420 §12.4): commit first.
    #[error("proposals are waiting: commit them before sending")]
    ProposalsPending,
    /// A commit is pending: accept or discard it first.
    #[error("a commit is pending: accept or discard it first")]
    CommitPending,
    /// No commit is pending.
    #[error("no commit is pending")]
    NoCommitPending,
    /// The transition was computed from another state of the group.
    #[error("the group has changed since the message was examined: receive it again")]
    Superseded,
    /// A commit has ended the group for another one (RFC 9420 §12.4.2).
    #[error("the group is reinitialised: its successor goes on")]
    Reinitialised,
    /// No commit has ended the group for another one.
    #[error("the group is not reinitialised: no commit of a ReInit was accepted")]
    NotReinitialised,
    /// There is no such member.
    #[error("there is no member at leaf {0}")]
    NoSuchMember(u32),
    /// The request is against a rule of RFC 9420; nothing was made.
    #[error("the request is not valid: {0}")]
    Refused(Check),
    /// The cipher suite has no provider.
    #[error("the cipher suite is not available here")]
    UnknownSuite,
    /// A cryptographic operation on own keys failed.
    #[error("own key material is not usable: {0}")]
    OwnKeys(CryptoError),
    /// What results is longer than the encoding's 2^30 − 1 bytes, such as the tree of a large group of
    /// large leaves.
    #[error("the result is too long to be encoded")]
    TooLong,
    /// The component's secret of this epoch was taken already (draft-ietf-mls-extensions §4.4).
    #[error("component {0} has taken its secret of this epoch already")]
    ExportTaken(u16),
    /// The ratchet has no generation left.
    #[error("the epoch's message keys are exhausted: commit to go on")]
    GenerationsExhausted,
}

impl Error {
    /// Who has to do something about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Malformed(_) | Self::Invalid(_) | Self::Credential(_) => Fault::Peer,
            Self::WrongEpoch { .. }
            | Self::KeyConsumed { .. }
            | Self::ProposalWaits
            | Self::OwnCommit
            | Self::OwnMessage => Fault::Nobody,
            Self::State(_) => Fault::Caller,
            Self::Records(_) => Fault::Store,
        }
    }
}

impl From<Check> for Error {
    fn from(check: Check) -> Self {
        Self::Invalid(check)
    }
}

/// Records that this engine cannot have written.
pub(crate) fn damaged(what: &str) -> Error {
    Error::Records(RecordsError(what.into()))
}

/// Own keys fail only where the caller brought unusable ones.
pub(crate) fn own_keys(error: CryptoError) -> Error {
    Error::State(StateError::OwnKeys(error))
}

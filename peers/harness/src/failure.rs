//! Why a request is not carried out, and how gRPC says it.

use folkmoot_crypto::CryptoError;
use folkmoot_mls::{DecodeError, Error, Fault, StateError};
use tonic::{Code, Status};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no {kind} {id}")]
    Unknown { kind: &'static str, id: u32 },
    #[error("{0}")]
    Argument(String),
    #[error("{0}")]
    State(String),
    #[error("no room for more {0}")]
    Full(&'static str),
    #[error(transparent)]
    Engine(#[from] Error),
}

impl Failure {
    /// Bytes that are something else.
    pub(crate) fn not(what: &str) -> Self {
        Self::Argument(format!("these bytes are not {what}"))
    }

    fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } => Code::NotFound,
            Self::Argument(_) => Code::InvalidArgument,
            Self::State(_) => Code::FailedPrecondition,
            Self::Full(_) => Code::ResourceExhausted,
            Self::Engine(error) => match error.fault() {
                Fault::Peer => Code::InvalidArgument,
                Fault::Nobody | Fault::Caller => Code::FailedPrecondition,
                Fault::Store => Code::Internal,
            },
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        StateError::OwnKeys(error).into()
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code(), failure.to_string())
    }
}

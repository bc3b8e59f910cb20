//! Why the provider's store did not do something.

use std::path::PathBuf;

use folkmoot_protocol::{Problem, ProblemCode};

/// An error of the provider's store. Nothing of the command was kept, and nothing was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More commands wait than the store queues; the same command may succeed later.
    #[error("the store is busy")]
    Busy,
    /// The store is shutting down, or its thread has ended.
    #[error("the store has stopped")]
    Stopped,
    /// Another process holds the database.
    #[error("another process uses {0}")]
    InUse(PathBuf),
    /// The disk, or the space that the configuration allows, is full.
    #[error("no space is left for the database")]
    Full,
    /// The file is no database, not this program's, or its content cannot be what this program
    /// wrote.
    #[error("the database is damaged: {0}; restore it from a backup")]
    Damaged(String),
    /// A newer program wrote the database.
    #[error("the database has version {found}, and this program knows versions up to {known}")]
    Newer {
        /// The version of the file.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// Reading or writing failed: missing rights, a failing disk.
    #[error("the database cannot be used: {0}")]
    Failed(String),
}

impl From<StoreError> for Problem {
    /// What a client learns: whether to try again, and nothing about the provider's disk.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Stopped | StoreError::Full => Self::new(
                ProblemCode::Unavailable,
                "the provider cannot store this now; try again later",
            ),
            StoreError::InUse(_)
            | StoreError::Damaged(_)
            | StoreError::Newer { .. }
            | StoreError::Failed(_) => {
                Self::new(ProblemCode::Internal, "the provider's store failed")
            }
        }
    }
}

//! Why the client's store did not do something.

/// An error of the client's store. Nothing was changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientStoreError {
    /// There is no store in the folder.
    #[error("there is no store")]
    Missing,
    /// There is a store in the folder already.
    #[error("there is a store already")]
    Exists,
    /// Another process holds the store.
    #[error("another process uses the store")]
    Locked,
    /// The key does not fit the file, or the file's content cannot be what this program wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A newer program wrote the store.
    #[error("the store has version {found}, and this program knows versions up to {known}")]
    Newer {
        /// The version of the file.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// Reading or writing failed: a full disk, missing rights.
    #[error("{0}")]
    Failed(String),
}

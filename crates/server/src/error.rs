//! Why a provider does not start or stop as asked.

use std::net::SocketAddr;
use std::path::Path;

use folkmoot_protocol::Problem;
use folkmoot_store::provider::StoreError;

/// Why a provider could not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operator's configuration is wrong.
    #[error("configuration: {0}")]
    Config(String),
    /// The data directory cannot be used as it is.
    #[error("data directory: {0}")]
    Data(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS certificate: {0}")]
    Certificate(String),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The provider refused what its operator asked for.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// A fault of this program.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Error {
    /// A file operation in the data directory failed.
    pub(crate) fn data(path: &Path, error: &std::io::Error) -> Self {
        Self::Data(format!("{}: {error}", path.display()))
    }
}

//! The provider's store in an SQLite file.
//!
//! One thread writes: it takes what waits, decides each command in a savepoint of its own, commits
//! once for all of them, and only then lets the answers go. A few threads read, each from a
//! snapshot.

mod authentication;
mod delivery;
mod error;
mod job;
mod open;
mod row;
mod schema;
mod threads;

use std::path::PathBuf;

use folkmoot_protocol::Timestamp;

use self::job::{Job, Task};
use self::threads::Threads;
use super::{AuthenticationAnswer, Cores, DeliveryAnswer, OnAnswer, ProviderStore, StoreError};

/// Most commands that wait to be written, and most that wait to be read.
pub const QUEUE_LENGTH: usize = 1024;
/// Most commands that one commit makes durable.
pub const MAX_BATCH: usize = 64;
/// Threads, each with a connection, that serve commands that only read.
pub const READERS: usize = 4;

/// Where the database is, and how large it may get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The database's file; made with mode 0600 if there is none. SQLite puts its write-ahead log
    /// and index beside it, and the store a lock file.
    pub path: PathBuf,
    /// Largest size of the database in bytes, rounded to pages; beyond it, writes end in
    /// [`StoreError::Full`].
    pub largest: Option<u64>,
}

/// A provider's records in an SQLite file.
///
/// An answer leaves after its commit has reached the disk (`synchronous = FULL`). Dropping the store
/// finishes what waits.
#[derive(Debug)]
pub struct SqliteStore {
    threads: Threads,
}

impl SqliteStore {
    /// Opens the file, or makes one, and brings its schema up to date.
    ///
    /// A file that is damaged, newer, or no provider's database is left as it is.
    pub fn open(options: &SqliteOptions, cores: Cores) -> Result<Self, StoreError> {
        let opened = open::open(options)?;
        let threads = Threads::start(opened, cores)?;
        Ok(Self { threads })
    }
}

impl ProviderStore for SqliteStore {
    fn deliver(
        &self,
        command: folkmoot_delivery::Command,
        now: Timestamp,
        on_answer: OnAnswer<DeliveryAnswer>,
    ) {
        self.threads.submit(Job {
            task: Task::Deliver(Box::new(command), on_answer),
            now,
        });
    }

    fn authenticate(
        &self,
        command: folkmoot_authentication::Command,
        now: Timestamp,
        on_answer: OnAnswer<AuthenticationAnswer>,
    ) {
        self.threads.submit(Job {
            task: Task::Authenticate(command, on_answer),
            now,
        });
    }
}
